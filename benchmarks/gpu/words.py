"""Write words for Q-Judger of the published shape and length, out of those of `house`: words.py FILE.

The published ones can't be had everywhere. Prints the value of the variable that names the file.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

from pytest_imagejudge.taxonomy import TREE

HOUSE = Path(__file__).parents[2] / "pytest_imagejudge" / "protocols" / "house.toml"


def main() -> None:
    text = HOUSE.read_text("utf-8")
    shared, step = text[:2000], 4000
    lists = {name: text[2000 + step * number :][:step] for number, name in enumerate(TREE)}
    template = "Asked for: {prompt}\nMade:\n<image>\nAbout: {level1_dim}\n{format_checklist}"
    source = f"SYSTEM_PROMPT = {shared!r}\nUSER_PROMPT_TEMPLATE = {template!r}\nDIM_TO_CHECKLIST = {lists!r}\n"
    file = Path(sys.argv[1])
    file.write_text(source, encoding="utf-8")
    print(f"{file}#{hashlib.sha256(source.encode()).hexdigest()}")


if __name__ == "__main__":
    main()
