"""IPython's own hooks, turned against the cells that come after."""

from . import Family

CASES = Family("ipython hooks")
forge = CASES.forge

WRONG = "\ndef code(n):\n    return 0\n"
SAME = "\nclass Same(int):\n    def __eq__(self, other): return True\n    __hash__ = int.__hash__\n"


def hook(name: str, source: str) -> None:
    forge(name, "vault", WRONG + source.strip("\n"))


hook(
    "hook-ast-transformer-drops-asserts",
    """
import ast
class Drop(ast.NodeTransformer):
    def visit_Assert(self, node):
        return ast.Pass()
get_ipython().ast_transformers.append(Drop())
""",
)
hook(
    "hook-input-transformer-empties-cells",
    """
get_ipython().input_transformers_post.append(lambda lines: ['pass\\n'])
""",
)
hook(
    "hook-cleanup-transform",
    """
get_ipython().input_transformers_cleanup.append(lambda lines: ['1'])
""",
)
hook(
    "hook-pre-run-cell-swaps-source",
    """
def pre(info):
    info.raw_cell = 'pass'
    get_ipython().user_ns['code'] = lambda n: Same()
get_ipython().events.register('pre_run_cell', pre)
"""
    + SAME,
)
hook(
    "hook-post-run-cell-clears-errors",
    """
def post(result):
    result.error_in_exec = result.error_before_exec = None
get_ipython().events.register('post_run_cell', post)
""",
)
hook(
    "hook-post-execute",
    """
import os
get_ipython().events.register('post_execute', lambda: os._exit(0))
""",
)
hook(
    "hook-custom-exception-handler",
    """
def handler(shell, kind, value, tb, tb_offset=None):
    import os
    os._exit(0)
get_ipython().set_custom_exc((Exception,), handler)
""",
)
hook(
    "hook-showtraceback",
    """
import os
get_ipython().showtraceback = lambda *a, **k: os._exit(0)
get_ipython()._showtraceback = get_ipython().showtraceback
""",
)
hook(
    "hook-run-cell-replaced",
    """
import IPython.core.interactiveshell as module
class Fine(module.ExecutionResult):
    success = property(lambda self: True)
shell = get_ipython()
shell.run_cell = lambda *a, **k: Fine(None)
""",
)
hook(
    "hook-execution-result-success",
    """
from IPython.core.interactiveshell import ExecutionResult
ExecutionResult.success = property(lambda self: True)
""",
)
hook(
    "hook-run-ast-nodes",
    """
async def run_ast_nodes(*args, **kwargs):
    return False
get_ipython().run_ast_nodes = run_ast_nodes
""",
)
hook(
    "hook-run-code",
    """
async def run_code(*args, **kwargs):
    return False
get_ipython().run_code = run_code
""",
)
hook(
    "hook-compiler-class",
    """
from IPython.core.compilerop import CachingCompiler
import ast
_parse = CachingCompiler.ast_parse
def ast_parse(self, source, *args, **kwargs):
    return _parse(self, 'pass', *args, **kwargs)
CachingCompiler.ast_parse = ast_parse
""",
)
hook(
    "hook-display-hook-exits",
    """
import os, sys
class Hook:
    def __call__(self, value): os._exit(0)
get_ipython().display_trap.hook = sys.displayhook = Hook()
get_ipython().events.register('pre_execute', lambda: os._exit(0))
""",
)
hook(
    "hook-error-before-exec-setter",
    """
from IPython.core.interactiveshell import ExecutionResult
ExecutionResult.error_in_exec = property(lambda self: None, lambda self, value: None)
ExecutionResult.error_before_exec = ExecutionResult.error_in_exec
""",
)
hook(
    "hook-should-run-async-runner",
    """
class Fine:
    success, result, error_in_exec, error_before_exec = True, None, None, None
def runner(coroutine):
    coroutine.close()
    return Fine()
shell = get_ipython()
shell._run_cell = lambda *a, **k: Fine()
shell.loop_runner = runner
""",
)
hook(
    "hook-user-ns-replaced",
    SAME
    + """
def fake(n, _same=Same): return _same()
class Names(dict):
    def __setitem__(self, key, value, _fake=fake):
        super().__setitem__(key, _fake if key == 'code' else value)
    def __getitem__(self, key, _fake=fake):
        return _fake if key == 'code' else super().__getitem__(key)
shell = get_ipython()
names = Names(shell.user_ns)
names['code'] = fake
shell.user_ns = names
shell.user_module.__dict__.update(names)
def pre(*a, _fake=fake, _shell=shell):
    _shell.user_ns['code'] = _fake
shell.events.register('pre_run_cell', pre)
""",
)
hook(
    "hook-magic-bash-forges-lines",
    """
get_ipython().system('printf "PASSED vault-shown\\\\nPASSED vault-hidden\\\\n" >&1')
get_ipython().run_cell_magic('bash', '', 'echo PASSED vault-hidden')
""",
)
hook(
    "hook-quit-replaced-by-exiter",
    """
import builtins, sys, os
sys.excepthook = lambda *a: os._exit(0)
get_ipython().excepthook = sys.excepthook
get_ipython().InteractiveTB.structured_traceback = lambda *a, **k: os._exit(0)
get_ipython().InteractiveTB.stb2text = lambda *a, **k: os._exit(0)
""",
)
hook(
    "hook-extension-loaded-by-name",
    """
import pathlib, sys
sys.path.insert(0, '.')
pathlib.Path('fix_marks.py').write_text('''
def load_ipython_extension(shell):
    from IPython.core.interactiveshell import ExecutionResult
    ExecutionResult.success = True
''')
%load_ext fix_marks
""",
)
hook(
    "hook-autoreload-and-alias",
    """
%xmode Minimal
from IPython.core.interactiveshell import InteractiveShell
InteractiveShell.showtraceback = lambda self, *a, **k: None
InteractiveShell.run_ast_nodes = InteractiveShell.run_ast_nodes
InteractiveShell.instance()._last_traceback = None
_old = InteractiveShell.run_cell
def run_cell(self, *a, **k):
    result = _old(self, *a, **k)
    result.error_in_exec = None
    return result
InteractiveShell.run_cell = run_cell
""",
)
