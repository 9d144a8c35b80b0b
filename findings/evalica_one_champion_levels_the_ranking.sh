#!/usr/bin/env bash
# evalica 0.4.2 gives all models of a ranking the same score as soon as one of them won every comparison, or lost every one.
#
# Guess before the run: the champion's score grows as far as the iterations go, or is an error or a warning; the order of
# the others, who have won and lost, is as without it.
# Seen with evalica 0.4.2, numpy 2.3.5, pandas 3.1.1 on CPython 3.11: models b, c and d compared 20 times each pair, b best, d
# worst; a wins all of its comparisons with them.
# - `bradley_terry`: a, b, c and d have 0.000001 each, after 2 iterations of 100, which looks like convergence. Without a,
#   the three have 3.3, 0.8 and 0.4. `pairwise_frame` of it says 0.5 for each pair: no model is better than any other.
# - A model that lost every comparison does the same to the others, and so does a single lost comparison of a new model.
# - `newman`: the same after 100 iterations. `eigen` turns the order round: the champion has 0, the worst the most.
# - `average_win_rate`, `elo` and `pagerank` have the champion first.
# None of the three warns, and the two solvers agree. A gate "no worse than the baseline" over these scores passes
# whatever the pictures are, when the best or the worst of the field is clear.
# This fails if any of it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check evalica==0.4.2 numpy==2.3.5 pandas==3.1.1 2>/dev/null
"$folder/venv/bin/python" -W error - <<'PYTHON'
import importlib.metadata

import evalica
from evalica import Winner

# how often the first of a pair won, of 20 comparisons
FIELD = {("b", "c"): 16, ("b", "d"): 18, ("c", "d"): 14}
CHAMPION = {("a", name): 20 for name in "bcd"}
LOSER = {(name, "z"): 20 for name in "bcd"}
NEWCOMER = {("b", "z"): 1}


def scores(method, *tables, **options):
    votes = [
        (first, second, Winner.X if count < wins else Winner.Y)
        for table in tables
        for (first, second), wins in table.items()
        for count in range(1 if table is NEWCOMER else 20)
    ]
    result = method(*map(list, zip(*votes, strict=True)), **options)
    return {name: float(result.scores[name]) for name in sorted(result.scores.index)}, result


def ordered(values):
    return "".join(sorted(values, key=values.get, reverse=True))


print("evalica", importlib.metadata.version("evalica"), "pandas", importlib.metadata.version("pandas"))
alone, _ = scores(evalica.bradley_terry, FIELD)
print("without a:", alone)
assert ordered(alone) == "bcd" and alone["b"] > 3 * alone["c"] > 3 * alone["d"] > 0.1
for solver in ("pyo3", "naive"):
    for name, others in {"champion": [CHAMPION], "loser": [LOSER], "newcomer that lost once": [NEWCOMER]}.items():
        values, result = scores(evalica.bradley_terry, FIELD, *others, solver=solver)
        print(f"bradley_terry, {solver}, {name}: {values}, {result.iterations} iterations of {result.limit}")
        assert set(values.values()) == {1e-6}, "this has changed"
values, result = scores(evalica.bradley_terry, FIELD, CHAMPION)
frame = evalica.pairwise_frame(result.scores)
print(frame.to_string())
assert (frame == 0.5).all().all() and result.iterations < result.limit, "this has changed"
for method, order in {"newman": "", "eigen": "dcba", "average_win_rate": "abcd", "elo": "abcd", "pagerank": "abcd"}.items():
    values, _ = scores(getattr(evalica, method), FIELD, CHAMPION)
    print(f"{method}: {values}")
    assert (set(values.values()) == {1e-6}) if not order else (ordered(values) == order), "this has changed"
PYTHON
