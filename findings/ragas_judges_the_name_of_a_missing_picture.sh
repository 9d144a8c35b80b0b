#!/usr/bin/env bash
# ragas 0.4.3 shows a judge the name of a picture as text, where the picture can't be read, and takes the verdict.
#
# Guess before the run: a picture that is missing, or in a format that Pillow can't read, is an error that names it, or NaN.
# Seen with ragas 0.4.3, pydantic 2.14.4, requests 2.32.5, Pillow 13.0.0 on CPython 3.11 (what the metrics would send):
# - `MultiModalFaithfulness` and `MultiModalRelevance` take paths, URLs and base64 among their contexts. What can't be fetched
#   or decoded is taken for a text: a path with a typo, a file that was cut off, a URL that answers 404, a data URI of AVIF or
#   JPEG XL (also one of PNG in lines of 76 characters, as `base64.encodebytes` writes it).
# - The judge reads "Context 1: out/red fox in the snow.png". Where files are named after prompts, as generators do it, this is
#   all that a claim about a red fox needs. A base64 text goes out as some thousand tokens.
# - No warning, and nothing in the result, tells of it: the score is what the judge makes of the words. ragas' own helper knows
#   that it looks like a picture (`is_image_path_or_url`), and is not asked.
# So the score of a run without a single picture can be perfect.
# The module that writes the messages is loaded by its path, because the package's __init__ needs a hundred others; it is used
# as it is. That of `MultiModalRelevance` imports its reading of pictures from it.
# This fails if any of it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check --no-deps ragas==0.4.3 2>/dev/null
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pydantic==2.14.4 requests==2.32.5 pillow==13.0.0 2>/dev/null
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import base64
import http.server
import importlib.metadata
import importlib.util
import io
import pathlib
import threading

from PIL import Image


class NotFound(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_error(404)

    def log_message(self, *_):
        pass


def encoded(kind, encode=base64.b64encode):
    buffer = io.BytesIO()
    Image.new("RGB", (64, 64), "red").save(buffer, kind)
    return f"data:image/{kind.lower()};base64," + encode(buffer.getvalue()).decode()


server = http.server.HTTPServer(("127.0.0.1", 0), NotFound)
threading.Thread(target=server.serve_forever, daemon=True).start()
out = pathlib.Path("out")
out.mkdir()
Image.new("RGB", (64, 64), "red").save(out / "a red fox.png")
(out / "cut off.png").write_bytes((out / "a red fox.png").read_bytes()[:20])
contexts = {
    "a file": ("out/a red fox.png", True),
    "a data URI": (encoded("PNG"), True),
    "a path with a typo": ("out/red fox in the snow.png", False),
    "a file that was cut off": ("out/cut off.png", False),
    "a URL that answers 404": (f"http://127.0.0.1:{server.server_port}/red%20fox.png", False),
    "a data URI of AVIF": (encoded("AVIF"), False),
    "a data URI in lines": (encoded("PNG", base64.encodebytes), False),
}
path = importlib.metadata.distribution("ragas").locate_file("ragas/metrics/collections/multi_modal_faithfulness/util.py")
spec = importlib.util.spec_from_file_location("util", path)
util = importlib.util.module_from_spec(spec)
spec.loader.exec_module(util)
print("ragas", importlib.metadata.version("ragas"))
for name, (context, is_picture) in contexts.items():
    sent = util.build_multimodal_message_content("", response="A red fox.", retrieved_contexts=[context])
    pictures = sum(part["type"] == "image_url" for part in sent)
    texts = [part["text"] for part in sent if part["type"] == "text" and context.strip() in part["text"]]
    print(f"{name}: {pictures} pictures, {[text[:50] for text in texts]}")
    assert (pictures, len(texts)) == ((1, 0) if is_picture else (0, 1)), "this has changed"
assert util.is_image_path_or_url("out/red fox in the snow.png")
server.shutdown()
PYTHON
