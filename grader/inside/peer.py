"""Requests and replies over a channel, the same for both sides.

A message is one of
    [REQUEST, id, operation, [arguments], [[name, argument]…], deadline, state]
    [RETURN, id, value, state]     [RAISE, id, exception, state]     [OVERTIME, id, state]
Only one side is working at any moment. While a side waits for its reply it serves the other's requests
(callbacks), so calls nest like an ordinary call stack. ``state`` is what ``Codec.updates`` says.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import Any

from .channel import Channel
from .codec import Codec
from .wire import Gone, ValueTooLarge, WireError

REQUEST, RETURN, RAISE, OVERTIME = 0, 1, 2, 3
NESTING_MAX = 250  # callbacks within callbacks; about where Python's own recursion limit would end them


class Overtime(BaseException):
    """The time that the judge allowed is over. Not an Exception, so that ``except Exception`` lets it by."""


class Peer(Codec):
    """One end of the conversation. Subclasses give ``operations``, the codec's hooks and ``encode_error``."""

    is_lenient = False  # whether a reply that nobody waits for is passed over

    def __init__(self, channel: Channel, first_number: int) -> None:
        super().__init__(first_number)
        self.channel = channel
        self.operations: dict[str, Callable[..., Any]] = {}
        self.lock = threading.RLock()
        self.nesting = 0
        self.answered = False
        self.pending: int | None = None  # our outermost request without a reply
        self._crossed: frozenset[int] = frozenset()  # shared numbers of the frame read last
        self._id = first_number

    def encode_error(self, error: BaseException) -> Any:
        raise NotImplementedError

    def raise_error(self, item: Any) -> None:
        raise NotImplementedError

    def extra_state(self) -> list[Any]:
        return []

    def apply_extra(self, extra: list[Any]) -> None:
        return None

    blocked: Callable[[], None] | None = None  # see Channel.send
    meanwhile: Callable[[], None] | None = None  # done once, while the other side is at work on a request

    def idle(self) -> None:
        return None

    def budget(self) -> float:
        """When the other side's time for what it is asked now is over, by the monotonic clock of both."""
        return 0.0

    # -- one frame each way --------------------------------------------------------------------------

    def _message(
        self, head: list[Any], build: Callable[[], list[Any]], touched: frozenset[int] = frozenset()
    ) -> list[Any]:
        outer = self.touched, self._nodes
        self.touched, self._nodes = set(touched), 0
        marks, shared_before = len(self.marked), self.shared.next
        try:
            body = build()
            return [*head, *body, [*self.updates(), self.extra_state()]]
        except BaseException:
            self._take_back(marks, shared_before)
            raise
        finally:
            del self.marked[marks:]
            self.touched, self._nodes = outer

    def encode_whole(self, value: Any, depth: int) -> Any:
        """``encode`` for a part of a frame that goes on without it when it fails."""
        marks, shared_before = len(self.marked), self.shared.next
        try:
            return self.encode(value, depth)
        except BaseException:
            self._take_back(marks, shared_before)
            raise

    def _take(self, state: Any, read: Callable[[], Any]) -> Any:
        outer = self.touched, self._nodes
        self.touched, self._nodes = set(), 0
        try:
            value = read()
            if type(state) is not list or len(state) != 3 or type(state[2]) is not list:
                raise WireError("bad state")
            self.apply(state[:2])
            self.apply_extra(state[2])
            self.settle()
            self._crossed = frozenset(self.touched)
            return value
        finally:
            self.touched, self._nodes = outer

    def request(self, operation: str, /, *arguments: Any, **named: Any) -> Any:
        """Ask the other side and wait; its exception is raised here. Callbacks are served meanwhile."""
        with self.lock:
            self._id += 2
            number = self._id
            message = self._message(
                [REQUEST, number, operation],
                lambda: [
                    [self.encode(each) for each in arguments],
                    [[name, self.encode(each)] for name, each in named.items()],
                    self.budget(),
                ],
            )
            self.channel.send(message, self.blocked)
            if self.meanwhile is not None:
                meanwhile, self.meanwhile = self.meanwhile, None
                meanwhile()
            outermost = self.pending is None
            if outermost:
                self.pending = number
            try:
                return self.wait(number)
            finally:
                if outermost and self.answered:
                    self.pending = None

    def wait(self, number: int) -> Any:
        self.answered = False
        while True:
            message = self.channel.receive(self.idle)
            kind = message[0] if message else None
            if kind == REQUEST and len(message) == 7:
                self.serve(message)
                continue
            if type(kind) is not int or len(message) < 3 or message[1] != number:
                if self.is_lenient:
                    continue  # the reply to something that was interrupted
                raise WireError("a reply to nothing that was asked")
            self.answered = True
            if kind == RETURN and len(message) == 4:
                return self._take(message[3], partial(self.decode, message[2]))
            if kind == RAISE and len(message) == 4:
                error = self._take(message[3], partial(self.decode_error, message[2]))
                self.raise_error(error)
            if kind == OVERTIME and len(message) == 3:
                self._take(message[2], lambda: None)
                raise Overtime
            raise WireError("not a reply")

    def discard_until(self, number: int) -> None:
        """Read on, believing nothing, until the reply to an abandoned request has come; then start afresh."""
        while True:
            message = self.channel.receive(self.idle)
            if len(message) >= 2 and message[0] in (RETURN, RAISE, OVERTIME) and message[1] == number:
                break
        self.forget()

    def forget(self) -> None:
        """Hold nothing in step any more. Both sides do it after an interruption, which may lose a frame."""
        for number in list(self.shared.by_number):
            self.shared.drop(number)
        self.shared.dropped.clear()

    def decode_error(self, item: Any) -> Any:
        return self.decode(item)

    def serve(self, message: list[Any]) -> None:
        """Do what one REQUEST asks and send the reply."""
        _, number, operation, arguments, named, budget, state = message
        if (
            type(number) is not int
            or type(operation) is not str
            or type(arguments) is not list
            or type(named) is not list
            or any(type(pair) is not list or len(pair) != 2 or type(pair[0]) is not str for pair in named)
        ):
            raise WireError("bad request")
        if self.nesting >= NESTING_MAX:
            reply = self._reply(
                RAISE, number, lambda: self.encode_error(RecursionError("calls nest too deeply"))
            )
            with self.lock:
                self.channel.send(reply, self.blocked)
            return
        self.nesting += 1
        crossed: frozenset[int] = frozenset()
        try:
            try:
                # Our own arguments must stay alive and shared until the reply is encoded.
                values = self._take(
                    state,
                    lambda: (
                        [self.decode(each) for each in arguments],
                        {name: self.decode(each) for name, each in named},
                    ),
                )
                crossed = self._crossed
                result = self.perform(operation, values[0], values[1], budget)
            except (WireError, Gone):
                raise
            except Overtime as error:
                if self.is_fatal(error):
                    raise
                reply = self._reply(OVERTIME, number, None, crossed)
            except BaseException as error:
                if self.is_fatal(error):
                    raise
                reply = self._error_reply(number, error, crossed)
            else:
                try:
                    reply = self._reply(RETURN, number, lambda: self.encode(result), crossed)
                except BaseException as error:
                    if self.is_fatal(error):
                        raise
                    reply = self._error_reply(number, error)
            with self.lock:
                try:
                    self.channel.send(reply, self.blocked)
                except ValueTooLarge as error:
                    self.channel.send(self._error_reply(number, error), self.blocked)
        finally:
            self.nesting -= 1

    def _error_reply(
        self, number: int, error: BaseException, crossed: frozenset[int] = frozenset()
    ) -> list[Any]:
        try:
            return self._reply(RAISE, number, lambda: self.encode_error(error), crossed)
        except BaseException as second:
            if self.is_fatal(second):
                raise
            plain = RuntimeError(f"{type(error).__name__}: its details could not be passed on")
            return self._reply(RAISE, number, lambda: self.encode_error(plain))

    def _reply(
        self,
        kind: int,
        number: int,
        encode: Callable[[], Any] | None,
        crossed: frozenset[int] = frozenset(),
    ) -> list[Any]:
        # What came with the request is brought up to date whatever its size: it was an argument.
        return self._message([kind, number], lambda: [] if encode is None else [encode()], crossed)

    def is_fatal(self, error: BaseException) -> bool:
        return False

    def perform(self, operation: str, arguments: list[Any], named: dict[str, Any], budget: Any) -> Any:
        handler = self.operations.get(operation)
        if handler is None:
            raise WireError("unknown operation")
        return handler(*arguments, **named)
