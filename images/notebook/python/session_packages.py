"""Packages of one session, in the Python that learners' programs run in.

What a learner installs lies in memory, in a place that is empty when a session begins, and is looked for
after what the image brings: it adds, and cannot replace what kernels need to start. `session_packages.pth`
has every interpreter of this environment read this; the server has an environment of its own and does not.
"""

import os
import sys

# hub_config/spawner.py puts a memory-backed folder here. Outside the environment pip would remove nothing.
PLACE = os.path.join(sys.prefix, "session")
PACKAGES = os.path.join(PLACE, "lib", "python{}.{}".format(*sys.version_info), "site-packages")
FULL = "No space left on device"


def add() -> None:
    """Also while there is nothing: an interpreter that runs now finds what is installed later."""
    try:
        os.makedirs(PACKAGES, exist_ok=True)
    except OSError:
        return
    sys.path.append(PACKAGES)


def runs_pip(arguments: list[str]) -> bool:
    """Whether a command line is that of pip, however it is called."""
    for number, argument in enumerate(arguments[1:], 1):
        if argument == "-m":
            return arguments[number + 1 : number + 2] == ["pip"]
        if not argument.startswith("-"):
            return os.path.basename(argument).startswith("pip")
    return False


def explain_when_full() -> None:
    """pip says of a full place only what the system calls it, and leaves behind what filled it."""
    import atexit
    import logging
    import time

    began, make, found = time.time(), logging.getLogRecordFactory(), []

    def noticing(*args, **kwargs):
        record = make(*args, **kwargs)
        if record.levelno >= logging.ERROR and FULL in record.getMessage():
            found.append(record)
        return record

    def explain() -> None:
        if found:
            remove_halves(began)
            room = os.statvfs(PLACE)
            whole, left = (blocks * room.f_frsize // 2**20 for blocks in (room.f_blocks, room.f_bavail))
            print(
                f"\nThere is no room for this. A session's packages share {whole} MB, of which {left} MB are "
                "free.\nRemove what you do not need (%pip uninstall -y NAME), or stop your server and "
                "start it again: the place is empty then.",
                file=sys.stderr,
            )

    logging.setLogRecordFactory(noticing)
    atexit.register(explain)


def remove_halves(began: float) -> None:
    """What came after ``began`` and belongs to no package that is whole."""
    import csv
    import glob

    whole = set()
    for record in glob.glob(os.path.join(glob.escape(PACKAGES), "*.dist-info", "RECORD")):
        with open(record, encoding="utf-8", newline="") as rows:
            whole.update(os.path.normpath(os.path.join(PACKAGES, row[0])) for row in csv.reader(rows) if row)
    for folder, _, files in os.walk(PLACE, topdown=False):
        for path in (os.path.join(folder, name) for name in files):
            if path not in whole and os.lstat(path).st_ctime >= began:
                os.unlink(path)
        if folder not in (PLACE, PACKAGES) and not os.listdir(folder):
            os.rmdir(folder)


add()
if runs_pip(sys.orig_argv):
    explain_when_full()
