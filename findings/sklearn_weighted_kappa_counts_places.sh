#!/usr/bin/env bash
# scikit-learn 1.9.1 weighs disagreement in `cohen_kappa_score` by the places of grades in a sorted list, not by the grades.
#
# Guess before the run: weights="quadratic" squares the distance of the two grades, so that 95 for 100 costs little and
# 5 for 95 much.
# Seen with scikit-learn 1.9.1, krippendorff 0.9.0, numpy 2.4.6 on CPython 3.11:
# - The grades that occur are sorted and numbered, and the numbers are subtracted. People gave 5, 95 and 100 of 100: a judge
#   that gives 5 for 95 agrees with 0.80, and one that gives 95 for 100 with 0.67. By the grades it is 0.44 and 1.00;
#   Krippendorff's alpha of intervals says so too.
# - So the kappa of the same error depends on which other grades occur: one more picture on whose 50 both agree takes 0.80
#   to 0.67.
# - Grades in words are sorted by the alphabet: excellent, fair, good, poor. Digits that were read as text are, too: "1",
#   "10", "2".
# - With `labels` of all grades from 0 to 100 the two are right; halves ("continuous is not supported") are an error.
# Neither a warning nor the documentation of `weights` says so. A bound on the agreement of a judge with people passes
# and fails by it.
# This fails if any of it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check scikit-learn==1.9.1 krippendorff==0.9.0 numpy==2.4.6 2>/dev/null
"$folder/venv/bin/python" -W error - <<'PYTHON'
import krippendorff
import numpy as np
import sklearn
from sklearn.metrics import cohen_kappa_score


def by_grades(people, judge):
    """Cohen's kappa with the squared distance of the grades."""
    people, judge = np.array(people), np.array(judge)
    return 1 - np.mean((people - judge) ** 2) / np.mean((people[:, None] - judge[None]) ** 2)


def seen(people, judge):
    return {
        "sklearn": round(float(cohen_kappa_score(people, judge, weights="quadratic")), 2),
        "sklearn, labels 0 to 100": round(float(cohen_kappa_score(people, judge, weights="quadratic", labels=range(101))), 2),
        "by the grades": round(float(by_grades(people, judge)), 2),
        "alpha": round(float(krippendorff.alpha([people, judge], level_of_measurement="interval")), 2),
    }


print("scikit-learn", sklearn.__version__)
people = [5, 95, 100]
results = {
    "95 for 100": seen(people, [5, 95, 95]),
    "5 for 95": seen(people, [5, 5, 100]),
    "5 for 95, and both 50 on one more": seen([*people, 50], [5, 5, 100, 50]),
}
words = ["poor", "fair", "good", "excellent"]
judge = ["fair", "fair", "good", "excellent"]
for name, value in results.items():
    print(name, value)
in_words = round(float(cohen_kappa_score(words, judge, weights="quadratic")), 2)
in_order = round(float(cohen_kappa_score(words, judge, weights="quadratic", labels=words)), 2)
text = round(float(cohen_kappa_score(["1", "2", "10"], ["2", "2", "10"], weights="quadratic")), 2)
print(f"fair for poor: {in_words}, in the order of the words {in_order}; 2 for 1 as text: {text}")
try:
    cohen_kappa_score([1.5, 2, 3], [1.5, 2, 2], weights="quadratic")
    halves = "taken"
except ValueError as error:
    halves = str(error)
print("halves:", halves)
KEYS = ("sklearn", "sklearn, labels 0 to 100", "by the grades", "alpha")
expected = {
    "95 for 100": (0.67, 1.0, 1.0, 1.0),
    "5 for 95": (0.8, 0.44, 0.44, 0.48),
    "5 for 95, and both 50 on one more": (0.67, 0.43, 0.43, 0.46),
}
assert results == {name: dict(zip(KEYS, values, strict=True)) for name, values in expected.items()}, "this has changed"
assert (in_words, in_order, text, halves) == (0.5, 0.88, 0.0, "continuous is not supported"), "this has changed"
PYTHON
