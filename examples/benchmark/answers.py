"""Write answers about three models to 20 prompts, as a judge of all facets gives them: the second is worse."""

import json
import random
from pathlib import Path

from pytest_imagejudge.taxonomy import TREE

CHANCES = {"sharp": (1, 4, 5), "soft": (4, 5, 1), "like_soft": (4, 5, 1)}  # of a facet's scores 0, 1 and 2

chance = random.Random(1)
with Path("answers.jsonl").open("w", encoding="utf-8") as file:
    for number in range(1, 21):
        row = {"ID": number, "prompt": f"prompt {number}"}
        for model, weights in CHANCES.items():
            for dimension, groups in TREE.items():
                scores = {
                    group: {facet: {"score": chance.choices((0, 1, 2), weights)[0]} for facet in facets}
                    for group, facets in groups.items()
                }
                row[f"{dimension.lower().replace(' ', '_').replace('-', '_')}_response_{model}"] = json.dumps(scores)
        file.write(json.dumps(row) + "\n")
