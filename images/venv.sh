#!/usr/bin/env bash
# venv.sh EXTRA: .venv in the checkout with the project and this extra of setup.py; left alone when it has both already.
. "$(dirname "$0")/lib.sh"
set -euo pipefail
extra=$1
python=${PYTHON:-python3}
hint "install Python 3.11 or newer with its venv module (Debian 12, Ubuntu 24.04 and newer have it), or name one with PYTHON=…"
if ! have "$python" || ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then apt_install python3 python3-venv; fi
"$python" -c 'import sys; sys.exit(f"Python {sys.version.split()[0]} is too old; 3.11 or newer is needed" if sys.version_info < (3, 11) else 0)'

state=$("$python" -c 'import sys; print(sys.version, sys.base_prefix)' | hash_inputs setup.py pyproject.toml)
stamp=.venv/challengehub
# The test extra holds everything that the others do.
if [ -x .venv/bin/python ] && grep -qsE "^$state ($extra|test)$" $stamp; then
    echo ".venv is as it should be"
    exit 0
fi
hint "see in the log which package could not be fetched; the Python package index must be reachable"
# One that does not run any more (another Python on the machine now) is made anew; otherwise only what changed is fetched.
if ! .venv/bin/python -c 'import pip' 2>/dev/null; then rm -rf .venv; fi
[ -d .venv ] || "$python" -m venv .venv
.venv/bin/python -m pip install --quiet --editable ".[$extra]"
echo "$state $extra" >$stamp
