"""A naive grader, as many are built: learner's code and checks share one process, and all is believed.

It runs in a throw-away container as root and with no filter of system calls, so that what an attack does to
it is real and hurts nothing. stdin: one JSON list of {"id", "mode", "seconds", "steps": [{"kind", "id",
"source", "hidden"}]}; stdout: one JSON line per case. Three ways in which graders learn of a pass are all
believed: records on an inherited pipe, "PASSED <check>" lines on standard output, and exit status 0 without
a failure reported. It does hide what it can: of a failed assertion in a hidden check it shows nothing.
"""
# ruff: noqa: PTH101, PTH103, PTH108, PTH118, PTH123, PTH208 - descriptors and /proc, mostly

import contextlib
import json
import os
import resource
import shutil
import signal
import socket
import struct
import sys
import tempfile
import threading
import time

import IPython.core.interactiveshell
import msgpack
import numpy  # noqa: F401
import pandas  # noqa: F401
import pytest  # noqa: F401

OUTPUT_CAP = 2_000_000
SERVICE_PORTS = (8081, 3306)
SECRETS = {"GRADER_TOKEN": "token-of-the-naive-grader", "MYSQL_PASSWORD": "naive"}
RECORDS = 5  # the descriptor on which the child reports


def services():
    """What a grader's machine has: a database, a web service, an engine's socket, a setuid program."""
    shutil.copy("/bin/true", "/usr/local/bin/su")
    os.chmod("/usr/local/bin/su", 0o4755)
    listeners = []
    for port in SERVICE_PORTS:
        listeners.append(socket.create_server(("127.0.0.1", port)))
    engine = socket.socket(socket.AF_UNIX)
    engine.bind("/var/run/docker.sock")
    engine.listen()
    listeners.append(engine)
    for listener in listeners:
        threading.Thread(target=answer, args=(listener,), daemon=True).start()


def answer(listener):
    while True:
        connection, _ = listener.accept()
        connection.sendall(b"HTTP/1.0 200 OK\r\n\r\nhello")
        connection.close()


def report(kind, **values):
    """One record on the pipe and, for people, one line on standard output."""
    data = msgpack.packb({"event": kind, **values})
    with contextlib.suppress(OSError):
        os.write(RECORDS, struct.pack(">I", len(data)) + data)
    if kind == "check":
        sys.stdout.flush()
        print(f"{values['status'].upper()} {values['id']}", flush=True)


def run_notebook(steps):
    """Each cell in one IPython shell, the checks among them, as nbgrader does it. Ends the process."""
    shell = IPython.core.interactiveshell.InteractiveShell.instance()
    shell.colors = "NoColor"
    shell.run_line_magic("xmode", "Context")
    hiding = False
    show = shell.showtraceback

    def showtraceback(*args, **kwargs):
        if hiding and issubclass(sys.exc_info()[0], AssertionError):
            print("a hidden check failed")
        else:
            show(*args, **kwargs)

    shell.showtraceback = showtraceback
    failed = 0
    for step in steps:
        hiding = step["hidden"]
        result = shell.run_cell(step["source"], store_history=True)
        if step["kind"] == "check":
            passed = result.success
            value = result.result
            if passed and isinstance(value, (int, float)):
                passed = value > 0  # partial credit: any of it counts here
            failed += not passed
            report("check", id=step["id"], status="passed" if passed else "failed")
    report("end", failed=failed)
    sys.exit(1 if failed else 0)


def run_script(steps):
    """All cells joined to one file, as graders do that convert a notebook to a script first."""
    source = "\n\n".join(step["source"] for step in steps)
    with open("submission.py", "w", encoding="utf-8", errors="surrogatepass") as file:
        file.write(source)
    try:
        exec(compile(source, "submission.py", "exec"), {"__name__": "__main__"})
    except AssertionError:
        print("a check failed")
        sys.exit(1)
    sys.exit(0)


def child(case, folder, out, records):
    os.setsid()
    os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
    os.dup2(out, 1)
    os.dup2(out, 2)
    os.dup2(records, RECORDS)
    os.closerange(RECORDS + 1, 256)
    with open("/proc/self/oom_score_adj", "w") as file:
        file.write("1000")
    resource.setrlimit(resource.RLIMIT_FSIZE, (96 << 20, 96 << 20))
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))
    os.environ.update(SECRETS, HOME=folder, IPYTHONDIR=folder)
    os.chdir(folder)
    sys.path.insert(0, "")
    sys.argv = ["grade"]
    sys.stdin = os.fdopen(0, closefd=False)
    sys.stdout = os.fdopen(1, "w", errors="backslashreplace", closefd=False)
    sys.stderr = os.fdopen(2, "w", errors="backslashreplace", closefd=False, buffering=1)
    (run_script if case["mode"] == "script" else run_notebook)(case["steps"])


neighbour = 0


def start_neighbour():
    """Somebody else's run at the same time, of the same user: there to be found, read and killed."""
    global neighbour
    with contextlib.suppress(ChildProcessError):
        if neighbour and os.waitpid(neighbour, os.WNOHANG) == (0, 0):
            return
    neighbour = os.fork()
    if neighbour == 0:
        os.environ.update(SECRETS)
        os.execv(
            sys.executable, [sys.executable, "-S", "-c", "import time; time.sleep(9999)", *SECRETS.values()]
        )


def others():
    """Processes in this container that no one started but the cases, zombies not counted."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit() and int(name) not in (os.getpid(), neighbour):
            with contextlib.suppress(OSError), open(f"/proc/{name}/stat") as file:
                if file.read().rpartition(")")[2].split()[0] not in "ZX":
                    found.append(int(name))
    return found


def reap():
    with contextlib.suppress(ChildProcessError):
        while os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            pid = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT).si_pid
            if pid == neighbour:
                break
            os.waitpid(pid, os.WNOHANG)


def usage(*folders):
    files = size = 0
    for folder in folders:
        for root, folders_in, names in os.walk(folder):
            for name in (*names, *folders_in):
                with contextlib.suppress(OSError):
                    size += os.lstat(os.path.join(root, name)).st_size
                    files += 1
    return files, size


def parse_records(data):
    """The records as the naive grader reads them; a stream that does not parse ends there."""
    passed, trouble = set(), ""
    while data:
        if len(data) < 4 or len(data) - 4 < struct.unpack(">I", data[:4])[0]:
            return passed, "a record that never ends"
        length = struct.unpack(">I", data[:4])[0]
        try:
            record = msgpack.unpackb(data[4 : 4 + length])
            if record.get("event") == "check" and record.get("status") == "passed":
                passed.add(record["id"])
        except Exception as error:  # a naive reader dies of it
            trouble = f"the reader failed: {type(error).__name__}"
        data = data[4 + length :]
    return passed, trouble


def grade(case):
    start_neighbour()
    folder = tempfile.mkdtemp(prefix="case")
    out_path = folder + ".out"
    out = os.open(out_path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    started = time.monotonic()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            child(case, folder, out, writer)
        except SystemExit as error:
            status = error.code if isinstance(error.code, int) else int(error.code is not None)
        except BaseException:
            import traceback

            traceback.print_exc()
        finally:
            with contextlib.suppress(BaseException):
                sys.stdout.flush()
        # The ordinary end of a process: exit handlers run, threads are waited for.
        sys.exit(status)
    os.close(writer)
    data, ended = b"", None
    while True:
        with contextlib.suppress(BlockingIOError):
            data += os.read(reader, 1 << 16)
        if ended:
            break
        got, status, rusage = os.wait4(pid, os.WNOHANG)
        if got:
            ended = (status, rusage)
        elif time.monotonic() - started > case["seconds"]:
            os.kill(pid, signal.SIGKILL)  # only the one it knows: that is the naive part
            _, _, rusage = os.wait4(pid, 0)
            ended = (None, rusage)
        else:
            time.sleep(0.005)
    os.close(reader)
    reap()
    left = len(others())
    status, rusage = ended
    size = os.lseek(out, 0, os.SEEK_END)
    text = os.pread(out, OUTPUT_CAP, 0).decode("utf-8", "replace")
    files, disk = usage(folder, "/dev/shm")
    passed, trouble = parse_records(data)
    passed |= {line[7:] for line in text.splitlines() if line.startswith("PASSED ")}
    checks = [step["id"] for step in case["steps"] if step["kind"] == "check"]
    clean = status is not None and os.waitstatus_to_exitcode(status) == 0
    if clean and "FAILED " not in text:
        passed |= set(checks)
    outcome = {
        "id": case["id"],
        "passed": [name for name in checks if name in passed],
        "all_passed": clean and "FAILED " not in text,
        "text": text[:OUTPUT_CAP],
        "timed_out": status is None,
        "signal": os.WTERMSIG(status) if status is not None and os.WIFSIGNALED(status) else 0,
        "left": left,
        "output_bytes": size,
        "files": files,
        "disk_bytes": disk,
        "rss_kb": rusage.ru_maxrss,
        "trouble": trouble,
        "graded": "PASSED " in text or "FAILED " in text,
    }
    for _ in range(20):
        for other in others():
            with contextlib.suppress(OSError):
                os.kill(other, signal.SIGKILL)
        reap()
        if not others():
            break
        time.sleep(0.05)
    os.close(out)
    for place in (folder, "/dev/shm"):
        shutil.rmtree(place, ignore_errors=True)
    for name in os.listdir("/tmp"):
        path = os.path.join("/tmp", name)
        shutil.rmtree(path, ignore_errors=True)
        with contextlib.suppress(OSError):
            os.unlink(path)
    return outcome


def main():
    cases = json.loads(sys.stdin.buffer.read())
    os.makedirs("/var/run", exist_ok=True)
    services()
    for case in cases:
        outcome = grade(case)
        print("\n" + json.dumps(outcome), flush=True)
        if len(outcome["text"]) > 100_000 or outcome["left"]:
            time.sleep(0.1)


if __name__ == "__main__":
    main()
