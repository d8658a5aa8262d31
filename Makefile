# Every target sets up what it needs: a machine with Python 3.11+ and make is enough.
.PHONY: demo test lint format bench setup clean
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
UV := $(VENV)/bin/uv
BIN := $(VENV)/bin

help:
	@echo "make demo    a sandbox log is watched, lies once, and you see alert, evidence and report (SQLite, no network)"
	@echo "make test    set up and run the tests"
	@echo "make lint    ruff, ruff format, mypy --strict"
	@echo "make bench   rates and memory, each beside its baseline"

$(UV):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make PYTHON=python3.12 ..."; exit 1; }
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check uv

$(VENV)/.ready: $(UV) pyproject.toml uv.lock
	@UV_PYTHON=$(BIN)/python $(UV) sync --frozen --quiet --all-extras
	@touch $@

setup: $(VENV)/.ready

demo: setup
	@$(BIN)/python -m cli.demo

test: setup
	$(BIN)/python -m pytest -q -n auto $(PYTEST_ARGS)

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy .

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: setup
	$(BIN)/python -m bench

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis demo-out
