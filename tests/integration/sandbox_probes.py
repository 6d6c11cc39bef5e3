"""What a learner's code tries in a sandbox; each function is sent there as the source of a cell.

They use the standard library, import it themselves and return what JSON can hold. Refused attempts are
expected: a probe reports what worked.
"""

# Learners write such code too.
# ruff: noqa: SIM105, SIM115, SIM905, PTH102, PTH108, PTH110, PTH115, PTH118, PTH123, PTH208

from __future__ import annotations

from typing import Any


def who() -> Any:
    import os

    status = dict(
        line.split(":\t", 1) for line in open("/proc/self/status").read().splitlines() if ":\t" in line
    )
    attempts = {}
    for name, call in {
        "setuid": lambda: os.setuid(0),
        "seteuid": lambda: os.seteuid(0),
        "judge": lambda: os.setuid(1000),
        "setgid": lambda: os.setgid(0),
        "setgroups": lambda: os.setgroups([0]),
        "chroot": lambda: os.chroot("/tmp"),
        "nice": lambda: os.nice(-5),
        "mknod": lambda: os.mknod("/tmp/x", 0o60600, os.makedev(254, 0)),
    }.items():
        try:
            call()
            attempts[name] = "done"
        except OSError as error:
            attempts[name] = error.strerror
    return {
        "uids": os.getresuid(),
        "gids": os.getresgid(),
        "groups": os.getgroups(),
        "status": status,
        "attempts": attempts,
    }


def judge() -> Any:
    import ctypes
    import os
    import signal

    found = {"signals": [], "opened": [], "reached": []}
    for number in (signal.SIGTERM, signal.SIGKILL, signal.SIGSTOP, signal.SIGINT):
        try:
            os.kill(1, number)
            found["signals"].append(number)
        except OSError:
            pass
    paths = ["mem", "root/etc/passwd", "cwd/x", "task/1/mem", *(f"fd/{n}" for n in range(40))]
    for path in paths:
        for mode in (os.O_RDWR, os.O_WRONLY, os.O_RDONLY):
            try:
                file = os.open(f"/proc/1/{path}", mode)
                found["opened"].append(os.readlink(f"/proc/self/fd/{file}"))
                os.close(file)
            except OSError:
                pass
    libc = ctypes.CDLL(None, use_errno=True)

    class Piece(ctypes.Structure):
        _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]

    own = ctypes.create_string_buffer(64)
    here = ctypes.byref(Piece(ctypes.addressof(own), 64))
    there = ctypes.byref(Piece(0x400000, 64))
    for name, call in {
        "ptrace attach": lambda: libc.ptrace(16, 1, 0, 0),
        "ptrace seize": lambda: libc.ptrace(0x4206, 1, 0, 0),
        "read memory": lambda: libc.process_vm_readv(1, here, 1, there, 1, 0),
        "write memory": lambda: libc.process_vm_writev(1, here, 1, there, 1, 0),
    }.items():
        ctypes.set_errno(0)
        if call() != -1 or ctypes.get_errno() != 1:
            found["reached"].append(name)
    return found


def environment() -> Any:
    import os

    seen = [dict(os.environ)]
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            raw = open(f"/proc/{pid}/environ", "rb").read().decode()
            seen.append(dict(item.split("=", 1) for item in raw.split("\0") if "=" in item))
        except OSError:
            pass
    return seen


def files() -> Any:
    import os
    import stat

    writable, setuid, sockets, devices = [], [], [], []
    for folder, folders, names in os.walk("/"):
        if folder == "/":
            folders[:] = [f for f in folders if f not in ("proc", "sys")]
        if os.access(folder, os.W_OK):
            writable.append(folder)
            folders.clear()
            continue
        for name in names:
            path = os.path.join(folder, name)
            try:
                mode = os.lstat(path).st_mode
            except OSError:
                continue
            if stat.S_ISREG(mode) and mode & 0o6000:
                setuid.append(path)
            if stat.S_ISSOCK(mode):
                sockets.append(path)
            if stat.S_ISBLK(mode):
                devices.append(path)
            if stat.S_ISREG(mode) and os.access(path, os.W_OK):
                writable.append(path)
    created = []
    for folder in (
        "/ /etc /usr/bin /opt/sandbox /opt/sandbox/lib /var /dev /sys /proc /run /dev/mqueue /sys/fs/cgroup "
        "/sys/fs/cgroup/memory /home /root /srv /mnt"
    ).split():
        try:
            open(os.path.join(folder, "planted"), "x").close()
            created.append(folder)
        except OSError:
            pass
    for path in (
        "/proc/sys/kernel/core_pattern /proc/sys/kernel/hostname /proc/sysrq-trigger /etc/passwd /etc/hosts "
        "/etc/resolv.conf /sys/kernel/uevent_helper /dev/kmsg /dev/mem"
    ).split():
        try:
            open(path, "r+b").close()
            created.append(path)
        except OSError:
            pass
    return {
        "writable": writable,
        "setuid": setuid,
        "sockets": sockets,
        "devices": devices,
        "created": created,
    }


def mounts() -> Any:
    return [line.split() for line in open("/proc/self/mounts").read().splitlines()]


def network() -> Any:
    import errno
    import socket

    reached = []
    for address in ("169.254.169.254", "8.8.8.8", "172.17.0.1", "10.0.0.1", "192.168.0.1"):
        for port in (53, 80, 443, 2375, 3306, 8010, 8081):
            s = socket.socket()
            s.settimeout(0.3)
            try:
                s.connect((address, port))
                reached.append((address, port))
            except TimeoutError:
                reached.append((address, port, "no answer, but a route"))
            except OSError as error:
                if error.errno == errno.ECONNREFUSED:
                    reached.append((address, port, "refused, so something is there"))
            s.close()
    for name in ("hub", "grader", "db", "proxy", "localhost.localdomain", "example.org"):
        try:
            reached.append((name, socket.getaddrinfo(name, 80)))
        except OSError:
            pass
    server = socket.create_server(("127.0.0.1", 0))
    socket.create_connection(server.getsockname()).close()
    interfaces = [line.split(":")[0].strip() for line in open("/proc/net/dev").read().splitlines()[2:]]
    return {"interfaces": interfaces, "reached": reached}


def sockets() -> Any:
    import socket

    opened = []
    for family in range(64):
        for kind in range(1, 11):
            for protocol in (0, 1, 6, 17, 58, 132, 255, 262):
                try:
                    socket.socket(family, kind, protocol).close()
                    opened.append((family, kind, protocol))
                except OSError:
                    pass
    return opened


def calls() -> Any:
    import ctypes
    import os

    calls = {
        "io_uring_setup": 425,
        "io_uring_enter": 426,
        "io_uring_register": 427,
        "io_setup": 206,
        "keyctl": 250,
        "add_key": 248,
        "request_key": 249,
        "unshare": 272,
        "setns": 308,
        "ptrace": 101,
        "process_vm_readv": 310,
        "process_vm_writev": 311,
        "userfaultfd": 323,
        "bpf": 321,
        "perf_event_open": 298,
        "mount": 165,
        "umount2": 166,
        "pivot_root": 155,
        "fsopen": 430,
        "move_mount": 429,
        "open_tree": 428,
        "open_by_handle_at": 304,
        "name_to_handle_at": 303,
        "memfd_create": 319,
        "pidfd_getfd": 438,
        "kcmp": 312,
        "syslog": 103,
        "reboot": 169,
        "swapon": 167,
        "init_module": 175,
        "kexec_load": 246,
        "acct": 163,
        "sethostname": 170,
        "settimeofday": 164,
        "adjtimex": 159,
        "iopl": 172,
        "modify_ldt": 154,
        "personality": 135,
        "shmget": 29,
        "msgget": 68,
        "semget": 64,
        "mq_open": 240,
        "quotactl": 179,
        "fanotify_init": 300,
        "setxattr": 188,
        "splice": 275,
        "sync": 162,
        "lookup_dcookie": 212,
        "clone3": 435,
        "seccomp_notify_dummy": 1000,
    }
    libc = ctypes.CDLL(None, use_errno=True)
    answers = {
        name: (libc.syscall(number, 0, 0, 0, 0, 0, 0), ctypes.get_errno()) for name, number in calls.items()
    }
    for flag in (0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000):
        pid = libc.syscall(56, flag | 17, 0, 0, 0, 0)
        if pid == 0:
            os._exit(0)
        answers[f"clone {flag:#x}"] = (pid, ctypes.get_errno())
    return {"machine": os.uname().machine, "answers": answers}


def old_calls() -> Any:
    import ctypes
    import mmap
    import os

    code = bytes([0xB8, 20, 0, 0, 0, 0xCD, 0x80, 0xC3])  # mov eax, 20 (getpid); int 0x80; ret
    pid = os.fork()
    if pid == 0:
        page = mmap.mmap(-1, 4096, prot=7)
        page.write(code)
        answer = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))()
        os._exit(42 if answer == os.getpid() else 43)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def limits() -> Any:
    import resource

    return {
        name: resource.getrlimit(getattr(resource, "RLIMIT_" + name.upper()))
        for name in ("nofile", "fsize", "core", "memlock", "msgqueue")
    }


def space() -> Any:
    import os

    found = {}
    for place in ("/home/learner", "/tmp", "/dev/shm"):
        written = 0
        for number in range(8):
            try:
                with open(f"{place}/big{number}", "wb") as file:
                    while file.write(b"x" * 1_000_000) and not file.flush():
                        written += 1
                        if written > 200:
                            break
            except OSError:
                pass
        for number in range(8):
            if os.path.exists(f"{place}/big{number}"):
                os.unlink(f"{place}/big{number}")
        files = 0
        try:
            while files < 6000:
                os.mkdir(f"{place}/{files}")
                files += 1
        except OSError:
            pass
        found[place] = {"megabytes": written, "files": files}
    return found


def executable() -> Any:
    import shutil
    import subprocess

    ran = []
    for place in ("/home/learner", "/tmp", "/dev/shm"):
        try:
            shutil.copy("/bin/true", f"{place}/true")
            subprocess.run([f"{place}/true"], check=True)
            ran.append(place)
        except OSError:
            pass
    return ran
