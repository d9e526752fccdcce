# Everything a newcomer needs. `make help` lists it.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.forewarn-installed
# Every process of a stack imports scientific packages: without their compiled form a start takes a minute.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup demo check test lock schemas settings metrics dashboards clean

help: ## Show this list.
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | column -t -s "$$(printf '\t')"

# uv when it is there, else the standard library's venv and pip. Both check every hash of the lock.
$(STAMP): requirements-dev.lock pyproject.toml
	@if command -v uv >/dev/null 2>&1; then \
	  set -e; [ -x $(BIN)/python ] || uv venv --quiet --python $(PYTHON) $(VENV); \
	  uv pip sync --quiet --python $(BIN)/python --require-hashes requirements-dev.lock; \
	  uv pip install --quiet --python $(BIN)/python --no-deps --editable .; \
	else \
	  set -e; [ -x $(BIN)/pip ] || $(PYTHON) -m venv --clear $(VENV); \
	  $(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock; \
	  $(BIN)/pip install --quiet --disable-pip-version-check --no-deps --editable .; \
	fi
	@touch $@

setup: $(STAMP) ## Make the environment in .venv; the command is .venv/bin/forewarn.

demo: setup ## Start everything and stream a simulated city. Ctrl-C stops it; ARGS="--fresh" starts over.
	@exec $(BIN)/forewarn demo $(ARGS)

check: setup ## Lint, types and import rules.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: check ## Lint, types and the whole suite.
	$(BIN)/python -m tests.browser_install
	$(BIN)/pytest -n 2 --dist loadfile

lock: ## Pin the dependencies anew, with hashes.
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --extra postgresql pyproject.toml -o requirements.lock
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --group dev -c requirements.lock pyproject.toml -o requirements-dev.lock

schemas: setup ## Write docs/schemas from the message models.
	$(BIN)/python -m connectors.schemas docs/schemas

settings: setup ## Write docs/settings.md from the settings.
	$(BIN)/python -m streams.settings_table docs/settings.md

metrics: setup ## Write docs/metrics.md from the declared metrics.
	$(BIN)/python -m streams.metrics_page docs/metrics.md

dashboards: setup ## Write the Grafana dashboards from their code.
	$(BIN)/python -m dashboards.grafana.build

clean: ## Remove the environment and caches; the data directory stays.
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
