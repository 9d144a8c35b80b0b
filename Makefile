# Everything sets up what it needs, from a clean checkout with Python 3.11+, pip and make.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: demo test test-engine lint wheel clean

$(STAMP): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable '.[signals]' --group test --group lint
	touch $@

demo: $(STAMP)  ## judge the sample images with the embedded judge; some are meant to fail
	$(BIN)/python fixtures/demo.py

test: $(STAMP)  ## the whole suite but what needs vLLM
	$(BIN)/python -m pytest -m "not engine" -n logical --dist worksteal $(ARGS)

test-engine: $(STAMP)  ## real servers: vLLM's CPU build in a virtual environment of its own
	$(BIN)/python tests/real_servers/setup_venv.py
	$(BIN)/python -m pytest -m engine tests/real_servers $(ARGS)

lint: $(STAMP)  ## style, types, layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

wheel: $(STAMP)
	$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir dist .

clean:
	rm -rf $(VENV) .venv-engine build dist .mypy_cache .ruff_cache .pytest_cache
