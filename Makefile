# `make` or `make help` lists the targets. Everything runs in ./.venv, which the first call sets up.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= $(shell command -v python3.11 || command -v python3)
PROFILE ?= laptop
JOBS ?= 2
BIN := .venv/bin
# Bytecode is kept, whatever the shell says: the course and its tests start the same package a hundred times.
export PYTHONDONTWRITEBYTECODE :=
STAMP := .venv/.installed

.PHONY: help reproduce test test-all lab site lint figures lock peers clean

help:  ## show this list
	@grep -E '^[a-z-]+: .*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## /  make \1|/' | column -t -s '|'

reproduce: $(STAMP)  ## run the course headlessly into runs/$(PROFILE)/report.html (PROFILE=smoke for a quick look)
	$(BIN)/infotok run --profile $(PROFILE) --jobs $(JOBS)

# One thread each: two on one core wait for each other. tests/conftest.py puts the longest files first.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder

test: $(STAMP)  ## pass the tests of everyday work: units, lessons at smoke, widgets in a browser
	$(PYTEST) -m "not slow"

test-all: $(STAMP)  ## pass every test, as CI does: kills, clusters, several processes, bad inputs, lessons in a browser too
	$(PYTEST)

lab: $(STAMP)  ## open copies of the lessons in JupyterLab (on this machine only, with its token)
	$(BIN)/infotok lab

site: $(STAMP)  ## make runs/$(PROFILE)/site of what was run: every notebook with its results, searchable, offline
	$(BIN)/infotok site --profile $(PROFILE)

lint: $(STAMP)  ## ruff, stripped notebooks, and the layers of the package
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/nbstripout --verify --keep-id --extra-keys="metadata.papermill cell.metadata.papermill metadata.language_info" notebooks/*.ipynb
	$(BIN)/lint-imports

figures: $(STAMP)  ## redraw every committed figure from its metrics.json
	$(BIN)/infotok figures

lock: $(STAMP)  ## resolve requirements.lock anew from pyproject.toml
	$(BIN)/uv pip compile pyproject.toml --all-extras --universal --no-emit-index-url --no-annotate -q -o requirements.lock

peers: $(STAMP)  ## set up .venv-peers, where lesson 19 finds the estimators that need NumPy below 2
	$(BIN)/uv venv -q --python $(BIN)/python .venv-peers
	VIRTUAL_ENV=.venv-peers $(BIN)/uv pip install -q "benchmark-mi==0.1.3" "torch-mist==0.2.17" "numpy<2" "jax<0.4.34" "jaxlib<0.4.34"

clean:  ## remove what runs and tests produced (not .venv)
	rm -rf runs .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +

$(STAMP): pyproject.toml requirements.lock
	@test -n "$(PYTHON)" || { echo "make: no python3 found; infotok needs Python 3.11 or later" >&2; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "make: $(PYTHON) is $$($(PYTHON) -V); infotok needs Python 3.11 or later (make PYTHON=...)" >&2; exit 2; }
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	test -x $(BIN)/uv || $(BIN)/python -m pip install -q uv
	VIRTUAL_ENV=.venv $(BIN)/uv pip install -q --compile-bytecode -r requirements.lock
	VIRTUAL_ENV=.venv $(BIN)/uv pip install -q --no-deps -e .
	@touch $@
