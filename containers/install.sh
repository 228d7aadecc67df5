#!/bin/sh
# Runs inside an image while it is built, by Apptainer's %post and by docker's RUN alike: install.sh FOLDER
# FOLDER holds the lock and the expectations. Wheels in /mnt, where the build binds a folder of them, stand for any index.
set -eu
cd "$1"
export PIP_BREAK_SYSTEM_PACKAGES=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
python3 check_image.py expect.json --before
if ls /mnt/*.whl >/dev/null 2>&1; then
    set -- --no-index --find-links /mnt
else
    python3 fetch_wheels.py expect.json fetched
    set -- --find-links fetched
fi
python3 -m pip install --quiet --no-deps --require-hashes "$@" --requirement python.lock
python3 check_image.py expect.json
rm -rf fetched
