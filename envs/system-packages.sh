#!/usr/bin/env bash
# Installs what the tests need beside Python, where it is missing: gcc (compiles the fake meter), git, make.
# For Debian and Ubuntu, as root or through sudo; elsewhere it names what is missing. The demo needs none but make.
set -euo pipefail
missing=()
for program in gcc git make; do
    command -v "$program" >/dev/null || missing+=("$program")
done
[ ${#missing[@]} -gt 0 ] || exit 0
if ! command -v apt-get >/dev/null; then
    echo "Please install: ${missing[*]}" >&2
    exit 2
fi
as_root=()
[ "$(id -u)" = 0 ] || as_root=(sudo)
"${as_root[@]}" apt-get update
"${as_root[@]}" apt-get install --yes --no-install-recommends "${missing[@]}"
