"""How much one learner may ask for: a bucket of tokens each, which fills again with time; one thing at a
time; and so many bytes in hand."""

from __future__ import annotations

import asyncio
import math
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from .errors import QueueFull, RateLimited

# Of requests' bodies, in bytes. Read and parsed, one takes up to five times as much memory.
BODIES_MOST = 96 * 2**20
BODIES_EACH = 24 * 2**20  # an author's largest file, or the largest notebooks of ten clicks


class RateLimit:
    """``burst`` at once, ``per_minute`` in the long run, for each key apart.

    Memory is bounded: a bucket that has filled up again says nothing, and is forgotten.
    """

    def __init__(self, per_minute: float, burst: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_s = per_minute / 60
        self._burst = burst
        self._clock = clock
        self._buckets: dict[str, tuple[float, float]] = {}  # key: (tokens, when)
        self._swept = clock()

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, key: str) -> None:
        """Raises RateLimited, with the seconds until the next token, when the bucket is empty."""
        now = self._clock()
        if now - self._swept > 60:
            self._sweep(now)
        tokens = self._tokens(key, now)
        if tokens < 1:
            wait_s = math.ceil((1 - tokens) / self._per_s)
            raise RateLimited(
                f"You are sending requests faster than the grader can take them. Please wait {wait_s} s and "
                "try again.",
                retry_after_s=wait_s,
            )
        self._buckets[key] = (tokens - 1, now)

    def _tokens(self, key: str, now: float) -> float:
        tokens, when = self._buckets.get(key, (self._burst, now))
        return min(self._burst, tokens + (now - when) * self._per_s)

    def _sweep(self, now: float) -> None:
        self._swept = now
        self._buckets = {
            key: held for key, held in self._buckets.items() if self._tokens(key, now) < self._burst
        }


class OneByOne:
    """What one learner sends at once is taken one after the other; what others send goes on beside it."""

    def __init__(self) -> None:
        self._lines: dict[str, tuple[asyncio.Lock, int]] = {}  # key: (lock, how many hold or want it)

    def __len__(self) -> int:
        return len(self._lines)

    @asynccontextmanager
    async def turn(self, key: str) -> AsyncIterator[None]:
        lock, number = self._lines.get(key) or (asyncio.Lock(), 0)
        self._lines[key] = lock, number + 1
        try:
            async with lock:
                yield
        finally:
            number = self._lines[key][1] - 1
            if number:
                self._lines[key] = lock, number
            else:
                del self._lines[key]


class Bodies:
    """Bytes of requests' bodies in hand: at most ``most`` in all, and ``each`` of one learner."""

    def __init__(self, most: int = BODIES_MOST, each: int = BODIES_EACH) -> None:
        self._most, self._each = most, each
        self._held: Counter[str] = Counter()

    def __len__(self) -> int:
        return self._held.total()

    def take(self, key: str, size: int) -> None:
        """Raises RateLimited or QueueFull, with the seconds after which to try again."""
        if self._held[key] + size > self._each:
            raise RateLimited(
                "You are sending many large notebooks at once. Please wait until they have arrived.",
                retry_after_s=5,
            )
        if len(self) + size > self._most:
            raise QueueFull(
                "Many large notebooks are arriving right now. Please try again in a few seconds.",
                retry_after_s=5,
            )
        self._held[key] += size

    def give_back(self, key: str, size: int) -> None:
        self._held[key] -= size
        if not self._held[key]:
            del self._held[key]
