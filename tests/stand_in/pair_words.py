"""Words of our own for judges that ask for pairs of scores, and what they are asked in them."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pytest

from tests.stand_in.endpoint import Call

SOURCE = """
{context} = "Be fair."
_prompts_0shot_two_image_edit_rule = "Two pictures."
_prompts_0shot_tie_rule_SC = "From 0 to 10. Asked for: <instruction> (end)"
_prompts_0shot_rule_PQ = "How does it look, from 0 to 10?"
"""
_CONTEXTS = {"VIESCORE": "_context_no_delimit", "EDITSCORE": "_context_no_delimit_reasoning_first"}


def use(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Name our files, with their hashes, in place of the published ones."""
    for name, context in _CONTEXTS.items():
        path = folder / f"{name.lower()}.py"
        path.write_text(SOURCE.format(context=context))
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        monkeypatch.setenv(f"IMAGEJUDGE_{name}_WORDS", f"{path}#{digest}")


def asked_for(call: Call) -> str | None:
    """The instruction in a request about the change; None of one about how the edit looks."""
    text = json.dumps(call.body["messages"], ensure_ascii=False)
    found = re.search(r"Asked for: (.*?) \(end\)", text)
    return found[1] if found else None
