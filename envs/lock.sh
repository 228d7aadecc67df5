#!/usr/bin/env bash
# Writes envs/*.lock from envs/*.in. Pins stay as they are where they still fit; `--upgrade` takes the newest versions.
#
#   make lock
#   make lock ARGS=--upgrade
#
# All three are resolved together, since one environment holds them. They name versions only: no index, no link, no hash.
# torch is pinned without its build (+cpu), so that each machine takes its own; a CUDA build brings its nvidia-* packages.
# pip, which only pip-tools asks for, stays the one that came with Python.
set -euo pipefail
compile=$(realpath "${1:?usage: lock.sh PIP_COMPILE [--upgrade]}")
shift
cd "$(dirname "$0")"
together=$(mktemp --suffix=.txt)
trap 'rm -f "$together"' EXIT

pin() {
    "$compile" "$@" --quiet --strip-extras --no-allow-unsafe --unsafe-package=pip \
        --no-header --no-annotate --no-emit-index-url --no-emit-find-links --no-emit-options
}

cat -- *.lock 2>/dev/null | sort --unique >"$together" || true
pin measure.in workflow.in dev.in --output-file="$together" "$@"
sed -i -E 's/^(torch==[^+]+)\+.*/\1/' "$together"
for name in measure workflow dev; do
    pin "$name.in" --constraint="$together" --output-file="$name.lock"
    sed -i -E -e 's/^(torch==[^+]+)\+.*/\1/' -e '/^# The following packages/,$d' -e '/^$/d' \
        -e "1i # What $name.in needs, all of it, at exact versions. Written by \`make lock\`; change $name.in instead." "$name.lock"
done
