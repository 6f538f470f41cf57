# `make` alone says what there is. Everything is installed into .venv and nothing outside of it.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
READY := $(VENV)/.ready
TOOLS := $(VENV)/tools
OUT ?= results

# Tests run in so many processes at once, each with servers of its own: 2 to 4 GB of memory per process.
# Three keep two processors busy, because a test often waits for a server.
JOBS ?= 3
PYTEST := $(BIN)/python -m pytest -n $(JOBS)

# Longer tests by their markers (pyproject.toml says what each means).
LONG := slow or again or faults or chaos or browser or bench

.PHONY: help setup demo serve test test-all lint format bench findings chaos lock clean

help: ## What there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## The environment alone, into .venv, every package by its pinned hash

# Other people's programs for the tests, apart: their pins contradict ours.
$(TOOLS)/.ready: requirements/tools.lock $(READY)
	$(BIN)/python -m venv $(TOOLS)
	$(TOOLS)/bin/python -m pip install --disable-pip-version-check --quiet --require-hashes -r requirements/tools.lock
	@touch $@

# The first Python that runs, is 3.11 or later, and that TensorFlow has wheels for.
$(BIN)/python:
	@for python in $(PYTHON) python3.11 python3.12 python3.13 python3 python; do \
	  $$python -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null || continue; \
	  echo "Making $(VENV) with $$($$python --version)"; \
	  exec $$python -m venv $(VENV); \
	done; \
	echo "Python 3.11, 3.12 or 3.13 is needed, and none was found (PYTHON=/path/to/python names one)" >&2; exit 1

$(INSTALLED): requirements/dev.lock | $(BIN)/python
	@echo "Installing what requirements/dev.lock names, TensorFlow among it: the first time this takes some minutes"
	@$(BIN)/python -m pip install --disable-pip-version-check --quiet --require-hashes -r requirements/dev.lock
	@touch $@

$(READY): $(INSTALLED) pyproject.toml
	@PYTHONWARNINGS="ignore:Editable installation" $(BIN)/python -m pip install --disable-pip-version-check --quiet \
	  --no-deps --no-build-isolation -e .
	@touch $@

demo: $(READY) ## The main job, end to end: figures and a summary in results/
	$(BIN)/ockham demo --out $(OUT) $(if $(EPOCHS),--epochs $(EPOCHS))

serve: $(READY) ## The whole service in the foreground, until Ctrl-C
	$(BIN)/ockham serve

test: $(READY) ## The tests, on real servers that they start themselves
	$(PYTEST) -m "not ($(LONG))" $(TESTS)

test-all: $(READY) $(TOOLS)/.ready ## All tests, those that take long too
	$(PYTEST) -m "not bench"

lint: $(READY) ## Style, types, and known holes in the packages used
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	git ls-files -z '*.yml' '*.yaml' | xargs -0 -r $(BIN)/yamllint --strict
	$(BIN)/python .ci/audit.py requirements/dev.lock
	$(BIN)/python .ci/audit.py requirements/tools.lock

format: $(READY) ## Puts the style right
	$(BIN)/python client/make_synchronous.py
	$(BIN)/ruff check --fix --quiet .
	$(BIN)/ruff format .

bench: $(READY) ## The benchmarks
	$(BIN)/python -m benchmarks $(BENCH)

findings: $(READY) ## Settles the notebook's claims with many seeds, and writes docs/findings.md
	$(BIN)/python -m benchmarks.findings

chaos: $(READY) ## Random faults against the whole service: twenty seeds, two minutes each
	$(BIN)/python -m tests.chaos

LOCK := uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
  --no-emit-find-links --no-annotate --no-header --quiet
lock: ## Pins every package anew, with hashes (needs uv); setuptools is there for installing the project itself
	$(LOCK) pyproject.toml --all-extras -o requirements/dev.lock
	echo 'setuptools>=80' | $(LOCK) pyproject.toml - -c requirements/dev.lock -o requirements/api.lock
	echo 'setuptools>=80' | $(LOCK) pyproject.toml - --extra worker -c requirements/dev.lock -o requirements/worker.lock
	echo 'openapi-python-client>=0.29' | $(LOCK) - -o requirements/tools.lock

clean: ## Takes away what was made, .venv too; data directories stay
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
