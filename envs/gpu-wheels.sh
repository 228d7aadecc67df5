#!/usr/bin/env bash
# Fetches what a GPU machine with its own torch and transformers lacks, as wheels for Linux on x86-64 (about 200 MB).
#
#   make gpu-wheels                                     # into gpu-wheels/, for Python 3.12
#   make gpu-wheels ARGS="3.11 bitsandbytes torchao"    # for Python 3.11, without these
set -euo pipefail
pip=("$(realpath -s "${1:?usage: gpu-wheels.sh PYTHON [VERSION [WITHOUT...]]}")" -m pip --disable-pip-version-check --quiet)
version=${2:-3.12}
# What comes with torch and transformers, and fits them, is never brought along.
stack=(torch transformers tokenizers huggingface-hub hf-xet safetensors numpy triton setuptools "${@:3}")
cd "$(dirname "$0")/.."
mkdir -p gpu-wheels
platforms=()
for glibc in 2_28 2_24 2_17; do platforms+=(--platform "manylinux_${glibc}_x86_64"); done
platforms+=(--platform manylinux2014_x86_64)

sed -n 's/[ ;#].*//; /==/p' envs/measure.lock envs/workflow.lock | sort --unique | while read -r pin; do
    [[ " ${stack[*]} " != *" ${pin%%==*} "* ]] || continue
    "${pip[@]}" download --no-deps --only-binary=:all: --python-version "$version" "${platforms[@]}" --dest gpu-wheels "$pin" 2>/dev/null ||
        "${pip[@]}" wheel --no-deps --wheel-dir gpu-wheels "$pin" # published as source alone
done
ls gpu-wheels
