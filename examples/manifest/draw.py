"""Draw the posters of the manifest. One word is misspelt."""

from pathlib import Path

from PIL import Image, ImageDraw

FOLDER = Path(__file__).with_name("posters")
WORDS = {"opening.png": "GRAND OPENING", "coffee.png": "FRESH COFEE", "market.png": "FARMERS MARKET"}

FOLDER.mkdir(exist_ok=True)
for name, words in WORDS.items():
    poster = Image.new("RGB", (900, 500), (246, 238, 220))
    pen = ImageDraw.Draw(poster)
    pen.rectangle((20, 20, 880, 480), outline=(150, 60, 40), width=8)
    pen.text((450, 250), words, fill=(60, 40, 30), anchor="mm", font_size=84)
    poster.save(FOLDER / name)
