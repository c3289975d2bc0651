# Every target does its own set-up: a bare machine with Python 3.11-3.13, make and pip is enough.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test test-fast test-matrix lint types bench clean

demo: $(READY)
	$(BIN)/effigie demo --output effigie-demo

# A worker a core; a file's tests stay together, for they share what takes long to make. conftest.py orders the files.
PYTEST := $(BIN)/python -m pytest --numprocesses auto --maxprocesses 8 --dist loadfile --no-loadscope-reorder

test: $(READY)
	$(PYTEST)

# What is worth waiting for at every save: all but the slow ones.
test-fast: $(READY)
	$(PYTEST) -m "not slow"

# The suite on other processors, terminals, clocks...: SETTINGS="avx2 load" for some; hours for all.
test-matrix: $(READY)
	$(BIN)/python tests/matrix.py $(SETTINGS)

lint: $(READY)
	$(BIN)/ruff check src tests
	$(BIN)/ruff format --check src tests

types: $(READY)
	$(BIN)/mypy

# Slow studies: every figure in docs/benchmarks.md. Give DATA=folder for the pairs that pip does not carry.
bench: $(READY)
	$(BIN)/effigie bench --output bench $(if $(DATA),--data $(DATA))

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache
