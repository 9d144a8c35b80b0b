"""Write the table of three letters in a row that words have, for the embedded judge; prints a constant for `nonsense`.

python benchmarks/letter_triples.py FOLDER

FOLDER keeps the word lists, which come out of Debian packages. Of each language an equal number of words counts. Three
letters are rare where they make up less than 1 in 160,000 of every language's, and where they are in no name of a time
zone and in no two syllables of pinyin; what has many of them is no word.
"""

from __future__ import annotations

import base64
import random
import subprocess
import sys
import zlib
import zoneinfo
from collections import Counter
from pathlib import Path

from pytest_imagejudge.engines.signals.nonsense import EDGE, LETTERS, plain

PACKAGES = {
    "wamerican": "american-english",
    "wcatalan": "catalan",
    "wdanish": "danish",
    "wdutch": "dutch",
    "wfrench": "french",
    "witalian": "italian",
    "wngerman": "ngerman",
    "wnorwegian": "nynorsk",
    "wpolish": "polish",
    "wportuguese": "portuguese",
    "wspanish": "spanish",
    "wswedish": "swedish",
}
WORDS = 60_000  # of each language
RAREST = 1 / 160_000


def words(folder: Path, package: str, name: str) -> list[str]:
    """An even sample of the words of one language, without marks."""
    if not (folder / package).is_dir():
        subprocess.run(["apt-get", "download", package], cwd=folder, check=True, stdout=sys.stderr)
        (file,) = folder.glob(f"{package}_*.deb")
        subprocess.run(["dpkg-deb", "-x", file.name, package], cwd=folder, check=True)
    raw = (folder / package / "usr/share/dict" / name).read_bytes()
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    found = sorted({plain(line.strip().removesuffix("'s")) for line in text.splitlines()})
    found = [word for word in found if 2 <= len(word) <= 14 and set(word) <= set(LETTERS)]
    return random.Random(1).sample(found, min(WORDS, len(found)))


def triples_of(word: str) -> list[str]:
    """All three letters in a row, the ends of the word included."""
    edged = f"{EDGE}{word}{EDGE}"
    return [edged[at : at + 3] for at in range(len(word))]


def places() -> list[str]:
    """Names of cities and regions all over the world."""
    names = (name.split("/")[-1] for name in zoneinfo.available_timezones())
    return [word for name in names for word in plain(name).replace("-", "_").split("_") if set(word) <= set(LETTERS)]


def pinyin() -> list[str]:
    """Two syllables each of Chinese in Latin letters, some of which no Chinese word has."""
    first = [
        "b",
        "p",
        "m",
        "f",
        "d",
        "t",
        "n",
        "l",
        "g",
        "k",
        "h",
        "j",
        "q",
        "x",
        "zh",
        "ch",
        "sh",
        "r",
        "z",
        "c",
        "s",
        "y",
        "w",
    ]
    second = [
        "a",
        "o",
        "e",
        "i",
        "u",
        "ai",
        "ei",
        "ao",
        "ou",
        "an",
        "en",
        "ang",
        "eng",
        "ong",
        "ia",
        "iao",
        "ie",
        "iu",
        "ian",
        "in",
        "iang",
        "ing",
        "ua",
        "uo",
        "uai",
        "ui",
        "uan",
        "un",
        "uang",
    ]
    syllables = [one + two for one in first for two in second]
    return [one + two for one in syllables for two in syllables]


def main(folder: Path) -> None:
    """Print the table: one bit for three letters, set where they are rare."""
    folder.mkdir(parents=True, exist_ok=True)
    known: set[str] = set()
    for package, name in PACKAGES.items():
        triples = Counter(triple for word in words(folder, package, name) for triple in triples_of(word))
        known |= {triple for triple, count in triples.items() if count / triples.total() >= RAREST}
    known |= {triple for word in [*places(), *pinyin()] for triple in triples_of(word)}
    signs = EDGE + LETTERS
    bits = "".join("01"[a + b + c not in known] for a in signs for b in signs for c in signs)
    packed = int(bits + "0" * (-len(bits) % 8), 2).to_bytes((len(bits) + 7) // 8)
    text = base64.b85encode(zlib.compress(packed, 9)).decode()
    print("_RARE = (", *(f'    b"{text[at : at + 100]}"' for at in range(0, len(text), 100)), ")", sep="\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
