#!/bin/sh
# Print a Python that can carry Conclave (>= 3.11, with venv), or say what to install.
# PYTHON=... decides; else python3, else the newest of python3.13, 3.12, 3.11.

new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

fail() {
    printf 'conclave: %s\n' "$@" >&2
    exit 1
}

found=
if [ -n "${PYTHON:-}" ]; then
    command -v "$PYTHON" >/dev/null 2>&1 || fail "PYTHON=$PYTHON: no such program."
    new_enough "$PYTHON" || fail "PYTHON=$PYTHON is $("$PYTHON" -V 2>&1); Conclave needs Python 3.11 or newer."
    found=$PYTHON
else
    for name in python3 python3.13 python3.12 python3.11; do
        if command -v "$name" >/dev/null 2>&1 && new_enough "$name"; then
            found=$name
            break
        fi
    done
fi

[ -n "$found" ] || fail \
    "no Python 3.11 or newer found ($(python3 -V 2>/dev/null || echo 'python3: none'))." \
    "On Debian 12 and Ubuntu 24.04: apt install python3 python3-venv" \
    "Or name another interpreter: make PYTHON=/path/to/python3.12 ..."

"$found" -c 'import ensurepip, venv' 2>/dev/null || fail \
    "$("$found" -V 2>&1) has no venv module." \
    "On Debian and Ubuntu: apt install python3-venv" \
    "Or name another interpreter: make PYTHON=/path/to/python3.12 ..."

command -v "$found"
