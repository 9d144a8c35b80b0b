#!/usr/bin/env bash
# looks-same 10.0.1 does not see black on a transparent ground, odiff 4.5.0 and pixelmatch (PyPI) 0.4.0 do not see white on it.
#
# Guess before the run: a drawing is compared with its alpha, so that it differs from an empty picture whatever its colour is.
# Seen with looks-same 10.0.1, odiff-bin 4.5.0, pixelmatch 8.0.0 (npm) and pixelmatch 0.4.0 (PyPI), Pillow 13.0.0, numpy 2.4.6 on
# CPython 3.11 and Node.js 20.20.2; pixels that differ from an empty (transparent) picture, of 4096:
#                                            looks-same   odiff   pixelmatch, npm   pixelmatch, PyPI
#   a white drawing, opaque (576 pixels)     differ       0       576               0
#   a black drawing, opaque                  equal        576     576               576
#   all white, opaque                        differ       0       4096              0
#   all black, opaque                        equal        4096    4096              4096
# - looks-same leaves alpha out, and transparent pixels are usually black. odiff and the Python port lay both pictures on white.
# - So for models that make stickers, logos or layers, an empty output passes against a stored white (or black) drawing, and a
#   ground that was to be transparent may be opaque. None warns. pixelmatch of npm lays on two colours, and is right.
# - The Python port is what plugins for pytest compare with.
# This fails if any of it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pixelmatch==0.4.0 pillow==13.0.0 numpy==2.4.6 2>/dev/null
cd "$folder"
npm install --silent --no-audit --no-fund --no-update-notifier --prefix "$folder" \
    looks-same@10.0.1 odiff-bin@4.5.0 pixelmatch@8.0.0 pngjs@7.0.0 >/dev/null
venv/bin/python - <<'PYTHON' > outcomes
from PIL import Image
from pixelmatch.contrib.PIL import pixelmatch

empty = Image.new("RGBA", (64, 64))
empty.save("empty.png")
for colour in ("white", "black"):
    for name, box in {"drawing": (20, 20, 44, 44), "all": (0, 0, 64, 64)}.items():
        picture = empty.copy()
        picture.paste(colour, box)
        picture.save(f"{name}-{colour}.png")
        print(f"pixelmatch (PyPI): {name} {colour} {pixelmatch(empty, picture)}")
PYTHON
cat > compare.mjs <<'JS'
import fs from 'fs';
import looksSame from 'looks-same';
import odiff from 'odiff-bin';
import pixelmatch from 'pixelmatch';
import { PNG } from 'pngjs';

const read = (name) => PNG.sync.read(fs.readFileSync(name));
for (const colour of ['white', 'black'])
    for (const name of ['drawing', 'all']) {
        const file = `${name}-${colour}.png`;
        const { equal } = await looksSame('empty.png', file);
        console.log(`looks-same: ${name} ${colour} ${equal ? 'equal' : 'differ'}`);
        const outcome = await odiff.compare('empty.png', file, 'difference.png');
        console.log(`odiff: ${name} ${colour} ${outcome.match ? 0 : outcome.diffCount}`);
        console.log(`pixelmatch (npm): ${name} ${colour} ${pixelmatch(read('empty.png').data, read(file).data, null, 64, 64)}`);
    }
JS
node compare.mjs >> outcomes
sort -o outcomes outcomes
cat outcomes
diff outcomes - <<'EXPECTED'
looks-same: all black equal
looks-same: all white differ
looks-same: drawing black equal
looks-same: drawing white differ
odiff: all black 4096
odiff: all white 0
odiff: drawing black 576
odiff: drawing white 0
pixelmatch (PyPI): all black 4096
pixelmatch (PyPI): all white 0
pixelmatch (PyPI): drawing black 576
pixelmatch (PyPI): drawing white 0
pixelmatch (npm): all black 4096
pixelmatch (npm): all white 4096
pixelmatch (npm): drawing black 576
pixelmatch (npm): drawing white 576
EXPECTED
