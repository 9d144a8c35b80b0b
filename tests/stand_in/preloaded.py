"""Imports what runs of pytest import, once for all of them.

pytester has a run within this process forget what it imported, which takes its time again in the next run. numpy can't
be loaded twice. httpx knows the errors of that httpcore only which it loaded itself. Forks take over what is loaded.
"""

import httpcore  # noqa: F401
import httpx  # noqa: F401
import numpy  # noqa: F401
import scipy.special  # noqa: F401

import pytest_imagejudge.engines.address
import pytest_imagejudge.engines.vllm.install
import pytest_imagejudge.engines.vllm.model_files
import pytest_imagejudge.engines.vllm.placement
import pytest_imagejudge.plugin.gate
import pytest_imagejudge.plugin.manifest_items
import pytest_imagejudge.plugin.marker
import pytest_imagejudge.protocols.house
import pytest_imagejudge.renderers.html_page
import pytest_imagejudge.renderers.markdown
import pytest_imagejudge.renderers.notebook
import pytest_imagejudge.renderers.terminal_failure
import pytest_imagejudge.renderers.terminal_summary
import pytest_imagejudge.report.json_file
import pytest_imagejudge.statistics.baseline
import pytest_imagejudge.statistics.suite  # noqa: F401
import tests.stand_in.judge  # noqa: F401
