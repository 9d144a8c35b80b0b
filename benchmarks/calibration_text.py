"""Rendered text for the calibration of the embedded judge: right, and damaged in each way that it names.

python benchmarks/calibration_text.py [--folder CACHE] [--corpus CORPUS] [--half set|held]

Posters in the fonts of Debian packages, Latin and Chinese, printed and by hand, on plain ground, photographs and
illustrations. Fonts, texts and backgrounds are split in two halves: the one sets bounds, the other gives the table.
``--corpus`` is a folder of pictures as KIND/set/*.png; without it all ground is plain.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont
from scipy.stats import binomtest

from pytest_imagejudge.engines.signals import text as measurement
from pytest_imagejudge.protocols.signals_bounds import REVISION

SHAPE = (1024, 768)
HALVES = ("set", "held")
GROUNDS = ("plain", "photograph", "illustration")
FONTS = {  # by half and script: package, file
    ("set", "Latin"): [
        ("fonts-liberation2", "LiberationSans-Bold.ttf"),
        ("fonts-liberation2", "LiberationSerif-Italic.ttf"),
        ("fonts-comfortaa", "Comfortaa-Bold.ttf"),
        ("fonts-lobster", "lobster.otf"),
        ("fonts-comic-neue", "ComicNeue-Bold.otf"),
        ("fonts-oldstandard", "OldStandard-Regular.ttf"),
        ("fonts-dancingscript", "DancingScript-Bold.otf"),
        ("fonts-roboto-slab", "RobotoSlab-Regular.otf"),
        ("fonts-inconsolata", "Inconsolata.otf"),
        ("fonts-league-spartan", "LeagueSpartan-Bold.otf"),
    ],
    ("held", "Latin"): [
        ("fonts-lato", "Lato-Black.ttf"),
        ("fonts-ebgaramond", "EBGaramond12-Bold.otf"),
        ("fonts-quicksand", "Quicksand-Bold.ttf"),
        ("fonts-lobstertwo", "LobsterTwo-Bold.otf"),
        ("fonts-kaushanscript", "KaushanScript-Regular.otf"),
        ("fonts-courier-prime", "Courier Prime Bold.otf"),
        ("fonts-femkeklaver", "femkeklaver.ttf"),
        ("fonts-yanone-kaffeesatz", "YanoneKaffeesatz-Bold.otf"),
        ("fonts-sil-andika", "Andika-Regular.ttf"),
        ("fonts-lato", "Lato-Light.ttf"),
    ],
    ("set", "Chinese"): [
        ("fonts-noto-cjk", "NotoSansCJK-Bold.ttc"),
        ("fonts-noto-cjk", "NotoSerifCJK-Regular.ttc"),
        ("fonts-wqy-zenhei", "wqy-zenhei.ttc"),
        ("fonts-lxgw-wenkai", "LXGWWenKai-Regular.ttf"),
    ],
    ("held", "Chinese"): [
        ("fonts-arphic-gkai00mp", "gkai00mp.ttf"),
        ("fonts-arphic-gbsn00lp", "gbsn00lp.ttf"),
        ("fonts-wqy-microhei", "wqy-microhei.ttc"),
        ("fonts-smiley-sans", "SmileySans-Oblique.ttf"),
    ],
}
TEXTS = {  # right, and with one letter wrong
    ("set", "Latin"): {
        "Grand Opening": "Grand Openning",
        "COFFEE": "COFEE",
        "Happy Birthday Anna": "Happy Birtday Anna",
        "Summer Sale 50% Off": "Summer Sale 60% Off",
        "Open 24 Hours": "Open 24 Huors",
        "Welcome to Our Library": "Welcome to Our Libary",
        "Café Zürich": "Café Zürch",
        "Keep Calm and Carry On": "Keep Calm and Cary On",
        "Fresh Bread Daily": "Fresh Braed Daily",
        "Jazz Night": "Jazz Nigth",
        "DANGER": "DAMGER",
        "Mind the gap between the train and the platform": "Mind the gap betwen the train and the platform",
    },
    ("held", "Latin"): {
        "Do Not Enter": "Do Not Entor",
        "The Art of Slow Travel": "The Art of Slow Travle",
        "BAKERY": "BAKARY",
        "Midnight Diner": "Midnigt Diner",
        "Farmers Market Saturday": "Farmers Marked Saturday",
        "Beware of the Dog": "Beware of the Bog",
        "Happy New Year": "Happy New Yaer",
        "Good Morning": "Good Mornimg",
        "Live Music Tonight": "Live Musik Tonight",
        "LEMONADE": "LEMONNADE",
        "Born to Run": "Born to Rum",
        "A reader lives a thousand lives before he dies": "A reader lives a thousand lives befor he dies",
    },
    ("set", "Chinese"): {
        "欢迎光临": "欢迎光监",
        "生日快乐": "生日快东",
        "新鲜面包": "新鲜面饱",
        "夏日音乐节": "夏目音乐节",
        "安全出口": "安全出回",
        "好好学习天天向上": "好好学习天大向上",
        "图书馆开放时间": "图书馆开放时问",
        "中秋节快乐": "中秋节快了",
        "已经打烊": "己经打烊",
        "土豆烧牛肉": "士豆烧牛肉",
        "大减价": "太减价",
        "上午营业": "上牛营业",
        "干洗店": "千洗店",
        "工人文化宫": "土人文化宫",
        "天然矿泉水": "夫然矿泉水",
        "木材市场": "本材市场",
        "请勿吸烟": "请匆吸烟",
        "失物招领": "矢物招领",
        "白云宾馆": "自云宾馆",
        "王府井": "玉府井",
        "免费停车": "兔费停车",
        "小心台阶": "小心合阶",
        "今晚八点": "今晚人点",
        "田园风光": "由园风光",
        "微笑服务": "徽笑服务",
        "禁止拍照": "禁止柏照",
        "候车室": "侯车室",
        "游泳池": "游咏池",
        "茶餐厅": "荼餐厅",
        "老字号": "老宇号",
        "折扣店": "拆扣店",
        "辣子鸡": "辣于鸡",
    },
    ("held", "Chinese"): {
        "今日特价": "令日特价",
        "人民广场": "入民广场",
        "未来之星": "末来之星",
        "营业时间": "营业时问",
        "热气球": "热气求",
        "祝你好运": "祝你好远",
        "春满人间": "春满入间",
        "小心地滑": "小心他滑",
        "儿童乐园": "几童乐园",
        "鸟语花香": "乌语花香",
        "中国邮政": "中围邮政",
        "少年宫": "少午宫",
        "休息室": "体息室",
        "清仓大甩卖": "清仓大用卖",
        "毛笔书法": "手笔书法",
        "住宿登记": "往宿登记",
        "恭喜发财": "恭喜友财",
        "出入平安": "出入乎安",
        "农家小院": "衣家小院",
        "专业修理": "专业修埋",
        "特快列车": "待快列车",
        "江边酒吧": "江边洒吧",
        "百货商场": "白货商场",
        "历史博物馆": "厉史博物馆",
    },
}
SCENE = {  # what else may be read in a picture
    "Latin": [
        "EXIT",
        "Main Street",
        "No Parking",
        "Hotel Bristol",
        "Taxi",
        "Kodak",
        "Apotheke",
        "Platform 9",
        "Sushi Bar",
    ],
    "Chinese": ["出口", "停车场", "北京路", "银行", "地铁站"],
}
NONSENSE = {
    "Latin": ["Rlsnc Tgvou", "xqzvk jrwlp", "Wncpea Mrqtsl", "Bhcdk Vhxoi Ksrbn", "Tszvaq Yhtgr"],
    "Chinese": ["Rlsnc Tgvou", "xqzvk jrwlp", "Wncpea Mrqtsl", "Bhcdk Vhxoi Ksrbn"],
}
KINDS = (
    "right",
    "right, beside a scene's own sign",
    "missing",
    "one letter wrong",
    "doubled",
    "wrong case",
    "nonsense beside it",
)
RIGHT = KINDS[:2]
SIZES = (0.035, 0.07, 0.11)  # height of the letters, of the picture's height


@dataclass(frozen=True)
class Poster:
    """One poster: which text is asked for and in what way it is shown, in what font and on what ground."""

    half: str
    script: str
    kind: str
    text: str
    font: str
    ground: str
    background: str  # the file; empty for plain ground
    size: float
    seed: int


Row = tuple[Poster, object, str]  # with the raw score and the evidence


def fetch_fonts(folder: Path) -> None:
    """Download and unpack the fonts into ``folder``, where they are not there yet."""
    for name in sorted({package for fonts in FONTS.values() for package, _ in fonts}):
        if not (folder / name).is_dir():
            subprocess.run(["apt-get", "download", name], cwd=folder, check=True, stdout=sys.stderr)
            (package,) = folder.glob(f"{name}_*.deb")
            subprocess.run(["dpkg-deb", "-x", package.name, name], cwd=folder, check=True)


def posters(folder: Path, corpus: Path | None, halves: Iterable[str]) -> list[Poster]:
    """All posters of the halves, the same in each run."""
    found = []
    for half in halves:
        for script in ("Latin", "Chinese"):
            texts = list(TEXTS[half, script])
            fonts = [str(next((folder / package).rglob(file))) for package, file in FONTS[half, script]]
            count = 3 if script == "Latin" else 5  # posters of each text and kind
            for step, kind in enumerate(KINDS):
                if kind == "wrong case" and script == "Chinese":
                    continue
                for number in range(count * len(texts)):
                    draw = random.Random(f"{half} {script} {kind} {number}")
                    ground = GROUNDS[number % 3]
                    background = _background(corpus, ground, half, draw)
                    found.append(
                        Poster(
                            half,
                            script,
                            kind,
                            texts[(number + number // len(texts)) % len(texts)],
                            fonts[(number + step) % len(fonts)],
                            ground if background else "plain",
                            background,
                            SIZES[(number // 3 + step) % 3],
                            draw.randrange(10**6),
                        )
                    )
    return found


def _background(corpus: Path | None, ground: str, half: str, draw: random.Random) -> str:
    """A picture of the corpus' own setting half; each half of this calibration has every other one of them."""
    if corpus is None or ground == "plain":
        return ""
    files = sorted((corpus / ground / "set").glob("*.png"))[HALVES.index(half) :: 2]
    return str(draw.choice(files)) if files else ""


def shown(poster: Poster) -> list[str]:
    """The lines on the poster, the text's own first."""
    draw = random.Random(poster.seed)
    words = poster.text.split()
    if poster.kind == "missing":
        return [draw.choice(SCENE[poster.script])]
    if poster.kind == "one letter wrong":
        return [TEXTS[poster.half, poster.script][poster.text]]
    if poster.kind == "wrong case":
        return [poster.text.lower() if poster.text.isupper() or draw.random() < 0.5 else poster.text.upper()]
    if poster.kind == "nonsense beside it":
        return [poster.text, draw.choice(NONSENSE[poster.script])]
    if poster.kind == "right, beside a scene's own sign":
        return [poster.text, draw.choice(SCENE[poster.script])]
    if poster.kind == "doubled":
        if draw.random() < 0.5 or len(words) == 1:
            return [poster.text, poster.text]
        at = draw.randrange(len(words))
        return [" ".join([*words[: at + 1], *words[at:]])]
    return [poster.text]


def drawn(poster: Poster) -> Image.Image:
    """The picture of a poster: its lines below each other on its ground, on a board where the ground is busy."""
    draw = random.Random(poster.seed)
    if poster.background:
        with Image.open(poster.background) as ground:
            picture = ground.convert("RGB").resize(SHAPE, Image.Resampling.LANCZOS)
    else:
        picture = Image.new("RGB", SHAPE, draw.choice([(250, 244, 230), (24, 40, 80), (196, 48, 43), (120, 160, 90)]))
    layer = Image.new("RGBA", SHAPE)
    pen = ImageDraw.Draw(layer)
    lines = shown(poster)
    font = ImageFont.truetype(poster.font, poster.size * SHAPE[1] / 0.7)
    if (width := max(pen.textlength(line, font) for line in lines)) > 0.9 * SHAPE[0]:
        font = ImageFont.truetype(poster.font, font.size * 0.9 * SHAPE[0] / width)
    height = 1.5 * font.size
    wide = max(pen.textlength(line, font) for line in lines)
    left = draw.uniform(0.03, 0.97 - wide / SHAPE[0]) * SHAPE[0]
    top = draw.uniform(0.1, 0.6) * SHAPE[1]
    if poster.background and draw.random() < 0.5:
        board = draw.choice([(250, 250, 245), (30, 60, 40), (250, 220, 90)])
        pen.rectangle((left - 20, top - 20, left + wide + 20, top + height * len(lines) + 10), fill=board)
        ink, edge = ((20, 20, 20), None) if sum(board) > 380 else ((250, 250, 250), None)
    elif poster.background:
        ink, edge = (255, 255, 255), (0, 0, 0)
    else:
        ink, edge = ((28, 32, 44), None) if sum(picture.getpixel((0, 0))) > 380 else ((255, 240, 200), None)
    for number, line in enumerate(lines):
        pen.text(
            (left, top + number * height),
            line,
            fill=ink,
            font=font,
            stroke_width=max(2, round(font.size / 16)) if edge else 0,
            stroke_fill=edge,
        )
    if draw.random() < 0.3:
        middle = (left + wide / 2, top + height * len(lines) / 2)
        layer = layer.rotate(draw.uniform(-8, 8), Image.Resampling.BICUBIC, center=middle)
    picture.paste(layer, (0, 0), layer)
    return picture


def one_poster(poster: Poster) -> Row:
    """Measure one poster."""
    facet = measurement.measure(drawn(poster), f'a picture with the words "{poster.text}"')
    return poster, facet.raw, facet.evidence


def measured(folder: Path, corpus: Path | None = None, halves: Iterable[str] = ("held",)) -> list[Row]:
    """All posters, measured; ``folder`` keeps them, so that a run that was cut off goes on from there."""
    fetch_fonts(folder)
    file = folder / f"text-{REVISION}.jsonl"
    done: dict[Poster, Row] = {}
    for line in file.read_text().splitlines() if file.exists() else []:
        poster, raw, evidence = json.loads(line)
        done[Poster(**poster)] = (Poster(**poster), raw, evidence)
    wanted = posters(folder, corpus, halves)
    left = [poster for poster in wanted if poster not in done]
    with ProcessPoolExecutor(len(os.sched_getaffinity(0))) as pool, file.open("a") as lines:
        for row in pool.map(one_poster, left):
            done[row[0]] = row
            lines.write(json.dumps([asdict(row[0]), row[1], row[2]]) + "\n")
            lines.flush()
    return [done[poster] for poster in wanted]


def text_shares(rows: list[Row]) -> tuple[tuple[int, int], tuple[int, int]]:
    """How many right texts were not failed, of how many, and how many damaged ones were failed."""
    right = [raw != 0 for poster, raw, _ in rows if poster.kind in RIGHT]
    wrong = [raw == 0 for poster, raw, _ in rows if poster.kind not in RIGHT]
    return (sum(right), len(right)), (sum(wrong), len(wrong))


def interval(hits: int, count: int) -> str:
    """A share with its 95% interval (Wilson)."""
    found = binomtest(hits, count).proportion_ci(0.95, "wilson")
    return f"{hits / count:.1%} ({found.low:.1%} to {found.high:.1%})"


def text_table(rows: list[Row]) -> str:
    """The table of what is read, and the posters that were scored against expectation."""
    lines = [
        "| script | text | posters | scored 2 | scored 1 | failed | share failed |",
        "|---|---|---|---|---|---|---|",
    ]
    for script in ("Latin", "Chinese"):
        for kind in KINDS:
            raws = [raw for poster, raw, _ in rows if (poster.script, poster.kind) == (script, kind)]
            if raws:
                counts = " | ".join(str(raws.count(raw)) for raw in (2, 1, 0))
                lines.append(f"| {script} | {kind} | {len(raws)} | {counts} | {interval(raws.count(0), len(raws))} |")
    missed = [(poster, words) for poster, raw, words in rows if (raw == 0) == (poster.kind in RIGHT)]
    if missed:
        lines += ["", "Scored against expectation:", ""]
        lines += [
            f"- {poster.script}, {poster.kind}, {Path(poster.font).name}, {poster.ground}: {words}"
            for poster, words in missed
        ]
    return "\n".join(lines)


def main() -> None:
    """Print the table of one half."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path.home() / ".cache/imagejudge-calibration")
    parser.add_argument("--corpus", type=Path)
    parser.add_argument("--half", choices=HALVES, default="held")
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    print(text_table(measured(args.folder, args.corpus, [args.half])))


if __name__ == "__main__":
    main()
