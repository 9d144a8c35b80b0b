"""Files of the shape of the published ones, in words of our own, and the variables that name them."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from pytest_imagejudge.taxonomy import TREE

Q_JUDGER = '''
import a_module_that_is_not_there
A_CHECKLIST = "# " "Heading"
{lists}
DIM_TO_CHECKLIST = {{
{entries}
}}
SYSTEM_PROMPT = (
    "Look at the picture. "
    "Be fair."
)
USER_PROMPT_TEMPLATE = """\\
Asked for: {{prompt}}
Made:
<image>
About: {{level1_dim}}
{{format_checklist}}
Like so: {{{{"{{{{l2}}}}": 0|1|2}}}}"""
raise SystemExit("this is never run")
'''
IE_CRITIC = '''
import torch_that_is_not_there
CoT_PROMPT = """\\
<image><image> Wanted: {edit_instruction}

Answer like {{this}}.\\
"""
'''
VIESCORE = '''
_context_no_delimit = """Look closely, and answer so:
{"score": [...], "reasoning": "..."}"""
_prompts_0shot_two_image_edit_rule = """First the picture before, then the one after.
"""
_prompts_0shot_tie_rule_SC = """
Two numbers, none above 10: is it done, and is the rest kept?
Wanted: <instruction>
"""
_prompts_0shot_rule_PQ = """One picture. Two numbers, none above 10: is it natural, and is it whole?
"""
'''
EDITSCORE = VIESCORE.replace("_context_no_delimit", "_context_no_delimit_reasoning_first")


def q_judger() -> str:
    """Source with a checklist of our own for each L1."""
    names = {one: f"LIST_{index}" for index, one in enumerate(TREE)}
    lists = "\n".join(f'{name} = """## {one}\n- Fine?"""' for one, name in names.items())
    entries = "\n".join(f'    "{one}": {name},' for one, name in names.items())
    return Q_JUDGER.format(lists=lists, entries=entries)


def use(monkeypatch: pytest.MonkeyPatch, folder: Path, *, judge: str | None = None, critic: str | None = None) -> None:
    """Name our files, with their hashes, in place of the published ones."""
    sources = {
        "IMAGEJUDGE_Q_JUDGER_WORDS": q_judger() if judge is None else judge,
        "IMAGEJUDGE_IE_CRITIC_WORDS": IE_CRITIC if critic is None else critic,
        "IMAGEJUDGE_VIESCORE_WORDS": VIESCORE,
        "IMAGEJUDGE_EDITSCORE_WORDS": EDITSCORE,
    }
    for variable, source in sources.items():
        path = folder / f"{variable.lower()}.py"
        path.write_bytes(source.encode())
        monkeypatch.setenv(variable, f"{path}#{hashlib.sha256(source.encode()).hexdigest()}")
