# make demo   the batching example on real input       make test    all that a change must pass
# make help   every target
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin

# The stamp is newer than pyproject.toml when everything is installed: then this costs nothing.
.venv/.installed: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --group dev --editable .
	touch $@

.PHONY: help demo test lint types unit format test-with clean

help: ## list the targets
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 22

demo: .venv/.installed ## run the batching example on real HTTP requests and a real database
	$(BIN)/python docs/examples/last_active_demo.py

test: lint types unit ## lint, types, tests with coverage, examples: what CI runs

lint: .venv/.installed ## formatting and lint
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: .venv/.installed ## mypy strict, pyright, and how much of the public interface is typed
	$(BIN)/mypy
	$(BIN)/pyright
	PATH="$(CURDIR)/$(BIN):$$PATH" pyright --verifytypes multi_await --ignoreexternal | tee .pyright
	grep -q 'Type completeness score: 100%' .pyright

unit: .venv/.installed ## the tests, with branch coverage at 100 %
	$(BIN)/coverage run -m pytest
	$(BIN)/coverage report

format: .venv/.installed ## format, and mend what lint can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

test-with: ## the tests on another Python: make test-with PYTHON=python3.13
	.github/test-with $(PYTHON)

clean: ## remove what the other targets made
	rm -rf .venv .venv-* .coverage .mypy_cache .pytest_cache .ruff_cache dist
