# Each target installs what it needs into $(VENV), and nothing more. It takes Python 3.11+, pip and make.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet
# Not in pyproject.toml: there the timeout, of seconds for one test, would break a pytest that lacks the plugin, and so
# the first example of the documentation in a fresh clone.
PYTEST = $(BIN)/python -m pytest --strict-config --override-ini timeout=900 $(MEASURE)
SERVERS := tests/real_servers
# Twice as many workers as cores: tests of servers wait most of their time for processes of their own.
WORKERS ?= $(shell $(PYTHON) -c 'import os; print((os.cpu_count() or 2) * 2)')

# Without bytecode each worker, and each pytest that a test starts, would rewrite its tests and plugins anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo test coverage test-engine examples docs lint setup changelog wheel clean
.NOTPARALLEL:  # pip can't install twice at once into one environment
.DEFAULT_GOAL := help

# $(VENV)/.has-X says that group X of pyproject.toml is installed. A changed pyproject.toml outdates every one.
$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.has-package: pyproject.toml | $(BIN)/python
	$(PIP) --editable '.[signals]'
	touch $@

$(VENV)/.has-%: pyproject.toml | $(BIN)/python
	$(PIP) --upgrade pip  # --group needs pip 25.1
	$(PIP) --editable '.[signals]' --group $*
	touch $@

help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):[^#]*## /\1\t/p' Makefile | expand -t 16

demo: $(VENV)/.has-package  ## judge the sample images with the embedded judge and write an HTML report; some fail on purpose
	$(BIN)/python fixtures/demo.py $(ARGS)

test: $(VENV)/.has-test  ## run every test but those of real vLLM servers; ARGS='-k name' goes to pytest
	$(PYTEST) -m "not engine" -n $(WORKERS) --dist worksteal $(ARGS)

coverage: $(VENV)/.has-coverage  ## run the same tests, and print which lines they reach
coverage: MEASURE := --cov=pytest_imagejudge
coverage: test

test-engine: $(VENV)/.has-test  ## test real servers: vLLM's CPU build, LiteLLM and mitmproxy, each in an environment of its own
	$(BIN)/python $(SERVERS)/setup_venv.py
	$(PYTEST) -m engine $(SERVERS) $(ARGS)

examples: $(VENV)/.has-examples  ## run the examples as their READMEs say, each in a fresh environment; ARGS names some
	$(BIN)/python examples/run.py $(ARGS)

docs: $(VENV)/.has-docs  ## build the documentation site into build/site; any broken link is an error
	$(BIN)/python docs/site/assemble.py build/site-source
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict  # not --quiet: that hides what --strict counts

lint: $(VENV)/.has-lint  ## check style, types and layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

setup: $(VENV)/.has-package $(VENV)/.has-test $(VENV)/.has-lint  ## install what all of the above need, for an editor

changelog: $(VENV)/.has-release  ## show what the fragments in changelog.d/ add to CHANGELOG.md
	$(BIN)/towncrier build --draft --version unreleased

wheel: $(VENV)/.has-release  ## build the source archive and the wheel, and check both
	rm -rf dist
	$(BIN)/python -m build
	$(BIN)/twine check --strict dist/*

clean:  ## remove what the other targets made
	rm -rf $(VENV) .venv-* build dist .coverage .mypy_cache .ruff_cache .pytest_cache
