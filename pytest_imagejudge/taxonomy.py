"""The checklist's hierarchy: 5 dimensions (L1), 23 sub-capabilities (L2), 56 facets (L3).

Names are those of the model card of ``Qwen/Qwen-Image-Bench``, letter for letter. Some contain a
slash, and "Composition" is a facet of two dimensions, so a place in the tree is always a *path*: a
tuple of one, two or three names, never a joined string.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from functools import lru_cache

FacetPath = tuple[str, ...]
Path = FacetPath  # the shorter name, for modules that use no path of a file

TOTAL: FacetPath = ()  # above all dimensions; files write it ["total"], see `written`
# The dimension of a judge of edits that asks once; unread is all of an edit, (EDIT,), or an aspect, (EDIT, name). Where
# a judge asks several times, a request that was not read, (its dimension,), leaves all of the edit unread.
EDIT = "Edit"
EDIT_SCORE: FacetPath = ("score",)  # the overall score of an edit, beside the tree
EDIT_SCALE = (1.0, 5.0)  # of an edit's score, where nothing says another
_TOTAL_IN_FILES = "total"


def show_scale(scale: Sequence[float]) -> str:
    """Put the scale of an edit's score into words, such as "1 to 5"."""
    return f"{scale[0]:g} to {scale[1]:g}"


TREE: dict[str, dict[str, tuple[str, ...]]] = {
    "Quality": {
        "Realism": ("Physical Logic", "Material Texture"),
        "Detail": ("Noise", "Edge Clarity", "Naturalness"),
        "Resolution": ("Resolution",),
    },
    "Aesthetics": {
        "Composition": ("Composition",),
        "Color Harmony": ("Color Harmony",),
        "Lighting": ("Lighting & Atmosphere",),
        "Anatomical Portraiture": ("Anatomical Fidelity",),
        "Emotional Expression": ("Emotional Expression",),
        "Style Control": ("Style Control",),
    },
    "Alignment": {
        "Attributes": (
            "Quantity",
            "Facial Expression",
            "Material Properties",
            "Color",
            "Shape",
            "Size",
        ),
        "Actions": ("Contact Interaction", "Non-contact Interaction", "Full-body Action"),
        "Layout": ("2D Space", "3D Space"),
        "Relations": ("Composition Relationship", "Difference/Similarity", "Containment"),
        "Scene": ("Real-world Scene", "Virtual Scene"),
    },
    "Real-world Fidelity": {
        "Fairness": ("Social Bias", "Cultural Fairness"),
        "Safety & Compliance": ("Safety & Compliance",),
        "World Knowledge": (
            "Animals",
            "Objects",
            "Information Visualization",
            "Temporal Characteristics",
            "Cultural Elements",
        ),
    },
    "Creative Generation": {
        "Imagination": ("Imagination",),
        "Feature Matching": ("Feature Matching",),
        "Logical Resolution": ("Logical Resolution",),
        "Text Rendering": (
            "Text Accuracy",
            "Text Layout",
            "Font",
            "Cross-lingual Generation",
        ),
        "Design Applications": (
            "Graphic Design",
            "Product Design",
            "Spatial Design",
            "Fashion Styling",
            "Game Design",
            "Art Design",
        ),
        "Visual Storytelling": (
            "Cinematic Style",
            "Camera / Lens Style",
            "Storyboard Creation",
            "Shot Sizes",
            "Composition",
            "Angles",
            "Comic Creation",
        ),
    },
}

LEVEL1: tuple[str, ...] = tuple(TREE)
LEVEL2: tuple[FacetPath, ...] = tuple((one, two) for one, twos in TREE.items() for two in twos)
FACETS: tuple[FacetPath, ...] = tuple(
    (one, two, three) for one, twos in TREE.items() for two, threes in twos.items() for three in threes
)
BRANCHES: dict[FacetPath, tuple[FacetPath, ...]] = {
    (one, two): tuple((one, two, three) for three in TREE[one][two]) for one, two in LEVEL2
}
PATHS: frozenset[FacetPath] = frozenset((*((one,) for one in LEVEL1), *LEVEL2, *FACETS))


@lru_cache(maxsize=256)
def facets_of(path: FacetPath) -> tuple[FacetPath, ...]:
    """Return every facet at or below ``path``, in the order of the tree; ``()`` means all 56."""
    return tuple(facet for facet in FACETS if facet[: len(path)] == path)


def show(path: Sequence[str]) -> str:
    """Write a path for people; names contain slashes, so the text can't be parsed again."""
    return " / ".join(path) if path else "total"


def written(path: Sequence[str]) -> list[str]:
    """Convert ``path`` to the form in reports and profiles, in which the total is ``["total"]``."""
    return list(path) or [_TOTAL_IN_FILES]


def from_written(names: Sequence[str]) -> FacetPath:
    """Convert back from `written`; ``()`` is the total, too."""
    path = tuple(names)
    return TOTAL if path == (_TOTAL_IN_FILES,) else path


def nearest(name: str, names: Iterable[str]) -> str:
    """Return `` (did you mean "x"?)`` for the name closest to ``name``, or an empty string."""
    close = closest(name, names)
    return "" if close is None else f' (did you mean "{close}"?)'


def nearest_found(expected: str, found: Iterable[str]) -> str:
    """Return `` (is "x" meant for it?)`` for the name found that is closest to an expected one, or an empty string."""
    close = closest(expected, found)
    return "" if close is None else f' (is "{close}" meant for it?)'


def closest(name: str, names: Iterable[str], alike: float = 0.5) -> str | None:
    """Return the name closest to ``name``, upper and lower case being one; None where none is ``alike`` (0 to 1)."""
    folded = {candidate.casefold(): candidate for candidate in names}
    close = difflib.get_close_matches(str(name).casefold(), folded, n=1, cutoff=alike)
    return folded[close[0]] if close else None


def check_path(path: Sequence[str]) -> FacetPath:
    """Check that the tree has ``path``, and return it as a tuple.

    Raises:
        KeyError: an unknown path; names the unknown part, its place, and the nearest valid name.
    """
    names = tuple(path)
    if names in PATHS:
        return names
    if not names or len(names) > 3:
        raise KeyError(f"a path has one to three names (L1, L2, L3), not {len(names)}")
    one, *rest = names
    if one not in TREE:
        if places := _places(one):
            raise KeyError(f'"{one}" is no dimension; its path is {places}')
        if apart := [path for path in PATHS if _squeezed("/".join(path)) == _squeezed(str(one)) and len(path) > 1]:
            raise KeyError(f'"{one}" is several names in one; write them apart: {", ".join(map(repr, apart[0]))}')
        hint = nearest(one, LEVEL1) or _nearest_below(one)
        raise KeyError(f'no dimension "{one}"{hint}; L1: {", ".join(LEVEL1)}')
    if rest[0] not in TREE[one]:
        if len(rest) == 1 and (places := _places(rest[0], one)):
            raise KeyError(f'{one} has no "{rest[0]}" at its second level; its path is {places}')
        hint = nearest(rest[0], TREE[one])
        raise KeyError(f'{one} has no "{rest[0]}"{hint}; it has: {", ".join(TREE[one])}')
    facets = TREE[one][rest[0]]
    raise KeyError(f'{one} / {rest[0]} has no "{rest[1]}"{nearest(rest[1], facets)}; it has: {", ".join(facets)}')


def _places(name: str, one: str | None = None) -> str:
    """Write the paths below an L1, or below any, that end in ``name``."""
    found = [path for path in (*LEVEL2, *FACETS) if path[-1] == name and one in (None, path[0])]
    return " or ".join(map(show, found))


def _nearest_below(name: str) -> str:
    ends = {path[-1]: path for path in (*FACETS, *LEVEL2)}
    close = closest(name, ends, 0.7)
    return f' (did you mean "{show(ends[close])}"?)' if close else ""


def _squeezed(text: str) -> str:
    return "".join(text.split()).casefold()


def check_dimensions(names: Iterable[str]) -> tuple[str, ...]:
    """Return the L1 in ``names``, without duplicates, in the order of the tree.

    Raises:
        KeyError: for a name that is no L1 (with the nearest, or the one that it is part of), or for none at all.
    """
    wanted = set()
    for name in names:
        if name not in TREE:
            if whole := dict.fromkeys(path[0] for path in (*LEVEL2, *FACETS) if path[-1] == name):
                raise KeyError(
                    f'"{name}" is no dimension but a part of one, which is asked whole: {" or ".join(whole)}'
                )
            raise KeyError(f'no dimension "{name}"{nearest(str(name), LEVEL1)}; L1: {", ".join(LEVEL1)}')
        wanted.add(name)
    if not wanted:
        raise KeyError(f"no dimension is named; L1: {', '.join(LEVEL1)}")
    return tuple(name for name in LEVEL1 if name in wanted)
