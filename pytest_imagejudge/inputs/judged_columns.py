"""Columns that judging adds to a manifest, by their published names."""

from __future__ import annotations

from ..taxonomy import LEVEL1

FIELDS = tuple(one.lower().replace("-", "_").replace(" ", "_") for one in LEVEL1)  # as files name the L1


ANSWER_COLUMNS = tuple(f"{name}_judge_output" for name in FIELDS)


PATHS = frozenset(("image_path", "source_path", "edited_path", "mask"))


IMAGE_OUTPUTS = ("judge_model_output", *ANSWER_COLUMNS)


# The second as the published evaluation of edits calls it; with the third it is read back as it was read first.
EDIT_OUTPUTS = ("edit_score", "model_response", "finish_reason")
EDIT_SCALE_OUTPUT = "edit_scale"  # beside them where the scale is not 1 to 5
