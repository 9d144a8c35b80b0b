"""What Pillow has loaded when a picture is decoded."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from PIL import Image

SCRIPT = """
from PIL import Image
from pytest_imagejudge.images.decoding import FORMATS
from pytest_imagejudge.images.pillow_guard import warm_up

warm_up()
found = {name for name in FORMATS if name in Image.OPEN}
Image.init()
print(sorted({name for name in FORMATS if name in Image.OPEN} - found), "PNG" in found)
"""


FORGOTTEN = """
import sys, warnings
from PIL import Image
from pytest_imagejudge.images.loading import load

warnings.simplefilter("error")
load(sys.argv[1])
del sys.modules["PIL.TiffImagePlugin"]  # as pytester does after a run that imported it
Image.init()
load(sys.argv[1])
"""


def test_it_is_silent_though_a_module_was_forgotten_and_loaded_again(tmp_path: Path) -> None:
    path = tmp_path / "damaged.jpg"
    Image.new("RGB", (64, 64)).save(path, exif=b"Exif\0\0MM\0*\xff\xff\xff\xff")
    done = subprocess.run([sys.executable, "-c", FORGOTTEN, str(path)], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_every_format_that_is_decoded_is_loaded():
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    assert done.stdout == "[] True\n"
