#!/usr/bin/env bash
# Pillow 13.0.0 keeps the interpreter's lock for as long as it encodes a JPEG into memory, and gives it away for a file.
#
# Guess before the run: encoders work without the lock, wherever the bytes go, as the ones of PNG and WebP do.
# Seen with Pillow 13.0.0 on CPython 3.11: `save` of a picture into a `BytesIO`, and into a real file, while another thread
# only waits for the lock and no switch is forced (`sys.setswitchinterval`): how often that thread had its turn.
#              into BytesIO   into a file
#   JPEG            none        hundreds
#   JPEG 2000       none        tens
#   PNG          thousands     thousands
#   WebP         thousands     thousands
# Threads that make JPEGs for HTTP bodies or reports (nearly always in a BytesIO) so take one core in all, and an event loop
# beside them waits; the same code with a temporary file does not. With the usual switch interval a waiting thread gets
# its turn between two buffers of 64 KiB at the earliest. Reading JPEG 2000 keeps the lock too; reading JPEG, PNG and WebP
# does not.
# This fails if any of it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pillow==13.0.0 2>/dev/null
"$folder/venv/bin/python" - <<'PYTHON'
import io
import sys
import tempfile
import threading
import time

import PIL
from PIL import Image

picture = Image.effect_noise((2048, 2048), 60).convert("RGB")
sys.setswitchinterval(1000)  # seconds: the lock changes hands only where it is given away


def turns(work):
    """How often a thread that does nothing else had the lock while ``work`` ran."""
    count, stop = 0, False

    def wait():
        nonlocal count
        while not stop:
            count += 1
            time.sleep(0)

    thread = threading.Thread(target=wait)
    thread.start()
    time.sleep(0.05)
    before = count
    work()
    had = count - before
    stop = True
    thread.join()
    return had


def memory(name, fields):
    picture.save(io.BytesIO(), name, **fields)


def file(name, fields):
    with tempfile.TemporaryFile() as handle:
        picture.save(handle, name, **fields)


def read(data):
    Image.open(io.BytesIO(data)).load()


print("Pillow", PIL.__version__)
seen = {}
formats = {"JPEG": {}, "JPEG2000": {}, "PNG": {"compress_level": 1}, "WEBP": {}}
for name, fields in formats.items():
    made = io.BytesIO()
    picture.save(made, name, **fields)
    had = [turns(lambda: memory(name, fields)), turns(lambda: file(name, fields)), turns(lambda: read(made.getvalue()))]
    print(f"{name}: into memory {had[0]}, into a file {had[1]}, read from memory {had[2]}")
    seen[name] = [count > 0 for count in had]
assert seen == {
    "JPEG": [False, True, True],
    "JPEG2000": [False, True, False],
    "PNG": [True, True, True],
    "WEBP": [True, True, True],
}, "this has changed"
PYTHON
