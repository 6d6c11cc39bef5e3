"""The learner's generators and coroutines: genuine ones of this process that drive them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from .references import Ref, drives

if TYPE_CHECKING:
    from ..judge import Judge


def drive_generator(ref: Ref, name: str) -> Any:
    judge = ref.judge

    def driver(target: Any) -> Any:
        verb: str = "send"
        argument: Any = None
        while True:
            more, value = judge.request("generator", target, verb, argument)
            if not more:
                return value
            try:
                argument, verb = (yield value), "send"
            except GeneratorExit:
                # Closed by the check, or let go of. Where nothing can be asked, giving the reference back is
                # left to do it.
                if judge.may_ask():
                    judge.request("generator", target, "close")
                raise
            except BaseException as error:
                argument, verb = error, "throw"

    driver.__name__ = driver.__qualname__ = name
    return drives(driver(ref), ref)


async def _finish(judge: Judge, target: Any) -> Any:
    number = judge.request("start", target)
    pause = 0.0
    while True:
        try:
            await asyncio.sleep(0)  # lets its siblings be scheduled before any of them is waited for
        except asyncio.CancelledError:
            if not judge.may_ask():
                raise
            judge.request("cancel", number)  # what it makes of that shows when it goes on
        done, value = judge.request("advance", number, pause)
        if done is None:
            raise asyncio.CancelledError
        if done:
            return value
        pause = 0.02


def drive_coroutine(ref: Ref, name: str) -> Any:
    made = _finish(ref.judge, ref)
    made.__name__ = name  # type: ignore[attr-defined]
    return drives(made, ref)


def drive_async_generator(ref: Ref, name: str) -> Any:
    async def driver(target: Any) -> Any:
        while True:
            step = ref.judge.request("operator", "__anext__", target)
            try:
                value = await _finish(ref.judge, step)
            except StopAsyncIteration:
                return
            yield value

    return drives(driver(ref), ref)
