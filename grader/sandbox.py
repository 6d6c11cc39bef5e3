"""Single-use containers for submissions. All that the grader says to Docker is said here.

A sandbox is created, started and has said "ready" before a job comes; handing it the job is then a write
to an open connection. It runs one job and is killed and removed, whatever happened. ``pool`` keeps ready
ones; what a container may do is in ``confinement``.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
import uuid
from collections.abc import AsyncIterator, Callable, Collection
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import aiodocker
import aiohttp
from aiodocker.events import DockerEvents

from . import confinement
from .confinement import LABEL, EngineSettings, Spec
from .errors import EngineUnavailable, ImageUnknown, SandboxFailed
from .frames import FrameError, Frames, encode
from .models import Job

PROTOCOL = 1
STREAM_MAX = 16 * 1024 * 1024  # bytes that a sandbox may send altogether, its log included
LOG_KEPT = 8 * 1024  # bytes of its log that are kept
READY_S = 60.0  # from start to "ready"; a busy machine under gVisor needs a few
ENGINE_S = 60.0  # one call to the engine
CAUSE_S = 5.0  # to learn why a sandbox is gone
OOM_LATE_S = 0.5  # by so much may the news that it was memory come after the end
GRACE_S = 2.0  # what the judge has, past the submission's own limit, to report that it was passed
INVENTORY_S = 30.0  # to say what an image has
ORPHAN_S = 60.0  # an ended container older than this is nobody's any more
LEFTOVER_S = 7200.0  # and no sandbox is meant to live this long


_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run ended: the judge said so ("done"), the sandbox was gone ("eof"), its time was up ("wall"),
    it sent more than it may ("output"), or what it sent was no protocol ("broken")."""

    kind: Literal["done", "eof", "wall", "output", "broken"]
    oom_killed: bool = False
    exit_code: int | None = None
    detail: str = ""  # for the log

    @property
    def ours(self) -> bool:
        """Whether it broke in a way that is no learner's doing (killed from outside, the engine gone,
        a fault of the judge): worth another try in a fresh sandbox."""
        return self.kind in ("eof", "broken") and not self.oom_killed


class Sandbox:
    """One container for one job. Made ready by ``Engine.make``; ``died`` is called once when it is of no
    more use to anyone who waits for a job, ``discard`` once when it is to be removed."""

    def __init__(
        self,
        container: aiodocker.containers.DockerContainer,
        spec: Spec,
        discard: Callable[[Sandbox], None],
        died: Callable[[Sandbox], None],
    ) -> None:
        self.spec = spec
        self.id: str = container.id
        self.container = container
        self.born = time.time()  # by the engine's clock, for questions to it
        self.made_at = time.monotonic()  # for ages, which no change of the clock may touch
        self.log = b""  # the end of what the judge wrote to its stderr
        self._discard = discard
        self._died = died
        self._stream = container.attach(stdin=True, stdout=True, stderr=True)
        self._frames = Frames()
        self._on_event: Callable[[dict[str, Any]], None] | None = None
        self._received = 0
        self._ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._ended: asyncio.Future[Ending] = asyncio.get_running_loop().create_future()
        self._pump: asyncio.Task[None] | None = None
        self._used = False
        self._closed = False

    @property
    def alive(self) -> bool:
        return not self._ended.done() and not self._closed

    async def run(self, job: Job, on_event: Callable[[dict[str, Any]], None]) -> Ending:
        """Send the job, hand each event to ``on_event`` as it comes, return how it ended.

        Ends within the job's ``total_s`` and a grace. An exception of ``on_event`` ends the run and
        comes out here. Call it once.
        """
        self._use(on_event)
        message = {
            "protocol": PROTOCOL,
            "steps": [asdict(step) for step in job.steps],
            "limits": asdict(job.limits),
            "reference": job.reference,
        }
        try:
            ending = await self._send(message, job.limits.total_s + GRACE_S)
        except TimeoutError:
            return Ending("wall")
        if ending.kind == "eof" or (ending.kind == "done" and ending.detail == "crashed"):
            return await self._with_cause(ending)
        return ending

    async def inventory(self) -> tuple[str, dict[str, Any]]:
        """The id of its image, and what that image says it has, unchecked. In the place of a job.

        Raises SandboxFailed, EngineUnavailable.
        """
        events: list[dict[str, Any]] = []
        self._use(events.append)
        try:
            ending = await self._send({"protocol": PROTOCOL, "ask": "inventory"}, INVENTORY_S)
        except TimeoutError:
            ending = Ending("wall")
        told = next((event for event in events if event.get("event") == "inventory"), None)
        if told is None:
            raise SandboxFailed(
                "The sandbox did not say what it has.",
                log_message=f"sandbox {self.id[:12]}: {ending}; {self.log.decode(errors='replace')}",
            )
        async with _calling():
            return str((await self.container.show())["Image"]), told

    async def close(self) -> None:
        """Kill and remove the container, in the background. Never raises; may be called again."""
        if self._closed:
            return
        self._closed = True
        if self._pump is not None:
            self._pump.cancel()
        self._discard(self)

    # -- for the engine --------------------------------------------------------------------------------

    async def start(self) -> None:
        """Start the container and wait for its judge to be ready. Raises SandboxFailed."""
        await self._stream.__aenter__()  # attached before it starts, so that nothing it says is lost
        self._pump = asyncio.create_task(self._read(), name=f"sandbox {self.id[:12]}")
        await self.container.start()
        async with asyncio.timeout(READY_S):
            await asyncio.wait((self._ready, self._ended), return_when=asyncio.FIRST_COMPLETED)
        if not self._ready.done():
            log = self.log.decode(errors="replace")
            raise SandboxFailed(
                "A sandbox did not start.",
                log_message=f"sandbox {self.id[:12]}: {self._ended.result()}; {log}",
            )

    async def release(self) -> None:
        """Close the connection; the container is somebody else's business."""
        if self._pump is not None:
            self._pump.cancel()
            await asyncio.wait((self._pump,))
        with contextlib.suppress(Exception):  # aiodocker asserts that the other side still listens
            await self._stream.close()

    def _use(self, on_event: Callable[[dict[str, Any]], None]) -> None:
        if self._used:
            raise RuntimeError("a sandbox runs one job")
        self._used = True
        self._on_event = on_event

    async def _send(self, message: dict[str, Any], seconds: float) -> Ending:
        """How it ended, after at most so many seconds; raises TimeoutError then."""
        async with asyncio.timeout(seconds):
            await self._write(encode(message))
            return await asyncio.shield(self._ended)

    async def _write(self, data: bytes) -> None:
        try:
            await self._stream.write_in(data)
        except (aiohttp.ClientError, OSError, RuntimeError, AssertionError) as error:
            # Gone: the reader has noticed or is about to.
            self._end(Ending("eof", detail=f"while sending: {error!r}"))

    async def _read(self) -> None:
        detail = ""
        try:
            while (message := await self._stream.read_out()) is not None:
                self._received += len(message.data)
                if self._received > STREAM_MAX:
                    self._end(Ending("output"))
                    return
                if message.stream != 1:
                    self.log = (self.log + message.data)[-LOG_KEPT:]
                    continue
                for event in self._frames.feed(message.data):
                    self._take(event)
        except FrameError as error:
            self._end(Ending("broken", detail=str(error)))
        except (aiohttp.ClientError, OSError) as error:
            detail = repr(error)
        except Exception as error:
            if not self._ended.done():
                self._ended.set_exception(error)
        finally:
            self._end(Ending("eof", detail=detail))

    def _take(self, event: dict[str, Any]) -> None:
        if self._ended.done():
            return
        if not self._ready.done():
            if event.get("event") != "ready" or event.get("protocol") != PROTOCOL:
                raise FrameError("the judge in the sandbox image does not fit this grader")
            self._ready.set_result(None)
        elif self._on_event is None:
            raise FrameError("an event before the job")
        else:
            self._on_event(event)
            if event["event"] == "end":
                self._end(Ending("done", detail=str(event.get("reason", ""))))

    def _end(self, ending: Ending) -> None:
        if not self._ended.done():
            self._ended.set_result(ending)
            if not self._closed:
                self._died(self)

    async def _with_cause(self, ending: Ending) -> Ending:
        """Ask the engine whether it was memory; only a run that ended badly pays for the question."""
        try:
            async with asyncio.timeout(CAUSE_S):
                if ending.kind == "eof":
                    await self.container.wait()
                state = (await self.container.show())["State"]
                killed = state["OOMKilled"] or await self._oom_event()
        except (aiodocker.DockerError, aiohttp.ClientError, OSError):
            return ending
        return replace(ending, oom_killed=killed, exit_code=state["ExitCode"])

    async def _oom_event(self) -> bool:
        """Whether the kernel killed a process of this container for its memory.

        State.OOMKilled alone is not enough: older engines set it only when the container has ended, and
        not at all when the container's end is reported before its cause.
        """
        events = DockerEvents(self.container.docker)
        heard = events.subscribe(create_task=False)
        about = json.dumps({"container": [self.id], "event": ["oom"]})
        until = f"{time.time() + OOM_LATE_S:.3f}"
        asking = asyncio.create_task(events.run(since=f"{self.born:.3f}", until=until, filters=about))
        try:
            return await heard.get() is not None
        finally:
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)


class Engine:
    """The Docker engine, as far as sandboxes go. Every method raises EngineUnavailable when it does not
    answer; nothing here waits longer than ``ENGINE_S`` for it."""

    def __init__(self, settings: EngineSettings) -> None:
        self.settings = settings
        self._run_id = uuid.uuid4().hex
        self._docker: aiodocker.Docker | None = None
        self._runtimes: frozenset[str] | None = None
        self._cpus = 1

    async def close(self) -> None:
        if self._docker is not None:
            await self._docker.close()

    async def resolve(self, spec: Spec) -> Spec:
        """The spec with its runtime decided, and no more processors than there are. Raises ImageUnknown."""
        if spec.image and spec.image not in self.settings.images:
            names = ", ".join(sorted(self.settings.images)) or "none"
            raise ImageUnknown(
                f"This challenge needs the sandbox image “{spec.image}”, which this installation does not "
                f"have (it has beside its usual one: {names}). Whoever runs it can add it: SANDBOX_IMAGES."
            )
        wanted = self.settings.runtime if spec.runtime == "auto" else spec.runtime
        if self._runtimes is None:
            async with _calling():
                told = await self._client().system.info()
            self._runtimes, self._cpus = frozenset(told["Runtimes"]), told["NCPU"]
        if wanted == "auto":
            wanted = "runsc" if "runsc" in self._runtimes else "runc"
        if wanted not in self._runtimes:
            raise EngineUnavailable(
                f"The Docker engine has no runtime “{wanted}”. Install it or set SANDBOX_RUNTIME=auto."
            )
        return replace(spec, runtime=wanted, cpus=min(spec.cpus, self._cpus))

    async def make(
        self, spec: Spec, discard: Callable[[Sandbox], None], died: Callable[[Sandbox], None]
    ) -> Sandbox:
        """A sandbox that is ready for a job; ``spec`` must be resolved. Raises SandboxFailed too."""
        # Named by us, so that it can be removed also when we never hear that it was created.
        name = f"{self.settings.project}-sandbox-{uuid.uuid4().hex[:16]}"
        client = self._client()
        sandbox: Sandbox | None = None
        try:
            async with _calling():
                container = await client.containers.create(self.config(spec), name=name)
                sandbox = Sandbox(container, spec, discard, died)
                await sandbox.start()
        except BaseException:
            if sandbox is not None:
                await sandbox.release()
            with contextlib.suppress(EngineUnavailable):
                await asyncio.shield(self._delete(name))
            raise
        return sandbox

    async def image(self) -> str:
        """The id of the image that sandboxes are made of now."""
        async with _calling():
            return str((await self._client().images.inspect(self.settings.image))["Id"])

    async def remove(self, sandbox: Sandbox) -> None:
        await sandbox.release()
        await self._delete(sandbox.id)

    async def sweep(self, mine: Collection[str]) -> int:
        """Remove what former processes left behind, ``mine`` excepted; returns how many there were.

        Everything of our own owner's name is a former life's of ours. A stranger's container is left
        alone while it may still be in use: a judge ends by itself when its grader is gone.
        """
        async with _calling():
            found = await self._client().containers.list(
                all="true",
                filters=json.dumps({"label": [f"{LABEL}={self.settings.project}", f"{LABEL}.role=sandbox"]}),
            )
        now = time.time()
        removed = 0
        for container in found:
            told = container._container
            labels, age = told["Labels"], now - told["Created"]
            if container.id in mine or (labels.get(f"{LABEL}.run") == self._run_id and age < LEFTOVER_S):
                continue
            ended = told["State"] not in ("running", "paused", "restarting")
            if (
                labels.get(f"{LABEL}.owner") == self.settings.owner
                or (ended and age > ORPHAN_S)
                or age > LEFTOVER_S
            ):
                await self._delete(container.id)
                removed += 1
        return removed

    def config(self, spec: Spec) -> dict[str, Any]:
        """What Docker is asked for; ``spec`` must be resolved."""
        return confinement.config(spec, self.settings, self._run_id)

    def _client(self) -> aiodocker.Docker:
        if self._docker is None:
            try:
                self._docker = aiodocker.Docker(self.settings.url)
            except (AssertionError, ValueError) as error:  # no socket in any usual place
                raise _unreachable(error) from error
        return self._docker

    async def _delete(self, name: str) -> None:
        async with _calling():
            try:
                await self._client().containers.container(name).delete(force=True, v=True)
            except aiodocker.DockerError as error:
                if error.status not in (404, 409):  # gone, or already being removed
                    raise


def _unreachable(error: BaseException) -> EngineUnavailable:
    return EngineUnavailable(
        "The Docker engine, which runs the sandboxes, does not answer. Start it, or run “make up”.",
        log_message=repr(error),
    )


@contextlib.asynccontextmanager
async def _calling() -> AsyncIterator[None]:
    """Engine's and network's errors as ours."""
    try:
        async with asyncio.timeout(ENGINE_S):
            yield
    except aiodocker.DockerError as error:
        if error.status == 404 and "image" in error.message.lower():
            raise EngineUnavailable(
                "The sandbox image is missing. Run “make up”, which builds it.", log_message=error.message
            ) from error
        if error.status == 900:  # aiodocker's own: no connection
            raise _unreachable(error) from error
        raise SandboxFailed("A sandbox could not be made.", log_message=str(error)) from error
    except (aiohttp.ClientError, OSError) as error:  # a timeout is an OSError
        raise _unreachable(error) from error
