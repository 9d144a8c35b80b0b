"""The styles that a prompt asks for, by its words, or the option ``judge_signals_style`` names.

A style that was asked for is no damage: `signals_bounds.MEASURES` says which measures are not judged under it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from .asked import wanted

# English and Chinese; a word alone that mostly names a thing ("grain", "sand", "line") is not here.
_WORDS: dict[str, str] = {
    "pixel-art": r"pixel[- ]?art\w*|pixel(?:l?ated| graphics| style| sprites?)|(?:8|16|32)[- ]?bit|sprite ?sheet|像素",
    "line-art": r"line[- ]?art\w*|line drawings?|lineart|ink drawings?|pen[- ]and[- ]ink|(?:pencil )?sketch(?:es|ed)?"
    r"|colou?ring (?:page|book)|outline drawing|engraving|etching|woodcut|linocut|blueprint|technical drawing"
    r"|线稿|线描|素描|简笔画",
    "flat": r"flat (?:\w+ )?(?:illustration|design|colou?rs?|vector|style|icon|graphic|art)\w*|vector (?:\w+ )?"
    r"(?:art|illustration|graphic|style|logo|icon)\w*|clip[- ]?art|logo|app icon|cel[- ]shad\w+|infographic"
    r"|扁平|矢量|图标|标志",
    "watercolour": r"water[- ]?colou?rs?|gouache|ink wash|wash painting|aquarelle|sumi-?e|pastels?|水彩|水墨",
    "painting": r"oil (?:painting|paint|on canvas)s?|oils|acrylics?|painting (?:by|of|in|on)|painterly|impasto|frescos?"
    r"|brush ?(?:strokes?|work)|on canvas|old master|油画|笔触",
    "film-grain": r"(?:film|analog\w*|visible|heavy|fine|coarse|35 ?mm|photographic|subtle) grain|grain(?:y|iness)"
    r"|grain (?:texture|effect|overlay)|noise (?:texture|effect)|35 ?mm film|analog(?:ue)? (?:film|photo\w*)"
    r"|polaroid|daguerreotype|vintage photo\w*|lo-?fi|vhs|stippl\w+|pointillis\w+|dither\w*|胶片|颗粒感|噪点|点彩",
    "fog": r"fog(?:gy)?|mist(?:y)?|haz[ey]|smok[ey]y?|sandstorm|dust storm|blizzard|underwater|雾|霾|烟",
    "night": r"(?:mid)?night(?:time)?|nocturn\w*|dark(?:ness)?|low[- ]key|moonl\w+|starry|silhouettes?"
    r"|black background|dim(?:ly)?|candlel\w+|outer space|chiaroscuro|夜|黑暗|星空|剪影",
    "shallow-focus": r"shallow (?:depth[- ]of[- ]field|focus|dof)|bokeh|depth[- ]of[- ]field|blurr(?:ed|y)"
    r"|background blur|soft[- ]focus|out[- ]of[- ]focus|defocus\w*|tilt[- ]shift|macro|f/?[12]\.\d"
    r"|浅景深|虚化|模糊|微距",
    "motion": r"motion[- ]blur\w*|long[- ]exposure|panning shot|speed blur|light trails|in motion|运动模糊|长曝光",
    "minimal": r"minimal\w*|(?:plain|solid|simple|white|black|blank|empty|grey|gray) background|negative space"
    r"|(?:smooth |soft )?gradients?|极简|纯色|渐变",
    "pattern": r"seamless|patterns?|patterned|til(?:ed|es|ing)|tessellat\w+|strip(?:es|ed|y)|che(?:ck|qu)er\w*|plaid"
    r"|chess ?boards?|wallpapers?|weav(?:e|ing)|woven|lattice|graph paper"
    r"|grid|halftone|mosaics?|op[- ]art|bricks?|barcode|图案|棋盘|条纹|格子|马赛克",
    "blank": r"(?:plain|solid|blank|pure|all|entirely|completely|uniform)(?:ly)?"
    r" (?:black|white|gr[ae]y|colou?red|red|green|blue)"
    r" (?:image|picture|canvas|frame|square|screen|page|sheet)"
    r"|blank (?:image|picture|canvas|frame|page|sheet)|(?:single|one|solid) colou?r|空白",
    "few-colours": r"posteri[sz]\w*|(?:limited|reduced|restricted|small) (?:colou?r )?palette|screen[- ]?print\w*"
    r"|(?:two|three|four|five|eight|sixteen|[2-9]|1[0-6])[- ](?:tones?|colou?rs?)|risograph\w*|stencil\w*|dither\w*"
    r"|game ?boy|s?nes|pop[- ]art|色调分离",
    "monochrome": r"black[- ]and[- ]white|monochrom\w*|gr[ae]yscale|sepia|cyanotype|duotone|黑白|单色",
    "vivid": r"neon|vivid\w*|saturated|psychedelic|pop[- ]art|synthwave|vaporwave|fluorescent|high[- ]contrast|霓虹",
    "high-key": r"high[- ]key|over-?exposed|white background|whiteout|snow\w*|高调|白色背景|雪",
    "glitch": r"glitch\w*|corrupted|datamosh\w*|scan ?lines|crt|故障",
}
_ENGLISH = {style: re.compile(rf"(?<![\w-])(?:{words})(?!\w)", re.IGNORECASE) for style, words in _WORDS.items()}
_CHINESE = {
    style: re.compile("|".join(part for part in words.split("|") if not part.isascii()) or r"(?!)")
    for style, words in _WORDS.items()
}
_NOT = re.compile(
    r"\b(?:no|not|non|zero|without|never|avoid(?:ing)?|free (?:of|from)|instead of|rather than|lack(?:s|ing)?"
    r"|(?:is|do|are)n't)\b(?!\s+(?:only|just))|(?:不要|没有|不是|避免|无|非)",
    re.IGNORECASE,
)
_END = re.compile(r"[.;:!?\n。；！？]|\bbut\b")  # a negation goes no further
_NEGATIVE = re.compile(r"negative prompt\s*[:：].*", re.IGNORECASE | re.DOTALL)
_REACH = 3  # words between a negation and what it denies


def styles_of(prompt: str, named: Iterable[str] = ()) -> dict[str, str]:
    """Return the styles of a picture, each with the words that say where it comes from.

    Args:
        prompt: as the user wrote it; a text that is to be drawn names no style, and a style in quotes does.
        named: the values of ``judge_signals_style``.
    """
    found = dict.fromkeys(named, "judge_signals_style")
    plain = _NEGATIVE.sub("", prompt)
    for asked in wanted(plain).texts:
        plain = plain.replace(asked.text, " ")
    for style in _WORDS:
        if style not in found and (word := _asked(style, plain)):
            found[style] = f"{word!r} in the prompt"
    return found


def _asked(style: str, prompt: str) -> str | None:
    for pattern in (_ENGLISH[style], _CHINESE[style]):
        for place in pattern.finditer(prompt):
            if not _denied(prompt, place.start(), place.end()):
                return place.group()
    return None


def _denied(prompt: str, start: int, end: int) -> bool:
    """Return True for words after "no", "without" and the like in the same clause, or before "-free"."""
    if re.match(r"[- ]free\b", prompt[end:], re.IGNORECASE):
        return True
    before = _END.split(prompt[max(0, start - 200) : start])[-1]
    negations = list(_NOT.finditer(before))
    if not negations:
        return False
    between = before[negations[-1].end() :]
    if re.search(r"[,，、]", between):  # a list: denied as a whole where it goes on with "or"
        after = _END.split(prompt[end : end + 100])[0]
        return bool(re.search(r"\b(?:or|nor)\b|或", between) or re.match(r"[^,，]{0,20}[,，]?\s*(?:or|nor)\b", after))
    return len(re.findall(r"\w+", between)) <= _REACH
