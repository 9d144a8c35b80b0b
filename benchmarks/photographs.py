"""Real photographs for the calibration: out of Debian packages and wheels, fetched here and never committed.

Each was looked at once: no drawing, no render, no picture that is itself blurred, tiled or a scan of print.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

from PIL import Image, ImageOps

DEBIAN = {
    "forensics-samples-files": ("usr/share/forensics-samples/original-files/pic*/IMG*.[jJ]*",),
    "kphotoalbum": ("usr/share/kphotoalbum/demo/*.jpg",),
    "lomiri-wallpapers-16.04": ("usr/share/backgrounds/*.jpg",),
    "mate-backgrounds": ("usr/share/backgrounds/mate/nature/*.jpg",),
    "opencv-doc": (
        *(
            f"usr/share/doc/opencv-doc/examples/data/{name}.jpg"
            for name in [
                "fruits",
                "baboon",
                "leuvenA",
                "ela_original",
                "squirrel_cls",
                "home",
                "aloeL",
                "board",
                "orange",
                "apple",
                "stuff",
                "messi5",
                "right",
                "aero1",
                "butterfly",
                "building",
            ]
        ),
        "usr/share/doc/opencv-doc/examples/alphamat/input_images/plant.jpg",
        "usr/share/doc/opencv-doc/opencv4/html/230501201_1.jpg",
        "usr/share/doc/opencv-doc/opencv4/html/pexels_double_decker_bus.jpg",
    ),
    "palapeli-data": ("usr/share/palapeli/collection/*.jpg",),
    "plasma-workspace-wallpapers": tuple(
        f"usr/share/wallpapers/{name}/contents/images/2560x1600.jpg"
        for name in [
            "FallenLeaf",
            "Path",
            "summer_1am",
            "EveningGlow",
            "Grey",
            "Kite",
            "ColorfulCups",
            "OneStandsOut",
            "ColdRipple",
            "BytheWater",
        ]
    ),
}
WHEELS = {
    "gradio": ("gradio/media_assets/images/cheetah.jpg", "gradio/media_assets/images/tower.jpg"),
    "matplotlib": ("matplotlib/mpl-data/sample_data/grace_hopper.jpg",),
    "scikit-learn": ("sklearn/datasets/images/china.jpg", "sklearn/datasets/images/flower.jpg"),
    "ultralytics": ("ultralytics/assets/zidane.jpg", "ultralytics/assets/bus.jpg"),
}
SCIKIT_IMAGE = ["astronaut", "camera", "chelsea", "coffee", "rocket", "motorcycle_left", "brick", "grass", "gravel"]
# Not photographs, or not undistorted: a render, a drawing, a macro shot that is all motion.
LEFT_OUT = {"umang_by_Abhishek_Mudgal", "analogpattern_by_Peter_Nerlich"}


def fetch(folder: Path) -> None:
    """Download and unpack every package into ``folder``, where it is not there yet."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in DEBIAN:
        if not (folder / name).is_dir():
            subprocess.run(["apt-get", "download", name], cwd=folder, check=True, stdout=sys.stderr)
            (package,) = folder.glob(f"{name}_*.deb")
            subprocess.run(["dpkg-deb", "-x", package.name, name], cwd=folder, check=True)
    for name in WHEELS:
        if not (folder / name).is_dir():
            command = [sys.executable, "-m", "pip", "download", "--no-deps", "-q", "-d", str(folder), name]
            subprocess.run(command, check=True, stdout=sys.stderr)
            (wheel,) = folder.glob(f"{name.replace('-', '_')}-*.whl")
            with zipfile.ZipFile(wheel) as archive:
                archive.extractall(folder / name, WHEELS[name])


def photographs(folder: Path) -> Iterator[tuple[str, Image.Image]]:
    """Yield name and picture (RGB, upright) of every photograph, in a fixed order."""
    import skimage.data
    from skimage import io

    for name in SCIKIT_IMAGE:
        if name == "motorcycle_left":
            array = io.imread(Path(skimage.data.__file__).parent / "motorcycle_left.png")
        else:
            array = getattr(skimage.data, name)()
        yield f"scikit-image/{name}", Image.fromarray(array).convert("RGB")
    for source, patterns in sorted({**DEBIAN, **WHEELS}.items()):
        for pattern in patterns:
            found = sorted((folder / source).glob(pattern))
            if not found:
                raise FileNotFoundError(f"{source} has no {pattern}")
            for path in found:
                if path.stem not in LEFT_OUT and not path.is_symlink():
                    with Image.open(path) as picture:
                        yield str(path.relative_to(folder)), ImageOps.exif_transpose(picture).convert("RGB")


def held_out(name: str) -> bool:
    """Whether this photograph is kept for the figures and never used to set a bound (half of them, by name)."""
    return hashlib.sha256(name.encode()).digest()[0] % 2 == 0
