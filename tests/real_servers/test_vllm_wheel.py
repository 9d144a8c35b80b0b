"""What is read in vLLM's sources is what the vLLM that runs here says of itself."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.engines.vllm.wheel import read
from tests.real_servers.real_runs import PYTHON, Machine

pytestmark = pytest.mark.engine

ASK = """
import json, os, vllm
from vllm.entrypoints.launchers.cli_args import make_arg_parser
from vllm.entrypoints.openai.chat_completion.protocol import ChatCompletionRequest
from vllm.utils.argparse_utils import FlexibleArgumentParser
from vllm.envs import environment_variables
from vllm.reasoning import ReasoningParserManager
options = [name for action in make_arg_parser(FlexibleArgumentParser())._actions for name in action.option_strings]
print(json.dumps({
    "package": os.path.dirname(vllm.__file__),
    "options": options,
    "fields": list(ChatCompletionRequest.model_fields),
    "reasoning_parsers": list(ReasoningParserManager.list_registered()),
    "variables": [name for name in environment_variables if name.startswith("VLLM_")],
    "VLLM_MAX_IMAGE_PIXELS": environment_variables["VLLM_MAX_IMAGE_PIXELS"](),
}))
"""


def test_the_reading_of_the_sources_is_what_vllm_says(machine: Machine) -> None:
    done = subprocess.run([str(PYTHON), "-c", ASK], env=machine.environment, check=True, capture_output=True, text=True)
    said = json.loads(done.stdout.splitlines()[-1])
    found = read(Path(said["package"]))
    no = {name for name in said["options"] if name.startswith("--no-")}  # argparse adds these to switches
    assert set(said["options"]) - no - {"-h", "--help"} == {name for name in found["options"] if name not in no}
    assert set(said["fields"]) == set(found["fields"])
    assert set(said["reasoning_parsers"]) == set(found["reasoning_parsers"])
    assert set(said["variables"]) == set(found["variables"])
    assert said["VLLM_MAX_IMAGE_PIXELS"] == found["limits"]["VLLM_MAX_IMAGE_PIXELS"]
