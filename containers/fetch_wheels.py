#!/usr/bin/env python3
"""Fetch the wheels that no index has, inside the image while it is built: fetch_wheels.py expect.json FOLDER

Ends with a message when a wheel is not the one whose SHA-256 is named.
"""

import hashlib
import json
import sys
import urllib.request
from pathlib import Path

expected, folder = json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2])
folder.mkdir()
for name, wheel in expected["wheels"].items():
    target = folder / wheel["url"].rsplit("/", 1)[-1]
    urllib.request.urlretrieve(wheel["url"].replace("+", "%2B"), target)
    found = hashlib.sha256(target.read_bytes()).hexdigest()
    if found != wheel["sha256"]:
        sys.exit(f"{name}: the wheel at {wheel['url']} has SHA-256 {found}, not {wheel['sha256']}")
