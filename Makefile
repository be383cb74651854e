.PHONY: setup demo test test-full lint format check lock clean
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin

# Everything installs from the hashed lock; the stamp makes set-up a no-op until the lock changes.
setup: .venv/.installed

.venv/.installed: requirements.lock pyproject.toml
	@echo "Setting up .venv (once; about a minute)"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==0.13.9
	@$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes --compile-bytecode requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@
