"""Write COUNT pictures and a manifest of them into a folder: make_manifest.py FOLDER FIRST COUNT."""

import json
import sys
from pathlib import Path

from conftest import PROMPT, picture

folder, first, count = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
folder.mkdir(parents=True, exist_ok=True)
rows = []
for number in range(first, first + count):
    picture(number).save(folder / f"{number}.png", compress_level=1)
    rows.append({"ID": str(number), "prompt": PROMPT.format(number), "image_path": f"{number}.png"})
(folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
