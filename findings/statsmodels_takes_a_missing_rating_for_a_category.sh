#!/usr/bin/env bash
# statsmodels 0.15.0 takes a missing rating for one more category, so that people who skip the same pictures agree.
#
# Guess before the run: `aggregate_raters` leaves NaN out, or refuses it, since Fleiss' kappa wants as many ratings of each
# picture; a category that nobody chose does not come into being.
# Seen with statsmodels 0.15.0, krippendorff 0.9.0, numpy 2.3.5 on CPython 3.11: ratings of pictures (1 or 2) by three people, NaN
# where one did not answer; `fleiss_kappa(aggregate_raters(ratings)[0])`, and Krippendorff's alpha, which leaves NaN out.
#                                                            kappa    alpha
#   four pictures on which people are of different minds     -0.33    -0.22
#   and four more that nobody has rated                       0.47    -0.22
#   six pictures, each rated alike by two of the three        0.00     1.00
#   four pictures, rated alike by all, but for one rating     0.71     1.00
# - The categories that come back are 1, 2 and NaN, and the table has a column for it. None in place of NaN, among words, is an
#   error.
# - No warning is issued. So the agreement of people (or of judges that refuse the same pictures) looks good where it is poor,
#   and poor where it is perfect, and a bound on it turns both ways.
# This fails if any of it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    statsmodels==0.15.0 krippendorff==0.9.0 numpy==2.3.5 2>/dev/null
"$folder/venv/bin/python" -W error - <<'PYTHON'
import importlib.metadata

import krippendorff
import numpy as np
from statsmodels.stats.inter_rater import aggregate_raters, fleiss_kappa

NONE = float("nan")
MIXED = [[1, 2, 1], [2, 1, 2], [1, 1, 2], [2, 2, 1]]
print("statsmodels", importlib.metadata.version("statsmodels"))
for name, (ratings, expected) in {
    "of different minds": (MIXED, (-0.33, -0.22, 2)),
    "and four more that nobody has rated": (MIXED + [[NONE] * 3] * 4, (0.47, -0.22, 3)),
    "each rated alike by two of the three": (
        [[1, 1, NONE], [2, NONE, 2], [NONE, 1, 1], [2, 2, NONE], [1, NONE, 1], [NONE, 2, 2]],
        (0.0, 1.0, 3),
    ),
    "rated alike, but for one rating": ([[1, 1, 1], [2, 2, 2], [1, 1, 1], [2, 2, NONE]], (0.71, 1.0, 3)),
}.items():
    table, categories = aggregate_raters(np.array(ratings, float))
    kappa = round(float(fleiss_kappa(table)), 2)
    alpha = round(float(krippendorff.alpha(np.array(ratings, float).T, level_of_measurement="nominal")), 2)
    print(f"{name}: kappa {kappa}, alpha {alpha}, categories {categories}")
    assert (kappa, alpha, len(categories)) == expected, "this has changed"
PYTHON
