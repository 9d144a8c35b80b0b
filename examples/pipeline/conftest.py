import pytest
from tiny import tiny_pipeline


@pytest.fixture(scope="session")
def pipeline(tmp_path_factory):
    """Yours: ``DiffusionPipeline.from_pretrained(...)``."""
    return tiny_pipeline(tmp_path_factory.mktemp("tokenizer"))
