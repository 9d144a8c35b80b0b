"""The text that a prompt asks to be seen in the picture, told from styles, titles and names in quotes.

A quoted part is text where the words around it speak of writing ("a sign that says ..."), and none where they speak of
a style, a work or a name ("in the style of ..."). The nearest words decide. Where none do, the picture does: such a
part is looked for, and its absence is no fault.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from .quotes import Quote, quotes


@dataclass(frozen=True)
class AskedText:
    """A text that is asked for.

    Attributes:
        text: as the prompt has it, with single blanks.
        why: the words of the prompt that say so; empty where none do.
        sure: False where only the picture can tell; then its absence is no fault.
        group: of those that are not sure, a number that parts joined by "and", "over" and the like share: where one of
            them is read, all are expected.
    """

    text: str
    why: str
    sure: bool = True
    group: int = 0


@dataclass(frozen=True)
class Wanted:
    """The reading of a prompt: what it wants to be read in the picture.

    Attributes:
        texts: what is asked for, in order, each once.
        others: quoted parts that are no text, each with the words of the prompt that say so.
        repeated: the word of the prompt by which a text may stand more than once; empty for none.
        any_case: the word of the prompt by which capitals and small letters are free; empty for none.
    """

    texts: tuple[AskedText, ...]
    others: tuple[tuple[str, str], ...] = ()
    repeated: str = ""
    any_case: str = ""


def wanted(prompt: str) -> Wanted:
    """Read from ``prompt`` which texts it asks for."""
    texts: dict[str, AskedText] = {}
    others: dict[str, str] = {}
    found = quotes(prompt)
    bare = "".join('"' if inside else part for part, inside in _parts(prompt, found))
    carrier = _first(_LETTERED, bare)
    last: Quote | None = None  # the quote before, where it is text
    open_before: Quote | None = None  # the quote before, where only the picture can tell
    group = 0
    for at, quote in enumerate(found):
        floor = found[at - 1].end if at else 0
        ceiling = found[at + 1].start if at + 1 < len(found) else len(prompt)
        decision = _decide(prompt, quote, floor, ceiling, last)
        if decision == (False, "") and carrier:
            decision = True, carrier
        if decision[0] is None:
            others.setdefault(quote.text, decision[1])
            last = open_before = None
            continue
        if not decision[0] and not (open_before and _JOINS.fullmatch(prompt[open_before.end : quote.start])):
            group += 1
        known = texts.get(quote.text)
        if known is None or (decision[0] and not known.sure):
            texts[quote.text] = AskedText(quote.text, decision[1], decision[0], 0 if decision[0] else group)
        last, open_before = (quote, None) if decision[0] else (None, quote)
    for asked in _unquoted(bare):
        texts.setdefault(asked.text, asked)
    for text in texts:
        others.pop(text, None)
    repeated, free = _MANY.search(bare), _FREE_CASE.search(bare)
    return Wanted(
        tuple(texts.values()),
        tuple(others.items()),
        repeated.group(0) if repeated else "",
        free.group(0) if free else "",
    )


def _parts(prompt: str, found: tuple[Quote, ...]) -> list[tuple[str, bool]]:
    parts, at = [], 0
    for quote in found:
        parts += [(prompt[at : quote.start], False), (prompt[quote.start : quote.end], True)]
        at = quote.end
    return [*parts, (prompt[at:], False)]


def _decide(prompt: str, quote: Quote, floor: int, ceiling: int, last: Quote | None) -> tuple[bool | None, str]:
    """Return True for text, False for what only the picture can tell, None for none; and the words that say so."""
    before = _clause_before(prompt[floor : quote.start])
    after = _clause_after(prompt[quote.end : ceiling])
    inside = prompt[quote.start + 1 : quote.end - 1]
    following = _WRITTEN_AFTER.match(after)
    if hit := _STYLE_AFTER.match(after):
        return None, hit.group(0).strip()
    if following:
        return True, following.group(0).strip(" ,:;")
    if hit := _WRITES.search(before):
        return True, hit.group(0).strip(" ,:;")
    if hit := _STYLE_BEFORE.search(before):
        return None, hit.group(0).strip(" ,:;")
    if hit := _WORK_BEFORE.search(before):
        if surface := _last(_SURFACE, before[: hit.start()]):
            return bool(_LETTERED.search(surface)), surface
        return None, hit.group(0).strip(" ,:;")
    if hit := _NAMED.search(before):
        if thing := _OF_THAT_NAME.match(after):
            return bool(_SURFACE.search(thing.group(0))), thing.group(0).strip()
        if surface := _last(_SURFACE, before[: hit.start()]):
            return True, surface
        return (False, "") if _NAMEABLE.search(before[: hit.start()]) else (None, hit.group(0).strip(" ,:;"))
    if quote.mark in "《〈" and not _last(_LETTERED, before):
        return None, quote.mark + prompt[quote.end - 1]
    if last is not None and _JOINS.fullmatch(prompt[last.end : quote.start]):
        return True, f"after {last.text!r}"
    if hit := _WRITES_FAR.search(before):
        return True, hit.group(0).strip(" ,:;")
    near = _last(_SURFACE, before) or _first(_SURFACE, after)
    slight = inside[:1].islower() and len(inside.split()) <= 3 and not (near and _SURFACE.match(after.strip()))
    if slight and (hit := _SCARE.search(before)):
        return None, f"{hit.group(0).strip()} {quote.mark}{inside}"
    if near:
        return True, near
    return False, ""


_ENDS = re.compile(r"(?<!\bDr)(?<!\bMr)(?<!\bSt)(?<!\bvs)[.!?;](?=\s)|[。！？；\n]")


def _clause_before(text: str) -> str:
    return _ENDS.split(text)[-1][-160:]


def _clause_after(text: str) -> str:
    return _ENDS.split(text)[0][:90]


def _last(pattern: re.Pattern[str], text: str) -> str:
    found = ""
    for hit in pattern.finditer(text):
        found = hit.group(0)
    return found


def _first(pattern: re.Pattern[str], text: str) -> str:
    hit = pattern.search(text)
    return hit.group(0) if hit else ""


def _words(*words: str) -> str:
    """A pattern of any of the words, with the plural of each; one that ends in "~" stands as it is."""
    return "|".join(word[:-1] if word.endswith("~") else rf"{word}(?:e?s)?" for word in words)


# What is nothing without its words.
_LETTER_WORDS = _words(
    *("sign", "signage~", "signboard", "signpost", "poster", "banner", "billboard", "placard", "plaque", "label"),
    *("logo", "logotype", "sticker", "chalkboard", "blackboard", "whiteboard", "newspaper", "magazine", "postcard"),
    *("marquee", "storefront", "shopfront", "store front", "shop front", "menu", "graffiti~", "flyer", "leaflet"),
    *("brochure", "slide", "infographic", "advertisement", "ad", "advert", "packaging~", "package", "speech bubble"),
    *("thought bubble", "bubble", "tattoo", "cover", "invitation", "ticket", "certificate", "headline", "caption"),
    *("slogan", "tagline", "title", "subtitle", "lettering~", "typography~", "calligraphy~", "inscription", "neon~"),
    *("license plate", "licence plate", "number plate", "nameplate", "name tag", "letterhead", "wordmark", "monogram"),
    *("emblem", "scoreboard", "book spine", "comic", "meme", "document", "handwriting~", "heading", "text~"),
    *("business card", "greeting card", "sticky note", "post-it", "road sign", "street sign", "typeface", "watermark"),
    *(
        "subheading",
        "subheadline",
        "paragraph",
        "promotional~",
        "advertising~",
        "message",
        "street art~",
        "call-to-action",
    ),
    *(
        "schild~",
        "schilder~",
        "plakat~",
        "aufschrift~",
        "panneau~",
        "affiche",
        "enseigne",
        "letrero",
        "cartel",
        "rótulo",
    ),
)
_LETTER_CHINESE = (
    "文字|标题|标语|口号|招牌|牌子|木牌|标牌|路标|石刻|路牌|指示牌|门牌|牌匾|匾额|横幅|海报|广告|封面|标志|徽标|店名|书名|标签|字幕|"
    "对话框|气泡|弹幕|落款|题字|春联|对联|名片|贺卡|菜单|报纸|杂志|传单|宣传册|幻灯片|白板|黑板|涂鸦|便签|便利贴|"
    "車牌|车牌|標題|標語|海報|廣告|招牌|標誌|看板|ポスター|ロゴ|タイトル|見出し|文字"
)
_LETTERED = re.compile(rf"(?i:\b(?:{_LETTER_WORDS})\b|\blogo)|{_LETTER_CHINESE}")
# What may well carry words.
_SURFACE = re.compile(
    rf"(?i:\b(?:{_LETTER_WORDS})\b|\b(?:"
    + _words(
        *(
            "t-shirt",
            "tee",
            "tshirt",
            "shirt",
            "sweatshirt",
            "hoodie",
            "jersey",
            "mug",
            "page",
            "card",
            "button",
            "badge",
        ),
        *("screen", "monitor", "display", "window", "flag", "tag", "envelope", "letter", "note", "cap", "cake", "wall"),
        *(
            "bottle",
            "can",
            "jar",
            "tin",
            "box",
            "crate",
            "door",
            "plate",
            "wrapper",
            "stamp",
            "app",
            "website~",
            "icon",
        ),
        *("interface", "dashboard", "diagram", "chart", "clock face", "hull", "balloon", "tombstone", "gravestone"),
        *("stone", "tote bag", "bag", "cup", "coin", "medal", "trophy", "ribbon", "sash", "scroll", "parchment"),
        *("board", "panel", "arrow", "post", "bus", "truck", "van", "notebook", "keyboard", "key", "helmet", "apron"),
    )
    + rf")\b)|{_LETTER_CHINESE}|屏幕|墙上|衣服|T恤|T恤衫|蛋糕|杯子|瓶|盒|包装|旗|门上|石碑|卷轴|号码|字母|书页"
    r"|カード|画面"
)
_WRITE_WORDS = (
    r"says?|saying|said|reads?|reading|written|writes?|wrote|spells?|spelling|spelled|spelt|states?|stating|"
    r"inscribed|engraved|printed|painted|embroidered|carved|etched|stamped|stitched|lettered|emblazoned|scrawled|"
    r"scribbled|labell?ed|captioned|marked|displays?|displaying|displayed|bearing|announc(?:es|ing)|proclaim(?:s|ing)|"
    r"declar(?:es|ing)|advertis(?:es|ing)|shouts?|shouting|whispers?|exclaims?|titled|entitled|headlined|shows|showing|steht|dit|écrit|intitulé|dice|escrito|titulado"
)
_WRITE_NOUNS = (
    r"words?|phrases?|texts?|letters?|messages?|slogans?|titles?|subtitles?|headlines?|subheadlines?|captions?|taglines?|"
    r"quotes?|numbers?|initials?|inscriptions?|headings?|subheadings?|lettering|numerals?|digits?|characters?|"
    r"sayings?|footers?|footnotes?|footer note|greetings?|monograms?|names?|names? of|dates?|call-to-action|cta|prompt|"
    r"notes?|labels?|signs?|banners?|logos?|plaques?|buttons?|stickers?|callouts?|copy|lines?|sentences?|verses?|lyrics|"
    r"steps?|options?|items?|sections?|categories|entries|tabs?|headers?|bullets?|aufschrift|schriftzug|titel|titre|"
    r"texte|texto|título|inscripción|wörtern?|worten"
)
# Directly before the quote: "that says", "the words", "reads in bold:", "logo,".
_WRITES = re.compile(
    rf"(?i:\b(?:{_WRITE_WORDS})(?:\s+(?:on|in|with|by|across|at|as|over|to|it|out|the|a|an|only|simply|just|of|"
    rf"{_WRITE_NOUNS}|[a-z]+ly)\b)*\s*[:,-]?\s*(?:of|that)?\s*$"
    rf"|\b(?:{_WRITE_NOUNS})\s*(?:is|are|was|says|reads|of|being)?\s*[:,-]?\s*$)"
    r"|(?:写着|写有|写了|写道|写上|书写|印着|印有|印上|刻着|刻有|标着|标有|标注|贴着|题着|绣着|绣有|画着|喷着|显示|"
    r"文字|字样|字|标题|副标题|书名|片名|店名|标语|口号|品牌|标志|标签|字母|号码|数字|短语|信息|说明|内容|名称|标记为|"
    r"寫著|寫有|印有|標題|文字|と書かれた|文字)[^，。,“]{0,6}?[是为為:：，,为有着有]{0,3}\s*$"
)
_WRITES_FAR = re.compile(
    r"(?i:\b(?:says|saying|reads|written|writing|spelling|lettering|inscribed|engraved|printed|labell?ed|"
    r"displaying|embroidered|words?|slogans?|titles?|captions?|headlines?|text)\b)"
    r"|写着|写有|写了|印着|印有|刻着|显示|文字|标题"
)
_WRITTEN_AFTER = re.compile(
    r"(?i:\s*,?\s*(?:(?:is|are|was|be|which is|that is)\s+)?(?:\w+ly\s+)?(?:written|printed|painted|carved|engraved|"
    r"displayed|embroidered|inscribed|etched|stamped|lettered|spelled|scrawled|stitched|emblazoned|projected|shown|"
    r"embossed|stencill?ed|tattooed|hand-?painted|appears?|stands out|stand out)\b"
    r"|\s*,?\s*(?:is|are)?\s*(?:spelled|written|formed|made)?\s*(?:in|with|out of)\s+(?:[\w-]+\s+){0,5}?(?:letters?|"
    r"lettering|font|fonts|script|typography|typeface|icing|frosting|balloons?|neon|calligraphy|chalk|handwriting|"
    r"graffiti|text|type|characters|capitals|caps|uppercase|lowercase|block letters|embroidery|ketchup|mustard)\b"
    r"|\s*(?:text|sign|logo|label|sticker|banner|button|poster|lettering|inscription|headline|caption|slogan|tattoo|"
    r"graffiti|placard|plaque|badge|billboard|stamp|neon|written|title|heading|tag|card)s?\b"
    r"|\s*,?\s*(?:on|across|above|over)\s+(?:it|a|an|the|his|her|its|their|top)\b(?:\s+[\w-]+){0,3}?\s+(?:sign|mug|"
    r"t-?shirt|shirt|wall|banner|poster|board|screen|label|cover|billboard|cake|card|door|hull|window|sweatshirt|"
    r"sticker|plaque|page|chest|front|blackboard|chalkboard|side|surface)s?\b"
    r"|\s*on (?:it|them)\b)"
    r"|\s*(?:这|的|等)?(?:[一二两三四五六七八九十几数]+)?个?(?:大|小|金色|红色|红|黑|白|金)*(?:的)?"
    r"(?:字样|大字|字|文字|招牌|标语|标题|字母|标志|牌子|横幅|と書)|\s*(?:写在|印在|刻在|出现在|显示在|突出显示|と書|という文字|の文字|の看板)"
)
_STYLE_AFTER = re.compile(
    r"(?i:\s*-?\s*(?:like\s+)?(?:styles?|styled|stylistic|aesthetics?|looks?|vibes?|themes?|themed|moods?|effects?|era|"
    r"genre|feel|feeling|energy|filter|lighting|core|view|perspective|shot|"
    r"technique|photography|pose|composition|painting|stil|estilo)\b"
    r"|\s*(?:\([^)]*\)\s*)?by\s+(?:Vincent|Leonardo|Claude|Pablo|Edvard|Gustav|Salvador|Johannes|Katsushika)\b)"
    r"|\s*(?:的)?(?:风格|風格|画风|主题|主題|之称|画卷|时代|般|式的|风|スタイル|風|を思わせる(?!.))"
)
_STYLE_BEFORE = re.compile(
    r"(?i:\b(?:styles? of|manner of|spirit of|mood of|look of|aesthetics? of|atmosphere of|vibe of|feel of|inspired by|"
    r"inspired from|reminiscent of|homage to|tribute to|parody of|version of|remake of|similar to|based on|evoking|"
    r"evokes|resembling|styled after|style|stil von|estilo de|à la|a la|(?<!s )like|as in|theme of|themed|"
    r"concept of|idea of|notion of|"
    r"metaphor for|feeling of|sense of|proverb|idiom)\s*:?\s*(?:the\s+|a\s+)?$|\b(?:so-called|self-styled)\s*$)"
    r"|(?:风格|風格|仿|(?<![例比诸])像|类似|灵感来自|来自|所谓的?|所謂的?|主题是|主题为|体现|象征|诠释|いわゆる)\s*$"
)
_WORK_BEFORE = re.compile(
    r"(?i:\b(?:film|movie|book|novel|painting|artwork|fresco|sculpture|game|video game|song|album|series|tv show|play|"
    r"poem|"
    r"opera|ballet|musical|anime|manga|story|tale|fable|fairy tale|myth|sitcom|symphony|track|photograph|classic|"
    r"masterpiece|character from|scene from|scene of|from|dance|move|technique|trend|meme|genre|event)s?"
    r"(?:\s+(?:titled|entitled|called|named|known as))?\s*,?\s*(?:the\s+)?$)"
    r"|(?:电影|影片|小说|歌曲|画作|名画|油画|游戏|动漫|动画|漫画|故事|电视剧|专辑|戏剧|歌剧|神话|诗|成语|谚语|"
    r"電影|小說|遊戲|映画|小説|アニメ|ゲーム|絵画)(?:中的|里的|名为)?\s*$"
)
_NAMED = re.compile(
    r"(?i:\b(?:named|called|nicknamed|known as|dubbed|aka|a\.k\.a\.|alias|christened|referred to as|named after|"
    r"namens|nommée?|appelée?|llamad[oa]|"
    r"answers to|goes by)\s*(?:the\s+)?[,:]?\s*$)"
    r"|(?:名叫|叫做|叫作|名为|名為|被称为|称为|称作|昵称|外号|绰号|人称|叫|という名の)\s*$"
)
# What bears its own name where it can be read.
_NAMEABLE = re.compile(
    r"(?i:\b(?:ship|boat|trawler|tugboat|sailboat|steamer|lighthouse|locomotive|yacht|vessel|ferry|shop|store|bakery|"
    r"cafe|café|coffee house|restaurant|bar|pub|hotel|inn|diner|"
    r"brand|company|club|band|startup|product|magazine|newspaper|theatre|theater|cinema|station|market|museum|"
    r"school|hospital|pharmacy|bookstore|bookshop|street|train|spaceship|rocket|airline|truck|beer|wine|drink)s?\b)"
    r"|店|馆|餐厅|酒吧|酒店|船|品牌|公司|咖啡|超市|书店|车站"
)
_OF_THAT_NAME = re.compile(rf"\s*的[^，。,]{{0,4}}?(?:{_LETTER_CHINESE}|图表|店|馆|餐厅|酒吧|酒店|船|公司|车站)")
_JOINS = re.compile(
    r"(?i:[\s,;、，和与及以及跟·/|&+-]*(?:and|or|then|with|beneath|below|above|beside|plus|followed by|"
    r"(?:on|at|in) (?:the )?(?:left|right|top|bottom|middle|center|centre|back|front|side|other side)|next to|under|"
    r"over|the|a|another|other|second|third)?(?:[\s,]+(?:and|the|other|a|another|also|then|one)*)*[\s,;、，]*)"
)
_SCARE = re.compile(
    r"(?i:\b(?:a|an|the|his|her|its|their|very|so|more|most|some|this|that|any|no|of|be|is|are)\s*$)|的\s*$"
)
_MANY = re.compile(
    r"(?i:\b(?:repeat(?:s|ed|edly|ing)?|repeating|seamless pattern|pattern of|tiled|everywhere|twice|all over"
    r"|on (?:each|every|both)|each (?:of|says|saying|reads|reading|with)|(?:rows?|stacks?|shelves|collage|sheet) of"
    r"|signs|posters|banners"
    r"|labels|bottles|cans|boxes|stickers|flags|shirts|mugs|packages|placards|reflect(?:s|ed|ion|ing)?"
    r"|mirror(?:s|ed)?|product line|mock-?ups?|front and back)\b)|重复|多个|许多|排|到处|每|反射|倒影|镜"
)
_FREE_CASE = re.compile(
    r"(?i:\b(?:all[- ]caps|capitals|capital letters|uppercase|upper case|upper-case|lowercase|lower case|lower-case|"
    r"small caps|block letters|capitali[sz]ed|any case)\b)|大写|小写"
)

_RUN = r"[A-Z0-9][A-Z0-9'’&!?.-]*(?:\s+[A-Z0-9&][A-Z0-9'’&!?.-]*)*"
_TITLE_RUN = r"[A-Z][\w'’&-]*(?:\s+(?:(?:of|the|and|to|in|&)\s+)?[A-Z0-9][\w'’&!?-]*)*"


@cache
def _saying(run: str) -> re.Pattern[str]:
    """A pattern of ``run`` after words that speak of writing on something that carries it."""
    return re.compile(
        rf"(?:(?i:\b(?:{_LETTER_WORDS}|t-?shirt|shirt|sweatshirt|mug|board|screen|card|cake|wall|door|plate|flag|cap|"
        rf"hat|window)\b[^.;\"]{{0,40}}?\b(?:saying|says|say|that reads|which reads|reading|reads|spelling|that spells|"
        rf"stating|labell?ed|marked)\b)|(?i:\bthe (?:words?|text|letters|slogan|headline|message|phrase|caption)\b)"
        rf"(?i:\s+(?:is|are|reads?|says?))?)\s*:?\s+({run})(?![\w])"
    )


def _unquoted(bare: str) -> list[AskedText]:
    """Return texts that stand without quotes: capitals for sure, Words Like These only where the picture has them."""
    found = []
    for hit in _saying(_RUN).finditer(bare):
        text = hit.group(1).rstrip(".,!?-& ")
        if sum(char.isalpha() for char in text) >= 2:
            found.append(AskedText(text, hit.group(0)[: hit.start(1) - hit.start()].split()[-1]))
    for hit in _saying(_TITLE_RUN).finditer(bare):
        text = hit.group(1).rstrip(".,!?-& ")
        if len(text) >= 2 and not any(text.startswith(one.text) for one in found):
            found.append(AskedText(text, hit.group(0)[: hit.start(1) - hit.start()].split()[-1], sure=False))
    return found
