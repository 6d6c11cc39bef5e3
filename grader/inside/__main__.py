"""Starts as root with no capability but SETUID and SETGID, and ends up as two processes that have none.

The parent becomes the judge (uid 1000, process 1 of the container), the child the learner (uid 2000).
Both are warm before the grader sends its one job.
"""

from __future__ import annotations

import ctypes
import os
import resource
import select
import socket
import sys
import time
import traceback

from . import learner
from .channel import Channel, Mailbox
from .run import OUT_OF_MEMORY, Grader, Run, somewhere
from .shell import make_shell, warm_up

PROTOCOL = 1
JUDGE_UID, LEARNER_UID = 1000, 2000
HOME = "/home/learner"
JUDGE_FRAMES = 6000  # room for as many callbacks within callbacks as there may be (peer.NESTING_MAX)

_PR_SET_DUMPABLE = 4


def _become(uid: int) -> None:
    if os.getuid() == 0:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    os.umask(0)  # a check's files are the learner's code's to use, and the other way round


def _be_learner(channel: Channel, stdout: int, stderr: int) -> None:
    """The child's life; never returns."""
    null = os.open(os.devnull, os.O_RDONLY)
    for target, source in ((0, null), (1, stdout), (2, stderr)):
        os.dup2(source, target)
    keep = channel.sock.fileno()
    os.closerange(3, keep)
    os.closerange(keep + 1, 4096)
    try:
        with open("/proc/self/oom_score_adj", "w") as file:
            file.write("1000")  # the first to go when memory runs out
    except OSError:
        pass
    _become(LEARNER_UID)
    # Otherwise /proc/self belongs to root and libraries that read it stumble. There are no core dumps.
    ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.environ.update(
        {"HOME": HOME, "IPYTHONDIR": f"{HOME}/.ipython", "USER": "learner", "MPLBACKEND": "Agg"}
    )
    os.chdir(HOME if os.path.isdir(HOME) else "/tmp")
    sys.path.insert(0, "")
    sys.stdout = sys.__stdout__ = open(1, "w", encoding="utf-8", errors="replace", buffering=1, closefd=False)  # type: ignore[misc]
    sys.stderr = sys.__stderr__ = open(2, "w", encoding="utf-8", errors="replace", buffering=1, closefd=False)  # type: ignore[misc]
    shell = make_shell()
    sys.modules["__main__"].__dict__.pop("_be_learner", None)
    channel.sock.sendall(b"w")
    learner.serve(channel, shell)


def main() -> None:
    grader = Grader()
    ours, theirs = socket.socketpair()
    mailbox = Mailbox()
    out_read, out_write = os.pipe()
    err_read, err_write = os.pipe()
    warm_up()
    pid = os.fork()
    if pid == 0:
        try:
            grader.close()
            ours.close()
            _be_learner(Channel(theirs, None, mailbox.lanes()[::-1]), out_write, err_write)
        except MemoryError:
            os._exit(OUT_OF_MEMORY)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(1)
    theirs.close()
    inner = ours
    ours = socket.socket(fileno=somewhere(inner.fileno()))
    inner.close()
    os.close(out_write)
    os.close(err_write)
    _become(JUDGE_UID)
    sys.setrecursionlimit(JUDGE_FRAMES)
    os.chdir(HOME if os.path.isdir(HOME) else "/tmp")
    os.environ["TMPDIR"] = HOME  # in /tmp the kernel lets nobody write to another user's file
    os.environ["HOME"] = "/nonexistent"  # libraries read settings there, and the learner could write them
    for fd in (out_read, err_read):
        os.set_blocking(fd, False)
    select.select([ours], [], [], 30)
    if ours.recv(1) != b"w":
        time.sleep(0.1)
        raise SystemExit(
            "the learner's process did not start: " + os.read(err_read, 65536).decode("utf-8", "replace")
        )
    run = Run(grader, ours, mailbox, pid, (out_read, err_read))
    run.warm_up()
    grader.send({"event": "ready", "protocol": PROTOCOL, "python": sys.version.split()[0]})
    job = grader.job()
    if job.get("ask") == "inventory":
        from .inventory import inventory  # no submission pays for it

        grader.send({"event": "inventory", **inventory()})
        grader.send({"event": "end", "reason": ""})
        return
    run.take(job)
    run.run()


if __name__ == "__main__":
    main()
