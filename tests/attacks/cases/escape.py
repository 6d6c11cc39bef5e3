"""Reaching for what lies around the sandbox. Each probe calls ``found`` only when it got hold of something."""
# ruff: noqa: E501 - these are other people's cells

from . import Family

CASES = Family("escape probes")


def probe(name: str, cell: str, **more: object) -> None:
    CASES.escape(name, "vault", cell.strip("\n") + "\n\n\ndef code(n):\n    return 0\n", **more)


CTYPES = "import ctypes, os\nlibc = ctypes.CDLL(None, use_errno=True)\n"

probe(
    "probe-running-as-root",
    """
import os
if 0 in os.getresuid() + os.getresgid() or 0 in os.getgroups(): found('root')
""",
)
probe(
    "probe-capabilities",
    """
for line in open('/proc/self/status'):
    if line.startswith(('CapInh', 'CapPrm', 'CapEff', 'CapAmb')) and int(line.split()[1], 16): found(line.strip())
""",
)
probe(
    "probe-new-privileges-allowed",
    """
text = open('/proc/self/status').read()
if 'NoNewPrivs:\\t1' not in text: found('new privileges')
""",
    runtimes=("runc",),
)
probe(
    "probe-set-uid",
    CTYPES
    + """
for call in (libc.setuid, libc.setgid, libc.seteuid, libc.setegid):
    for who in (0, 1000):
        if call(who) == 0: found((call.__name__, who))
""",
)
probe(
    "probe-setuid-files",
    """
import os, stat
for folder in ('/bin', '/sbin', '/usr/bin', '/usr/sbin', '/usr/lib', '/usr/libexec', '/usr/local/bin', '/opt'):
    for root, _, names in os.walk(folder):
        for name in names:
            try: mode = os.lstat(os.path.join(root, name))
            except OSError: continue
            if stat.S_ISREG(mode.st_mode) and mode.st_mode & (stat.S_ISUID | stat.S_ISGID): found(os.path.join(root, name))
""",
)
probe(
    "probe-environment-secrets",
    """
import os
for name, value in os.environ.items():
    if any(word in name.upper() for word in ('TOKEN', 'SECRET', 'PASSWORD', 'KEY', 'CREDENTIAL')): found(name)
""",
)
probe(
    "probe-others-environment",
    """
import os
for pid in os.listdir('/proc'):
    if pid.isdigit() and int(pid) != os.getpid():
        try: text = open(f'/proc/{pid}/environ').read()
        except OSError: continue
        if any(word in text.upper() for word in ('TOKEN', 'SECRET', 'PASSWORD')) or 'HOSTNAME=' in text and os.geteuid() == 0:
            found(pid)
""",
)
probe(
    "probe-engine-socket",
    """
import os, socket
for path in ('/var/run/docker.sock', '/run/docker.sock', '/run/containerd/containerd.sock', '/run/podman/podman.sock'):
    s = socket.socket(socket.AF_UNIX)
    try: s.connect(path); found(path)
    except OSError: pass
""",
)
probe(
    "probe-any-unix-socket",
    """
import os, stat
for top in ('/run', '/var/run', '/tmp', '/home', '/srv', '/opt'):
    for root, folders, names in os.walk(top):
        for name in names:
            path = os.path.join(root, name)
            try:
                if stat.S_ISSOCK(os.lstat(path).st_mode): found(path)
            except OSError: pass
""",
)
probe(
    "probe-network-interfaces",
    """
import socket
names = [name for _, name in socket.if_nameindex()]
for host, port in [('127.0.0.1', p) for p in (22, 80, 2375, 3306, 8000, 8001, 8010, 8081)]:
    s = socket.socket(); s.settimeout(0.2)
    try: s.connect((host, port)); found((host, port))
    except OSError: pass
if set(names) - {'lo'}: found(names)
""",
)
probe(
    "probe-metadata-and-gateway",
    """
import socket
hosts = ['169.254.169.254', '172.17.0.1', '10.0.0.1', '192.168.0.1', '8.8.8.8', '127.0.0.1', '0.0.0.0', '::1']
for host in hosts:
    for port in (80, 8081, 3306):
        try: socket.create_connection((host, port), 0.05); found((host, port))
        except OSError: pass
""",
)
probe(
    "probe-names-of-services",
    """
import socket
socket.setdefaulttimeout(0.2)
for name in ('localhost', 'proxy', 'hub', 'db', 'grader', 'host.docker.internal'):
    for port in (8081, 3306):
        try: socket.create_connection((name, port)); found((name, port))
        except OSError: pass
""",
)
probe(
    "probe-raw-and-packet-sockets",
    """
import socket
kinds = [(socket.AF_INET, socket.SOCK_RAW, 1), (socket.AF_PACKET, socket.SOCK_RAW, 3)]
for kind in kinds:
    try: socket.socket(*kind); found(kind)
    except OSError: pass
""",
)
probe(
    "probe-vsock",
    """
import socket
try: socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM); found('vsock')
except OSError: pass
""",
)
probe(
    "probe-kernel-crypto-and-netlink-sockets",
    """
import socket
for family, kind in ((38, socket.SOCK_SEQPACKET), (44, socket.SOCK_RAW), (17, socket.SOCK_DGRAM)):
    try: socket.socket(family, kind, 0); found(family)
    except OSError: pass
""",
)
probe(
    "probe-io-uring",
    CTYPES
    + """
params = ctypes.create_string_buffer(120)
if libc.syscall(425, 4, params) >= 0: found('io_uring')
""",
)
probe(
    "probe-write-system-files",
    """
import os
for path in ('/etc/passwd', '/etc/probe', '/usr/lib/probe', '/opt/probe', '/probe', '/usr/bin/probe', '/root/probe', '/bin/sh', '/var/tmp/probe', '/srv/probe'):
    try: os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)); found(path)
    except OSError: pass
""",
)
probe(
    "probe-write-python-packages",
    """
import os, sys, sysconfig
for folder in {*sys.path, *sysconfig.get_paths().values()}:
    if folder and folder.startswith(('/usr', '/opt', '/lib')) and os.path.isdir(folder) and os.access(folder, os.W_OK):
        found(folder)
""",
)
probe(
    "probe-shadow-and-host-files",
    """
for path in ('/etc/shadow', '/etc/gshadow', '/root/.bashrc', '/root/.profile', '/etc/ssh/ssh_host_rsa_key'):
    try: open(path).read(); found(path)
    except OSError: pass
""",
)
probe(
    "probe-proc-sys-writes",
    """
import os
others = [p for p in os.listdir('/proc') if p.isdigit() and int(p) != os.getpid()]
paths = ['/proc/sys/kernel/core_pattern', '/proc/sys/kernel/hostname', '/sys/kernel/uevent_helper']
for path in paths + [f'/proc/{p}/{name}' for p in others for name in ('oom_score_adj', 'comm', 'timerslack_ns')]:
    try:
        fd = os.open(path, os.O_WRONLY)
        os.write(fd, b'0')
        found(path)
    except OSError: pass
""",
)
probe(
    "probe-cgroup-writes",
    """
import os
for root, folders, names in os.walk('/sys/fs/cgroup'):
    for name in names:
        if os.access(os.path.join(root, name), os.W_OK) and name in ('cgroup.procs', 'release_agent', 'memory.max', 'memory.limit_in_bytes', 'notify_on_release'):
            found(os.path.join(root, name))
try:
    os.mkdir('/dev/shm/cg'); os.chown('/dev/shm/cg', 1, 1); found('chown')
except OSError: pass
""",
)
probe(
    "probe-device-nodes",
    """
import os, stat
for name in os.listdir('/dev'):
    try: mode = os.stat('/dev/' + name).st_mode
    except OSError: continue
    if stat.S_ISBLK(mode): found(name)
    if name in ('mem', 'kmem', 'kmsg', 'kvm', 'port'):
        try: os.close(os.open('/dev/' + name, os.O_RDWR)); found(name)
        except OSError: pass
# gVisor's own kernel lets anybody make a node, and has nothing behind it but a null device of its own.
if os.uname().release != '4.4.0':  # the release that gVisor states
    try: os.mknod('/tmp/probe-null', stat.S_IFCHR | 0o600, os.makedev(1, 3)); found('mknod')
    except OSError: pass
""",
)
probe(
    "probe-chroot-and-mount",
    CTYPES
    + """
try: os.chroot('/tmp'); found('chroot')
except OSError: pass
if libc.mount(b'none', b'/tmp', b'tmpfs', 0, None) == 0: found('mount')
""",
)
probe(
    "probe-user-namespaces",
    CTYPES
    + """
for flag in (0x10000000, 0x00020000, 0x40000000, 0x04000000):
    if os.fork() == 0:
        if libc.unshare(flag) == 0: found(hex(flag))
        os._exit(0)
    os.wait()
""",
    runtimes=("runc",),  # gVisor has namespaces of its own; they never reach the machine's kernel
)
probe(
    "probe-host-name-and-owners",
    CTYPES
    + """
if libc.sethostname(b'probe', 5) == 0: found('host name')
try: os.chown('/tmp', 12345, 12345); found('chown')
except OSError: pass
""",
)
probe(
    "probe-signal-other-processes",
    """
import os, signal
for pid in [int(p) for p in os.listdir('/proc') if p.isdigit()]:
    if pid != os.getpid():
        try: os.kill(pid, 0); found(pid)
        except OSError: pass
""",
)
probe(
    "probe-kill-everything",
    """
import os, signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
others = [p for p in os.listdir('/proc') if p.isdigit() and int(p) not in (os.getpid(),)]
try:
    os.kill(-1, signal.SIGTERM)
    found('signals sent to others')
except OSError: pass
""",
)
probe(
    "probe-ptrace-others",
    CTYPES
    + """
for pid in [int(p) for p in os.listdir('/proc') if p.isdigit()]:
    if pid != os.getpid() and libc.ptrace(16, pid, 0, 0) == 0:
        found(pid)
        libc.ptrace(17, pid, 0, 0)
""",
)
probe(
    "probe-read-others-memory",
    CTYPES
    + """
class Iov(ctypes.Structure):
    _fields_ = [('base', ctypes.c_void_p), ('length', ctypes.c_size_t)]
for pid in [int(p) for p in os.listdir('/proc') if p.isdigit()]:
    if pid == os.getpid(): continue
    try:
        start = int(open(f'/proc/{pid}/maps').readline().split('-')[0], 16)
        buffer = ctypes.create_string_buffer(16)
        local, remote = Iov(ctypes.addressof(buffer), 16), Iov(start, 16)
        if libc.process_vm_readv(pid, ctypes.byref(local), 1, ctypes.byref(remote), 1, 0) > 0: found(pid)
    except OSError: pass
    try: os.close(os.open(f'/proc/{pid}/mem', os.O_RDWR)); found(('mem', pid))
    except OSError: pass
""",
)
probe(
    "probe-others-descriptors",
    """
import os
for pid in [p for p in os.listdir('/proc') if p.isdigit() and int(p) != os.getpid()]:
    try: links = os.listdir(f'/proc/{pid}/fd')
    except OSError: continue
    for link in links:
        try:
            os.close(os.open(f'/proc/{pid}/fd/{link}', os.O_WRONLY | os.O_NONBLOCK))
            if os.readlink(f'/proc/{pid}/fd/{link}') != '/dev/null': found((pid, link))
        except OSError: pass
""",
)
probe(
    "probe-root-and-cwd-of-others",
    """
import os
for pid in [p for p in os.listdir('/proc') if p.isdigit() and int(p) != os.getpid()]:
    try: found((pid, os.listdir(f'/proc/{pid}/root')[:1]))
    except OSError: pass
""",
)
probe(
    "probe-pidfd",
    CTYPES
    + """
for pid in [int(p) for p in os.listdir('/proc') if p.isdigit()]:
    if pid == os.getpid(): continue
    try: fd = os.pidfd_open(pid)
    except OSError: continue
    for number in range(3):
        got = libc.syscall(438, fd, number, 0)
        if got >= 0: found((pid, number))
""",
)
probe(
    "probe-keyrings",
    CTYPES
    + """
for line in (open('/proc/keys').read() if os.path.exists('/proc/keys') else '').splitlines():
    if 'keyring' in line: found(line)
if libc.syscall(248, b'user', b'probe', b'x', 1, -3) > 0: found('add_key')
if os.geteuid() == 0 and os.path.exists('/proc/keys'): found('keys of root')
""",
)
probe(
    "probe-shared-memory-with-others",
    CTYPES
    + """
import glob
if [p for p in glob.glob('/dev/shm/*') + glob.glob('/dev/mqueue/*') if os.lstat(p).st_uid != os.getuid()]: found('shared memory')
shm = libc.shmget(0x1234, 4096, 0o1666)
if shm >= 0 and os.geteuid() == 0: found('segment of root')
if os.access('/dev/shm', os.W_OK) and os.statvfs('/dev/shm').f_blocks * os.statvfs('/dev/shm').f_frsize > 32 << 20: found('large /dev/shm')
""",
)
probe(
    "probe-mounts-of-the-host",
    """
import os
for line in open('/proc/self/mountinfo'):
    parts = line.split()
    where, options = parts[4], parts[5]
    kind = line.split(' - ')[1].split()[0]
    if kind in ('ext4', 'xfs', 'btrfs', 'virtiofs', 'fuse', '9p', 'overlay') and os.access(where, os.W_OK): found((where, kind))
    if where == '/' and options.startswith('rw'): found('writable root')
""",
)
# A call that a filter stops answers "not permitted" or "no such call"; anything else got into the kernel.
probe(
    "probe-risky-system-calls",
    CTYPES
    + """
calls = {'bpf': (321, 0, None, 0), 'perf_event_open': (298, None, 0, -1, -1, 0), 'userfaultfd': (323, 1),
         'finit_module': (313, -1, b'', 0), 'kexec_load': (246, 0, 0, None, 0), 'keyctl': (250, 0, -4, 0),
         'io_uring_setup': (425, 0, None), 'name_to_handle_at': (303, -1, b'', None, None, 0),
         'process_madvise': (440, -1, None, 0, 0, 0), 'kcmp': (312, os.getpid(), os.getpid(), 0, 1, 2)}
for name, call in calls.items():
    ctypes.set_errno(0)
    got = libc.syscall(*call)
    if got >= 0 or ctypes.get_errno() not in (1, 38): found((name, ctypes.get_errno()))
""",
    runtimes=("runc",),
)
