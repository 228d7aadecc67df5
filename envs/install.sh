#!/usr/bin/env bash
# Installs locks into a virtual environment: install.sh VENV run|dev LOCK...
#
# VENV/.ready-run says that all of the run locks are installed, VENV/.ready-dev that the development tools are too.
# Both are gone while something is being installed, so an environment without either is one that an interrupted
# install left behind, and is made anew.
set -euo pipefail
venv=$1 purpose=$2
shift 2

find_python() {
    local candidate
    for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11}; do
        if "$candidate" -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
            command -v "$candidate"
            return
        fi
    done
    echo "No Python 3.11 or newer with venv found. Install one (Debian, Ubuntu: apt-get install python3 python3-venv)," >&2
    echo "or name it: make env PYTHON=/path/to/python3.12" >&2
    return 2
}

if [ ! -e "$venv/.ready-run" ] && [ ! -e "$venv/.ready-dev" ]; then
    python=$(find_python)
    rm -rf "$venv"
    "$python" -m venv "$venv"
fi
rm -f "$venv"/.ready-*
requirements=()
for lock in "$@"; do
    requirements+=(--requirement "$lock")
done
echo "Installing $* into $venv; the first time takes a few minutes."
"$venv/bin/python" -m pip install --disable-pip-version-check -qq --no-compile "${requirements[@]}"
# pip would compile one file after another; this uses all cores. What is written for another Python cannot be compiled.
"$venv/bin/python" -m compileall -qq -j 0 "$venv/lib" || true
touch "$venv/.ready-run"
[ "$purpose" = run ] || touch "$venv/.ready-dev"
