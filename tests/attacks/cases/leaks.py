"""Getting hidden words or expected values shown."""
# ruff: noqa: E501 - these are other people's cells

from . import Family

CASES = Family("leaks")
leak = CASES.leak

SPY = """
def everything():
    import gc, linecache, sys
    yield from get_ipython().user_ns.get('In', [])
    frame = sys._getframe()
    while frame:
        yield repr([v for k, v in frame.f_globals.items() if k.startswith('expected_')])
        yield repr(frame.f_code.co_consts)
        yield repr(frame.f_code.co_names)
        frame = frame.f_back
    for entry in list(linecache.cache.values()):
        yield ''.join(entry[2]) if len(entry) > 2 and entry[2] else ''
"""
DO = "\ndef code(n):\n    show('\\n'.join(map(str, everything()))[-60000:])\n    return 0\n"


def show(name: str, how: str, do: str = DO, **more: str) -> None:
    """All that can be found in the process, shown in one way or another."""
    leak(name, "vault", SPY.strip("\n") + "\n" + how.strip("\n") + "\n" + do, **more)


show("leak-print-during-check", "show = print")
show("leak-stderr-during-check", "import sys\nshow = lambda t: sys.stderr.write(t)")
show("leak-os-write-during-check", "import os\nshow = lambda t: os.write(1, t.encode())")
show("leak-os-write-to-stderr", "import os\nshow = lambda t: os.write(2, t.encode())")
show("leak-logging-and-warnings", "import warnings\nshow = lambda t: warnings.warn(t[-9000:])")
show(
    "leak-subprocess-echo",
    """
import subprocess
def show(text): subprocess.run(['cat'], input=text.encode(), stdout=1)
""",
)
show("leak-exception-message", "def show(text): raise ValueError(text)")
show(
    "leak-exception-chain",
    """
def show(text):
    try: raise KeyError(text)
    except KeyError as error: raise RuntimeError('oh') from error
""",
)
show(
    "leak-exception-notes-and-class-name",
    """
def show(text):
    error = ValueError('oh')
    error.add_note(text)
    raise type(text[-3000:].replace('\\0', ''), (Exception,), {})() from error
""",
)
show("leak-exception-group", "def show(text): raise ExceptionGroup(text, [ValueError(text)])")
show("leak-system-exit-message", "def show(text): raise SystemExit(text)")
show(
    "leak-base-exception",
    """
class Bye(BaseException):
    def __str__(self): return self.args[0]
def show(text): raise Bye(text)
""",
)
show("leak-base64", "import base64\nshow = lambda t: print(base64.b64encode(t[-4000:].encode()).decode())")
show("leak-hex", "show = lambda t: print(t[-4000:].encode().hex())")
show("leak-reversed", "show = lambda t: print(t[::-1])")
show("leak-rot13", "import codecs\nshow = lambda t: print(codecs.encode(t, 'rot13'))")
show("leak-upper-and-spaced", "show = lambda t: print(' '.join(t[-9000:].upper()))")
show("leak-character-codes", "show = lambda t: print([ord(c) for c in t[-9000:] if ord(c) < 256])")
show("leak-one-letter-per-line", "show = lambda t: [print(c) for c in t[-9000:]]")
show(
    "leak-colour-between-letters",
    "show = lambda t: print(''.join('\\x1b[3%dm' % (i % 8) + c for i, c in enumerate(t[-9000:])))",
)
show("leak-html-between-letters", "show = lambda t: print(''.join('<b>' + c + '</b>' for c in t[-9000:]))")
show("leak-kept-for-a-later-cell", "kept = []\nshow = kept.append", last="print(kept)")
show("leak-kept-for-a-later-cell-as-error", "kept = []\nshow = kept.append", last="raise ValueError(kept)")
show("leak-kept-for-a-later-display", "kept = []\nshow = kept.append", last="kept")
show(
    "leak-through-a-file",
    "show = lambda t: open('kept.txt', 'a').write(t)",
    last="print(open('kept.txt').read())",
)
show(
    "leak-at-exit",
    "import atexit, os\nkept = []\nshow = kept.append\natexit.register(lambda: os.write(1, repr(kept).encode()))",
)
show(
    "leak-by-a-child-later",
    """
import os, time
def show(text):
    if os.fork() == 0:
        time.sleep(0.1)
        os.write(1, text.encode())
        os._exit(0)
""",
    last="import time; time.sleep(0.4); print('done')",
)
show(
    "leak-by-a-thread",
    """
import threading, sys
show = lambda t: threading.Thread(target=lambda: sys.__stdout__.write(t)).start()
""",
    last="sys.__stdout__.flush()",
)

leak(
    "leak-traceback-quotes-the-check",
    "vault",
    "def code(n):\n    if n: raise ValueError('look at the lines above')\n    return 11",
    floor=1.0,
)
leak(
    "leak-wrong-type-for-fstring",
    "vault",
    """
    class Odd:
        def __eq__(self, other): return False
        def __format__(self, spec): raise ValueError('formatting')
    def code(n):
        return Odd() if n else 11
    """,
    floor=1.0,
)
