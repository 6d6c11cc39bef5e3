"""Processes, descriptors, files and output without end: each has to be stopped, leaving nothing."""
# ruff: noqa: E501 - these are other people's cells

from typing import Any

from . import Family

CASES = Family("exhaustion")

TIMEOUT = ("timeout",)
OUTPUT = ("output_exceeded",)
MEMORY = ("memory_exceeded",)
CUT = ("timeout", "memory_exceeded", "output_exceeded", "crashed", "error", "failed")
WRONG = "\ndef code(n):\n    return 0\n"


def bomb(name: str, cell: str, ends: tuple[str, ...] = CUT, target: str = "vault", **more: Any) -> None:
    CASES.exhaust(name, target, cell, ends=ends, **more)


# Processes and threads.
bomb("processes-fork-bomb", "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass", CUT)
bomb(
    "processes-fork-bomb-in-call",
    "import os\ndef code(n):\n    while True:\n        try: os.fork()\n        except OSError: pass",
    CUT,
)
bomb(
    "processes-threads",
    """
    import threading, time
    try:
        while True: threading.Thread(target=time.sleep, args=(1000,)).start()
    except RuntimeError:
        time.sleep(1000)
    """,
    CUT,
)
bomb(
    "processes-daemon-left-behind",
    """
    import os, time
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.closerange(0, 256)
            time.sleep(1000)
        os._exit(0)
    os.wait()
    """
    + WRONG.replace("\n", "\n    "),
    CUT,
)
bomb("processes-shell-background", "import os\nos.system('nohup sleep 1000 >/dev/null 2>&1 &')" + WRONG, CUT)
bomb(
    "processes-respawning-pair",
    """
    import os, signal, time
    def guard():
        while True:
            pid = os.fork()
            if pid == 0:
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
                time.sleep(0.5)
                os._exit(0)
            os.waitpid(pid, 0)
    if os.fork() == 0:
        os.setsid()
        guard()
    """
    + WRONG.replace("\n", "\n    "),
    CUT,
)
bomb(
    "processes-zombies",
    "import os\nfor _ in range(4000):\n    try:\n        if os.fork() == 0: os._exit(0)\n    except OSError: pass\nimport time; time.sleep(100)",
    CUT,
)
bomb(
    "processes-descriptors",
    "import os\nkept = []\nwhile True:\n    try: kept.append(os.open('/dev/null', 0))\n    except OSError: pass",
    TIMEOUT,
)

# Disk.
bomb("disk-one-file", "with open('big', 'wb') as f:\n    while True: f.write(b'x' * (1 << 20))", CUT)
bomb(
    "disk-many-files",
    """
    import time
    block = b'x' * (8 << 20)
    for number in range(1000):
        try: open(f'big{number}', 'wb').write(block)
        except OSError: break
    """
    + WRONG.replace("\n", "\n    "),
    CUT,
)
bomb(
    "disk-inodes",
    "import os\nfor n in range(10 ** 6):\n    try: os.mkdir(f'd{n}')\n    except OSError: break" + WRONG,
    CUT,
)
bomb(
    "disk-shared-memory",
    "import os\nfd = os.open('/dev/shm/big', os.O_CREAT | os.O_RDWR)\ntry:\n    for _ in range(60): os.write(fd, b'x' * (1 << 20))\nexcept OSError: pass"
    + WRONG,
    CUT,
)
bomb(
    "disk-deep-folders",
    "import os\nfor n in range(6000):\n    os.mkdir('x'); os.chdir('x')\n    open('f', 'w').close()\nwhile True: pass",
    CUT,
)
bomb(
    "disk-unlinked-files",
    """
    import os
    kept = []
    while True:
        fd = os.open('gone', os.O_CREAT | os.O_RDWR)
        os.unlink('gone')
        kept.append(fd)
        try: os.write(fd, b'x' * (4 << 20))
        except OSError: pass
    """,
    CUT,
)
bomb(
    "disk-memory-files",
    """
    import os
    kept = []
    while True:
        kept.append(os.memfd_create('big'))
        os.write(kept[-1], b'x' * (1 << 24))
    """,
    CUT,
)

# Output.
bomb("output-print", "while True: print('x' * 1000)", OUTPUT)
bomb(
    "output-print-in-hidden-check",
    "def code(n):\n    while n: print('x' * 1000)\n    return 11",
    OUTPUT + TIMEOUT,
    floor=1.0,
)
bomb("output-stderr", "import sys\nwhile True: sys.stderr.write('x' * 1000)", OUTPUT)
bomb("output-os-write", "import os\nwhile True: os.write(1, b'x' * 65536)", OUTPUT + TIMEOUT)
bomb("output-os-system-yes", "import os\nos.system('yes')", OUTPUT + TIMEOUT)
bomb(
    "output-from-a-thread",
    "import threading\ndef flood():\n    while True: print('y' * 5000)\nthreading.Thread(target=flood).start()\nimport time; time.sleep(1)"
    + WRONG,
    OUTPUT + TIMEOUT,
)
bomb("output-one-giant-line", "print('x' * 200_000_000)" + WRONG, OUTPUT + MEMORY)
bomb("output-many-displays", "from IPython.display import display\nwhile True: display('x' * 3000)", OUTPUT)
bomb("output-empty-writes", "import sys\nwhile True: sys.stdout.write(''); sys.stdout.flush()", TIMEOUT)
bomb(
    "output-repr-of-value",
    "class R:\n    def __repr__(self): return 'z' * 100_000_000\ndef code(n):\n    return 0\nR()",
    OUTPUT + MEMORY + ("failed",),
)
bomb(
    "output-on-other-descriptors",
    "import os\nwhile True:\n    for fd in range(3, 12):\n        try:\n            os.set_blocking(fd, False)\n            os.write(fd, b'z' * 65536)\n        except OSError: pass",
    TIMEOUT + OUTPUT + ("crashed", "error", "failed"),
)
