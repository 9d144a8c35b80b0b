"""What Pillow has loaded when a picture is decoded."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
from PIL import Image
from pytest_imagejudge.images.decoding import FORMATS
from pytest_imagejudge.images.pillow_guard import warm_up

warm_up()
found = {name for name in FORMATS if name in Image.OPEN}
Image.init()
print(sorted({name for name in FORMATS if name in Image.OPEN} - found), "PNG" in found)
"""


def test_every_format_that_is_decoded_is_loaded():
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    assert done.stdout == "[] True\n"
