# Every target does its own set-up: a bare machine with Python 3.11-3.13, make and pip is enough.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: studio demo test test-all test-fast test-matrix lint types bench reference clean

demo: $(READY)
	$(BIN)/effigie demo --output effigie-demo

# A worker a core; a file's tests stay together, for they share what takes long to make. conftest.py orders the files.
# NumPy's threads are counted before any test is read: more than one for each worker would wait for each other.
PYTEST := OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses auto --maxprocesses 8 --dist loadfile --no-loadscope-reorder

test: $(READY)
	$(PYTEST) -m "not study"

# And the studies: long repetitions of what cheaper tests cover.
test-all: $(READY)
	$(PYTEST)

# What is worth waiting for at every save: all but the slow ones.
test-fast: $(READY)
	$(PYTEST) -m "not slow and not study"

# The suite on other processors, terminals, clocks...: SETTINGS="avx2 load" for some; hours for all.
test-matrix: $(READY)
	$(BIN)/python tests/matrix.py $(SETTINGS)

lint: $(READY)
	$(BIN)/ruff check src benchmarks examples tests
	$(BIN)/ruff format --check src benchmarks examples tests
	$(BIN)/lint-imports pyproject.toml

types: $(READY)
	$(BIN)/mypy

# Slow studies: every figure in docs/results.md. DATA=folder adds people that pip does not carry; ONLY=convert,swap runs some.
bench: $(READY)
	$(BIN)/python -m benchmarks --output bench $(if $(DATA),--data $(DATA)) $(if $(ONLY),--only $(ONLY))

# The studio's page, built from its sources with node; `pip install` needs none, the bundle is committed.
studio:
	cd src/effigie/studio/web && npm ci --ignore-scripts && npm run --silent check && npm run --silent build

# docs/reference.md from the docstrings.
reference: $(READY)
	$(BIN)/python docs/make_reference.py

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache
