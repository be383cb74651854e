.PHONY: setup demo superset superset-setup superset-bundle contract-columns contract-reasons test test-quick test-sandbox test-full soak lint format lock docs reasons benchmark \
  accuracy screenshots clean
SHELL := /bin/bash
PYTHON ?= python3
PORT ?= 8088
BIN := .venv/bin
DBT_INPUTS := $(shell find dbt_project/models dbt_project/macros dbt_project/seeds dbt_project/tests)
# a busy machine is slow
export UV_COMPILE_BYTECODE_TIMEOUT := 600

# Everything installs from the hashed lock; the stamp makes set-up a no-op until the lock changes.
setup: .venv/.installed dbt_project/target/shipped/manifest.json

.venv/.installed: requirements.lock pyproject.toml
	@echo "Setting up .venv (once; about a minute)"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@sed -n '/^uv==/,/[^\\]$$/p' requirements.lock > .venv/uv.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes --requirement .venv/uv.lock
	@$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes --compile-bytecode requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

# Every home starts from this parse; a folder of its own, because dbt and sqlfluff write theirs into target/.
dbt_project/target/shipped/manifest.json: .venv/.installed dbt_project/dbt_project.yml dbt_project/profiles.yml $(DBT_INPUTS)
	@$(BIN)/python -m orchestration.parse

# The simulated company, loaded over HTTP, modelled, checked, published and explained.
demo: setup
	@$(BIN)/adledger demo

# What is published, in Apache Superset on this machine (http://127.0.0.1:8088; PORT=), from an environment of its own.
superset: superset-setup
	@.superset/bin/python -m adledger.servers.superset.serve --port $(PORT) \
	  --home "$$($(BIN)/python -c 'from ingestion.config import home; print(home())')"

superset-setup: .superset/.installed

.superset/.installed: adledger/servers/superset/requirements.lock | .venv/.installed
	@echo "Setting up .superset (once; about half a minute, 0.9 GB)"
	@test -x .superset/bin/python || $(PYTHON) -m venv .superset
	@$(BIN)/uv pip sync --quiet --python .superset/bin/python --require-hashes --compile-bytecode adledger/servers/superset/requirements.lock
	@touch $@

# The contract's list of columns, from the dbt YAML.
contract-columns: setup
	@$(BIN)/python -m docs.columns

contract-reasons: setup
	$(BIN)/python docs/reasons.py contract

# The bundle's datasets, from the dbt YAML and the project's words.
superset-bundle: setup
	@$(BIN)/python -m reporting.superset.describe

# a third worker fills the cores while others wait for a server or a browser
PYTEST := $(BIN)/pytest -n 3 --dist loadfile --no-loadscope-reorder --durations=20

# The product's tests (CONTRIBUTING.md).
test: setup
	@$(PYTEST)

# Rules and readers alone: no server, no browser, nothing built (less than a minute).
test-quick: setup
	@$(PYTEST) -m "not long and not builds" tests/unit

# The tests of the simulated company and of the benchmarks.
test-sandbox: setup
	@$(PYTEST) tests/sandbox tests/benchmarks

# All of them, the long matrices whole and with many more examples (hours).
test-full: setup
	@$(PYTEST) -m "" --hypothesis-profile=full tests

# 200 refreshes of one home, each with a fault drawn by seed (hours; Linux).
soak: setup
	$(BIN)/python -m tests.soak --refreshes $(or $(REFRESHES),200) --seed $(or $(SEED),1)

lint: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/sqlfluff lint --processes 2 dbt_project/models dbt_project/tests
	$(BIN)/dg check defs
	$(BIN)/codespell adledger ingestion orchestration reporting dbt_project sandbox tests benchmarks docs README.md CONTRIBUTING.md

format: setup
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/sqlfluff fix --processes 2 dbt_project/models dbt_project/tests

# What loading and building costs, beside bare clients, public taps and a script by hand; what orchestration adds (45 minutes).
benchmark: setup
	$(BIN)/python benchmarks/hubspot_load.py --contacts 200000 --submissions 50000 --page-views 1000000 \
	  --out .adledger/benchmark.json --picture benchmarks/hubspot_load.svg
	$(BIN)/python benchmarks/network_load.py \
	  --out .adledger/network_benchmark.json --picture benchmarks/network_load.svg
	$(BIN)/python benchmarks/dbt_build.py --out .adledger/build_benchmark.json
	$(BIN)/python benchmarks/overhead.py --out .adledger/overhead_benchmark.json

# How well the account explains companies whose truth is known, and what choices without a source are worth (a quarter of an
# hour; writes the page about it).
accuracy: setup
	$(BIN)/python -m benchmarks.accuracy --people 300 --page docs/accuracy.md --picture docs/images/accuracy.svg

# The documentation's site, into docs/_build; a broken link is an error.
docs: setup
	$(BIN)/sphinx-build --fail-on-warning --keep-going --quiet --nitpicky docs docs/_build

# The examples of the page about reason codes, from the demonstration.
reasons: demo
	ADLEDGER_HOME=.adledger/demo $(BIN)/python docs/reasons.py

# The documentation's pictures of the UI, the dashboard and Superset (four minutes; needs Chromium).
screenshots: setup superset-setup
	ADLEDGER_SCREENSHOTS=docs/images $(BIN)/pytest -n 0 tests/acceptance/test_first_refresh.py tests/acceptance/test_superset.py \
	  -k 'lineage or green or bridge or dashboard or chart'

LOCK := uv pip compile --python-version 3.11 --universal --generate-hashes \
  --no-emit-index-url --no-emit-find-links --no-header --quiet

lock:
	$(BIN)/$(LOCK) pyproject.toml --extra postgres --group dev --output-file requirements.lock
	$(BIN)/$(LOCK) adledger/servers/superset/requirements.in --output-file adledger/servers/superset/requirements.lock

clean:
	rm -rf .adledger dbt_project/target dbt_project/logs
