"""One submission in the judge's process, from the grader's job to the last event.

Frames to and from the grader: 4-byte big-endian length, msgpack map.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import resource
import secrets
import signal
import socket
import struct
import sys
import time
import traceback
from typing import Any

import msgpack

from .author import Author
from .channel import Channel, Mailbox
from .checks import NO_MEMORY_LEFT, CheckRunner, Outcome, outcome_of
from .judge import Broken, Judge
from .peer import Overtime

JOB_MAX = 16 * 1024 * 1024  # bytes
DISMISS_S = 0.2  # for one that broke to end, so that its status tells why; then it dies with the container
GRACE_S = 1.0  # for the learner's process to come back after its time is over
TELL_S = 0.04  # events that follow each other within this time go out together
READ_AHEAD_S = 0.05  # for checks to be made ready while the first cell runs
OUT_OF_MEMORY = 12  # the learner's process ends with this (ENOMEM) when not even an answer can be made

_LENGTH = struct.Struct(">I")


def _exactly(fd: int, size: int) -> bytes:
    data = b""
    while len(data) < size:
        chunk = os.read(fd, min(size - len(data), 1 << 20))
        if not chunk:
            os._exit(0)
        data += chunk
    return data


def somewhere(fd: int) -> int:
    """A duplicate of ``fd`` at a random number, below what select() can take; the original stays."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = min(soft, 1000)
    return fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 32 + secrets.randbelow(max(1, highest - 64)))


class Grader:
    """The grader's end of the container: one job in, events out. Only the judge's process holds it."""

    def __init__(self) -> None:
        # Kept away from 0 and 1, which a check's code or a library may use, and at numbers that nobody can
        # know: a check may open what a learner's function returns, and a number is a descriptor to open().
        self._in, self._out = somewhere(0), somewhere(1)
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, 0)
        os.dup2(null, 1)
        for fd in (self._in, self._out):
            os.set_inheritable(fd, False)

    def job(self) -> dict[str, Any]:
        (size,) = _LENGTH.unpack(_exactly(self._in, 4))
        if size > JOB_MAX:
            os._exit(3)
        job: dict[str, Any] = msgpack.unpackb(_exactly(self._in, size), unicode_errors="surrogatepass")
        return job

    def close(self) -> None:
        for fd in (self._in, self._out):
            os.close(fd)

    def send(self, *events: dict[str, Any]) -> None:
        """In one piece: what goes out passes through five processes on its way."""
        frames = b""
        for event in events:
            data = msgpack.packb(event, unicode_errors="replace")
            frames += _LENGTH.pack(len(data)) + data
        rest = memoryview(frames)
        while rest:
            rest = rest[os.write(self._out, rest) :]

    def stay(self) -> None:
        """Until the grader lets the container go, or is gone itself. Ending at once would put the engine to
        work, which takes both processors of a small machine while the verdict is on its way."""
        with contextlib.suppress(OSError):
            os.read(self._in, 1)


class Run:
    """One submission: the steps in order, an event for each, and an honest end."""

    def __init__(
        self, grader: Grader, sock: socket.socket, mailbox: Mailbox, pid: int, pipes: tuple[int, int]
    ) -> None:
        self.grader, self.pid = grader, pid
        self.limits: dict[str, Any] = {"wall_s": 10.0, "output_kb": 64}
        self.output_left = 65536
        self.text = bytearray()
        self.status: int | None = None  # of the learner's process, once it has ended
        self.cpu_s = 0.0  # processor time that it used, known with its status …
        self.peak_memory: int | None = None  # … and the most memory that it held, in bytes
        self.untold: list[dict[str, Any]] = []  # events that wait for the next one, TELL_S at most
        self.told_at = 0.0
        self._telling = False
        self.limit_cpu: list[float] = []  # seconds, until the learner's process has been told
        self.ends = self.hard = time.monotonic() + 30.0
        outputs = {pipes[0]: self._printed, pipes[1]: self._printed_error}
        self.channel = Channel(sock, outputs, mailbox.lanes())
        self.judge = Judge(self.channel, Author())
        self.judge.on_idle = self._idle
        self.runner = CheckRunner(self.judge, self.output_left)
        self.runner.on_slow = self._tell_now

    def warm_up(self) -> None:
        """Go once through all that a submission goes through: what is loaded late is loaded now, while
        nobody waits. It runs before the learner's process has seen a line of anybody's code."""
        source = "assert 1 == 1"
        Author.read(json.dumps([{"id": "warm", "role": "check", "source": source}]))
        self._cell({"kind": "cell", "id": "warm", "source": "None"}, 10.0)
        self.judge.request("has", "warm")
        self.runner.run(source, points=1.0, hidden=False, compare="judge", seconds=10.0)
        self.kernel_tells_memory = self._memory_by_kernel() is not None

    def take(self, job: dict[str, Any]) -> None:
        self.job, self.limits = job, job["limits"]
        self.output_left = self.runner.output_bytes = int(self.limits["output_kb"]) * 1024
        self.told_at = time.monotonic()
        self.ends = self.hard = self.told_at + float(self.limits["total_s"])
        self.judge.meanwhile = self._read_ahead
        self.limit_cpu = [float(self.limits["cpu_s"])]

    def _read_ahead(self) -> None:
        """Read what the author wrote while the learner's process is busy: nobody needs it before that."""
        began = time.monotonic()
        self.judge.author = Author.read(self.job.get("reference") or "")
        for step in self.job["steps"]:
            if step["kind"] == "check" and time.monotonic() < began + READ_AHEAD_S:
                self.runner.read_ahead(step["source"], hidden=bool(step["hidden"]))

    # -- what the learner's process prints --------------------------------------------------------------

    def _printed(self, chunk: bytes) -> None:
        self._count(chunk)
        if self.judge.in_check:
            sys.stdout.write(chunk.decode("utf-8", "replace"))
        else:
            self.text += chunk

    def _printed_error(self, chunk: bytes) -> None:
        self._count(chunk)
        if self.judge.in_check:
            sys.stderr.write(chunk.decode("utf-8", "replace"))
        else:
            self.text += chunk

    def _count(self, chunk: bytes) -> None:
        self.output_left -= len(chunk)
        if self.output_left < 0 and self.judge.broken is None:
            self.judge.broken = _Flood()
            raise Broken

    def _idle(self) -> None:
        """While waiting: notice the end of the learner's process, and of its time."""
        try:
            while (ended := os.wait4(-1, os.WNOHANG))[0]:
                pid, status, used = ended
                if pid == self.pid:
                    self.status, self.cpu_s = status, used.ru_utime + used.ru_stime
                    self.peak_memory = used.ru_maxrss * 1024
        except ChildProcessError:
            pass
        now = time.monotonic()
        if now > self.told_at + TELL_S:
            self._tell_now()
        if now > self.hard:
            self.judge.broken = TimeoutError()
            raise Broken

    # -- events -----------------------------------------------------------------------------------------

    def _tell(self, event: dict[str, Any]) -> None:
        """Soon, together with what follows: five processes that wake up for every event take the processors
        from the run itself. What takes longer than a blink is told at once (``_idle``, ``on_slow``)."""
        self.untold.append(event)
        if time.monotonic() > self.told_at + TELL_S:
            self._tell_now()

    def _tell_now(self) -> None:
        if self._telling or not self.untold:
            return  # called by a signal's handler in the middle of itself
        self._telling = True
        try:
            events, self.untold = self.untold, []
            self.grader.send(*events)
            self.told_at = time.monotonic()
        finally:
            self._telling = False

    # -- the steps --------------------------------------------------------------------------------------

    def run(self) -> None:
        passed = 0
        for step in self.job["steps"]:
            self._tell({"event": "start", "id": step["id"]})
            began = time.monotonic()
            seconds = min(float(self.limits["wall_s"]), max(self.ends - began, 0.05))
            self.hard = began + seconds + GRACE_S
            try:
                if step["kind"] == "check":
                    event = self._check(step, seconds)
                else:
                    event = self._cell(step, seconds)
            except Broken:
                reason, message = self._reason()
                kind = "check" if step["kind"] == "check" else "cell"
                event = {
                    "event": kind,
                    "id": step["id"],
                    "status": reason,
                    "stdout": self._taken(),
                    "error": None,
                }
                if kind == "check":
                    event = {
                        **event,
                        "credit": 0.0,
                        "message": message,
                        "stdout": self.runner.stdout.getvalue(),
                    }
                self._tell({**event, "duration_ms": (time.monotonic() - began) * 1000})
                return self._end(passed, reason, message)
            event["duration_ms"] = (time.monotonic() - began) * 1000
            passed += event["event"] == "check" and event["status"] == "passed"
            self._tell(event)
            if time.monotonic() > self.ends:
                return self._end(
                    passed, "timeout", f"Your code took longer than {self.limits['total_s']:g} s in all."
                )
        return self._end(passed, "", "")

    def _end(self, passed: int, reason: str, message: str) -> None:
        if reason:
            self._dismiss()
        self.untold.append(
            {
                "event": "end",
                "checks_passed": passed,
                "peak_memory_bytes": self._peak_memory(),
                "reason": reason,
                "message": message,
            }
        )
        self._tell_now()
        if not reason:
            self.grader.stay()

    def _peak_memory(self) -> int | None:
        """The most that the learner's process has held, in bytes. It is not waited for to end: that would be
        a third of an ordinary submission's time.

        The kernel's word where it gives one. Of a living process gVisor tells it to nobody else, so there
        it is the learner's claim: nothing depends on it, and nobody but its own learner is shown it.
        """
        if self.peak_memory is None and self.kernel_tells_memory:
            self.peak_memory = self._memory_by_kernel()
        if self.peak_memory is None and (claim := self.channel.held()):
            self.peak_memory = min(claim, int(self.limits["memory_mb"]) << 20)
        return self.peak_memory

    def _memory_by_kernel(self) -> int | None:
        for line in _read(f"/proc/{self.pid}/status").splitlines():
            name, _, value = line.partition(":")
            if name == "VmHWM":
                return int(value.split()[0]) * 1024
        return None

    def _dismiss(self) -> None:
        """Let the learner's process go, and learn what it used."""
        self.channel.sock.close()  # it ends when nobody asks any more
        self.hard = time.monotonic() + DISMISS_S
        with contextlib.suppress(Broken):
            while self.status is None:
                self._idle()
                time.sleep(0.001)

    def _taken(self) -> str:
        text, self.text = self.text.decode("utf-8", "replace"), bytearray()
        return text

    def _cell(self, step: dict[str, Any], seconds: float) -> dict[str, Any]:
        self.judge.deadline = time.monotonic() + seconds
        status, error = "timeout", None
        try:
            self.judge.cells.append(step["source"])
            limit, self.limit_cpu = self.limit_cpu, []
            answer = self.judge.request("run_cell", step["id"], step["source"], *limit)
            status, error = _cell_answer(answer)
        except Overtime:
            error = {
                "name": "Timeout",
                "message": f"This cell was still running after {seconds:g} s. Does a loop never end?",
                "traceback": "",
                "line": None,
            }
        except Broken:
            raise
        except BaseException as failure:
            error = {
                "name": type(failure).__name__,
                "message": str(failure)[:2000],
                "traceback": "",
                "line": None,
            }
            status = "error"
        self.judge.overtime = False
        if step["kind"] == "setup":
            self.runner.adopt(self.judge.author.definitions(step["source"]))
        else:
            self.runner.namespace.forget(self.judge.author.by_cell.get(step["id"], set()))
        return {"event": "cell", "id": step["id"], "status": status, "stdout": self._taken(), "error": error}

    def _check(self, step: dict[str, Any], seconds: float) -> dict[str, Any]:
        points = float(step["points"])
        try:
            if self.limit_cpu:  # no cell has run
                self.judge.deadline = time.monotonic() + seconds
                self.judge.request("limit_cpu", self.limit_cpu.pop())
            if step.get("judge") == "in-kernel":
                outcome = self._in_kernel(step, seconds, points)
            else:
                outcome = self.runner.run(
                    step["source"],
                    points=points,
                    hidden=bool(step["hidden"]),
                    compare=step.get("compare", "judge"),
                    seconds=seconds,
                )
        except Overtime:
            outcome = Outcome("timeout")
        if outcome.status == "timeout":
            outcome.message = f"This check was still running after {self.limits['wall_s']:g} s."
            self._resynchronise()
        return {
            "event": "check",
            "id": step["id"],
            "status": outcome.status,
            "credit": outcome.credit,
            "stdout": self.runner.stdout.getvalue() + self._taken(),
            "message": outcome.message,
        }

    def _in_kernel(self, step: dict[str, Any], seconds: float, points: float) -> Outcome:
        self.judge.deadline = time.monotonic() + seconds
        self.judge.compare_learner = False
        self.runner.forget_output()
        answer = self.judge.request("run_check", step["source"])
        if type(answer) is not list or len(answer) != 3:
            return Outcome("error", "The check could not be run.")
        if answer[0] == "passed":
            return outcome_of(None if step["source"].rstrip().endswith(";") else answer[2], points)
        status, error = _cell_answer(answer[:2])
        message = f"{error['name']}: {error['message']}" if error else ""
        return Outcome("failed" if answer[0] == "failed" else status, message)

    def _resynchronise(self) -> None:
        """After an interruption the learner's process may still be at work on what was asked. Its answer,
        if it comes in time, is read and dropped; if not, nothing more can be asked (Broken)."""
        self.judge.deadline = time.monotonic() + 0.2
        self.hard = time.monotonic() + GRACE_S
        self.judge.resynchronise()

    def _reason(self) -> tuple[str, str]:
        """Why the learner's process can answer no more: (status, words for the learner)."""
        cause = self.judge.broken
        wall = (
            f"Your code was still running after {self.limits['wall_s']:g} s. Is there a loop that never ends?"
        )
        if isinstance(cause, _Flood):
            return "output_exceeded", f"Your code printed more than {self.limits['output_kb']} KB."
        if isinstance(cause, TimeoutError):
            return "timeout", wall
        deadline = time.monotonic() + 0.5
        while self.status is None and time.monotonic() < deadline:
            try:
                self._idle()
            except Broken:
                break
            time.sleep(0.01)
        # gVisor has no counter of such kills, and makes an exit of them; but it tells what the process held.
        if _oom_kills() or (self.peak_memory or 0) > int(self.limits["memory_mb"]) << 20:
            return "memory_exceeded", f"Your code used more than {self.limits['memory_mb']} MB."
        if self.status is None:
            traceback.print_exception(cause)  # the container's log: for us, when no attacker did it
            return "crashed", "Your code interfered with the process that runs it."
        if os.WIFSIGNALED(self.status):
            number = os.WTERMSIG(self.status)
            # The kernel's second word on the processor's time, when the first (SIGXCPU) was ignored.
            killed = number == signal.SIGKILL and self.cpu_s >= self.limits["cpu_s"]
            if number == signal.SIGXCPU or killed:
                return "timeout", f"Your code used more than {self.limits['cpu_s']:g} s of processor time."
            return "crashed", f"Python crashed while your code ran (signal {number})."
        if os.WEXITSTATUS(self.status) == OUT_OF_MEMORY:
            return "memory_exceeded", NO_MEMORY_LEFT
        return "crashed", "Your code ended the Python process that runs it."


class _Flood(Exception):
    pass


def _cell_answer(answer: Any) -> tuple[str, dict[str, Any] | None]:
    """What the learner's process says of a cell, as data of the right shape."""
    if type(answer) is not list or len(answer) != 2 or answer[0] not in ("passed", "error", "failed"):
        return "error", None
    error = answer[1]
    if type(error) is not list or len(error) != 4:
        return answer[0] if answer[0] == "passed" else "error", None
    name, message, traceback, line = error
    return "memory_exceeded" if name == "MemoryError" else "error", {
        "name": str(name)[:200],
        "message": str(message)[:5000],
        "traceback": str(traceback)[:20_000],
        "line": line if type(line) is int else None,
    }


def _read(path: str) -> str:
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return ""


def _oom_kills() -> int:
    """Processes of this container that were killed for want of memory (cgroup v1, then v2)."""
    for path in ("/sys/fs/cgroup/memory/memory.oom_control", "/sys/fs/cgroup/memory.events"):
        for line in _read(path).splitlines():
            name, _, value = line.partition(" ")
            if name == "oom_kill":
                return int(value)
    return 0
