"""What learners' code finds in a sandbox: the interpreter, the packages, the names that it may import.

The image itself is asked, in a sandbox that runs nothing else, once; the answer stands for as long as
sandboxes are made of that image. Nothing here knows which language it is.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from .confinement import Spec
from .errors import GraderError, InventoryUnknown, SandboxFailed

FRESH_S = 60.0  # for so long nobody looks whether the image has been built anew
WAIT_S = 15.0  # for the first answer; the work goes on when nobody waits any more
MOST = 20_000  # packages, and names, of one image
LONGEST = 200  # characters of a name or a version

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Package:
    """``modules``: the names by which a program imports it."""

    name: str
    version: str
    modules: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Inventory:
    """``modules``: every name that can be imported at the top level, the language's own included."""

    language: str
    version: str
    packages: tuple[Package, ...]
    modules: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def read(cls, told: dict[str, Any]) -> Inventory:
        """From what an image says. Raises SandboxFailed for what is none: the image may be anybody's."""
        try:
            packages = tuple(
                Package(_text(each["name"]), _text(each["version"]), tuple(_texts(each["modules"])))
                for each in _list(told["packages"])
            )
            return cls(
                _text(told["language"]), _text(told["version"]), packages, tuple(_texts(told["modules"]))
            )
        except (KeyError, TypeError, ValueError) as error:
            raise SandboxFailed(
                "The sandbox did not say what it has.", log_message=f"an inventory that is none: {error!r}"
            ) from error


def _text(value: object) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST:
        raise ValueError(f"no text of at most {LONGEST} characters")
    return value


def _texts(value: object) -> Iterator[str]:
    return map(_text, _list(value))


def _list(value: object) -> list[Any]:
    if not isinstance(value, list) or len(value) > MOST:
        raise ValueError(f"no list of at most {MOST} items")
    return value


class Askable(Protocol):
    async def inventory(self) -> tuple[str, dict[str, Any]]: ...

    async def close(self) -> None: ...


class Lender(Protocol):
    """Where the sandbox that is asked comes from: ``background.Background``, since this can wait."""

    async def take(self, spec: Spec) -> Askable: ...


class Images(Protocol):
    async def image(self) -> str: ...


class Inventories:
    """Remembers what the image of the sandboxes has."""

    def __init__(self, lender: Lender, images: Images) -> None:
        self._lender = lender
        self._images = images
        self._known: tuple[str, Inventory] | None = None
        self._looked = float("-inf")
        self._work: asyncio.Task[Inventory] | None = None

    async def get(self) -> Inventory:
        """Raises InventoryUnknown while no sandbox can be asked; an older answer is better than none."""
        if self._known and time.monotonic() - self._looked < FRESH_S:
            return self._known[1]
        if self._work is None or self._work.done():
            self._work = asyncio.create_task(self._look(), name="inventory")
        try:
            async with asyncio.timeout(WAIT_S):
                return await asyncio.shield(self._work)
        except (GraderError, TimeoutError) as error:
            log.warning("what the sandbox has is not known: %s", getattr(error, "log_message", "") or error)
            if self._known:
                return self._known[1]
            raise InventoryUnknown(
                "What the sandbox has is not known just now. Try again in a minute.", retry_after_s=10
            ) from error

    async def _look(self) -> Inventory:
        image = await self._images.image()
        if self._known and self._known[0] == image:
            self._looked = time.monotonic()
            return self._known[1]
        sandbox = await self._lender.take(Spec())
        try:
            asked, told = await sandbox.inventory()
        finally:
            await sandbox.close()
        self._known, self._looked = (asked, Inventory.read(told)), time.monotonic()
        return self._known[1]

    async def stop(self) -> None:
        if self._work:
            self._work.cancel()
            await asyncio.gather(self._work, return_exceptions=True)
