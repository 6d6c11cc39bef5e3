"""Forging, repeating and breaking what travels between the learner's process and the grader."""
# ruff: noqa: E501 - these are other people's cells

from . import Family

CASES = Family("result channel")
forge, exhaust = CASES.forge, CASES.exhaust

WRONG = "\ndef code(n):\n    return 0\n"

# Records as a grader may write them, for every descriptor: framed msgpack, JSON lines, plain lines.
FORGERY = """
import json, msgpack, os, struct
def frame(record):
    data = msgpack.packb(record)
    return struct.pack('>I', len(data)) + data
def forged(ids=('vault-shown', 'vault-hidden')):
    records = [{'event': 'check', 'id': i, 'status': 'passed', 'credit': None, 'stdout': '', 'message': '',
                'duration_ms': 1.0} for i in ids]
    records.append({'event': 'end', 'checks_passed': len(ids), 'peak_memory_bytes': 1, 'reason': '', 'message': ''})
    return records
def descriptors():
    return [int(n) for n in os.listdir('/proc/self/fd')]
"""


def channel(name: str, source: str, wrong: str = WRONG) -> None:
    forge(name, "vault", FORGERY.strip("\n") + wrong + source.strip("\n"))


channel(
    "wire-passed-lines-on-stdout",
    """
print('PASSED vault-shown')
print('PASSED vault-hidden')
""",
)
channel(
    "wire-json-results-on-stdout",
    """
for record in forged():
    print(json.dumps(record))
os.write(1, b'\\nPASSED vault-hidden\\n')
os.write(2, b'PASSED vault-shown\\n')
""",
)
channel(
    "wire-frames-on-every-descriptor",
    """
for fd in descriptors():
    try:
        os.write(fd, b''.join(frame(r) for r in forged()))
    except OSError:
        pass
""",
)
channel(
    "wire-frames-during-the-call",
    "",
    """
def code(n):
    for fd in descriptors():
        try:
            os.write(fd, b''.join(frame(r) for r in forged()))
        except OSError:
            pass
    return 0
""",
)
channel(
    "wire-early-replies-of-many-shapes",
    """
shapes = []
for i in range(40):
    for status in ('ok', 'return', 'reply', 'result', 'value'):
        shapes.append({'id': i, 'op': status, 'kind': status, 'value': 11, 'ok': True, 'status': 'passed'})
        shapes.append([i, status, 11])
for fd in descriptors():
    try:
        os.set_blocking(fd, False)
        os.write(fd, b''.join(frame(r) for r in shapes))
        os.write(fd, b''.join(frame(r) for r in forged()))
    except OSError:
        pass
""",
)
channel(
    "wire-lines-on-proc-1",
    """
for path in ('/proc/1/fd/1', '/proc/1/fd/2', '/dev/stdout', '/dev/console', '/dev/tty', f'/proc/{os.getppid()}/fd/1'):
    try:
        with open(path, 'wb', 0) as out:
            out.write(b'\\nPASSED vault-shown\\nPASSED vault-hidden\\n')
            out.write(b''.join(frame(r) for r in forged()))
    except OSError:
        pass
""",
)
channel(
    "wire-sockets-found-by-gc",
    """
import gc, socket
found = [o for o in gc.get_objects() if isinstance(o, socket.socket)]
found += [o for o in gc.get_objects() if hasattr(type(o), 'fileno') and type(o).__module__ in ('io', '_io')]
for thing in found:
    try:
        os.write(thing.fileno(), b''.join(frame(r) for r in forged()))
    except Exception:
        pass
for fd in descriptors():
    try:
        os.write(fd, frame(forged()[1]))
    except OSError:
        pass
""",
)
channel(
    "wire-own-functions-called",
    """
import gc, types
for thing in gc.get_objects():
    if isinstance(thing, types.FunctionType):
        module = str(thing.__globals__.get('__name__'))
        ours = module == '__main__' or any(word in module for word in ('wire', 'learner', 'judge', 'inside'))
        if ours and thing.__globals__ is not globals() and thing.__name__ not in ('descriptors', 'forged', 'frame'):
            if any(word in thing.__name__ for word in ('send', 'write', 'report', 'reply', 'emit', 'put')):
                for args in ((forged()[0],), ('check', forged()[0]), ({'id': 1, 'value': 11},)):
                    try: thing(*args)
                    except BaseException: pass
                for name in ('vault-hidden', 'vault-shown'):
                    try: thing('check', id=name, status='passed')
                    except BaseException: pass
""",
)
channel(
    "wire-functions-of-own-module-replaced",
    """
import sys
for name, module in list(sys.modules.items()):
    if any(word in name for word in ('wire', 'learner', 'judge', 'inside')) or name == '__main__':
        for key, thing in list(vars(module).items()):
            if callable(thing) and key in ('report', 'encode', 'pack', 'dumps'):
                def always(*args, _old=thing, **kw):
                    if kw.get('status'): kw['status'] = 'passed'
                    return _old(*args, **kw)
                setattr(module, key, always)
_packb = msgpack.packb
def packb(thing, **kw):
    if isinstance(thing, dict) and 'status' in thing: thing = {**thing, 'status': 'passed'}
    return _packb(thing, **kw)
msgpack.packb = packb
""",
)
channel(
    "wire-os-write-replaced",
    """
_write = os.write
def write(fd, data):
    return _write(fd, bytes(data).replace(b'failed', b'passed'))
os.write = write
import socket
class Socket(socket.socket):
    def sendall(self, data, *a): return super().sendall(bytes(data).replace(b'failed', b'passed'), *a)
""",
)
channel(
    "wire-double-fork-answers-twice",
    "",
    """
def code(n):
    pid = os.fork()
    if pid == 0:
        for fd in descriptors():
            try: os.write(fd, b''.join(frame(r) for r in forged()))
            except OSError: pass
        return 12
    return 0
""",
)
channel(
    "wire-close-all-then-forge",
    """
os.closerange(6, 64)
r, w = os.pipe()
for fd in descriptors():
    try: os.write(fd, frame(forged()[0]) + frame(forged()[1]) + frame(forged()[2]))
    except OSError: pass
""",
)
channel(
    "wire-stdout-replaced-by-own-pipe",
    """
import sys
text = 'PASSED vault-shown\\nPASSED vault-hidden\\n'
sys.__stdout__.write(text); sys.__stdout__.flush()
sys.stdout = open(1, 'w', closefd=False)
sys.stdout.write(text)
sys.stdout.flush()
""",
)
channel(
    "wire-ready-and-job-frames",
    """
start = [{'event': 'ready', 'protocol': 1, 'python': '3.13.5'}, {'event': 'start', 'id': 'vault-hidden'}]
for fd in descriptors():
    try: os.write(fd, b''.join(frame(r) for r in start + forged()))
    except OSError: pass
""",
)
channel(
    "wire-carriage-returns-and-escapes",
    """
print('\\x1b[2J\\x1b[H\\rPASSED vault-shown\\nPASSED vault-hidden\\n\\x1b[8m')
print('</pre><script>document.title="passed"</script>')
print('\\u2028PASSED vault-hidden\\u2029')
""",
)


def broken(name: str, source: str, *ends: str) -> None:
    """A stream that a careless reader hangs or dies on."""
    ends = ends or ("crashed", "failed", "error", "timeout", "memory_exceeded", "output_exceeded")
    exhaust(name, "vault", FORGERY.strip("\n") + WRONG + source.strip("\n"), ends=ends)


EVERY = "for fd in descriptors():\n    try: os.write(fd, DATA)\n    except OSError: pass\n"

broken("wire-frame-of-four-gigabytes", "DATA = b'\\xff\\xff\\xff\\xff' + b'x' * 1000\n" + EVERY)
broken("wire-half-a-frame", "DATA = b'\\x00\\x00\\x10\\x00abc'\n" + EVERY)
broken("wire-frame-of-nothing", "DATA = b'\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x01\\xc1'\n" + EVERY)
broken("wire-deeply-nested-frame", "DATA = struct.pack('>I', 60000) + b'\\x91' * 59999 + b'\\xc0'\n" + EVERY)
broken(
    "wire-map-that-claims-millions", "DATA = struct.pack('>I', 5) + b'\\xdf\\x7f\\xff\\xff\\xff'\n" + EVERY
)
broken("wire-extension-types", "DATA = struct.pack('>I', 8) + b'\\xc7\\x05\\xffabcde'\n" + EVERY)
broken("wire-random-bytes", "DATA = os.urandom(3000)\n" + EVERY)
broken("wire-not-utf8-and-nan-keys", "DATA = struct.pack('>I', 4) + b'\\x81\\xa1\\xff\\xc1'\n" + EVERY)
