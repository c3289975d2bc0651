# Every target does its own set-up: a bare machine with Python 3.11-3.13, make and pip is enough.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test lint types bench clean

demo: $(READY)
	$(BIN)/effigie demo --output effigie-demo

# A worker a core; a file's tests stay together, for they share what takes long to make.
test: $(READY)
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 8 --dist loadfile

lint: $(READY)
	$(BIN)/ruff check src benchmarks tests
	$(BIN)/ruff format --check src benchmarks tests

types: $(READY)
	$(BIN)/mypy

# Slow studies: every figure in docs/benchmarks.md. Give DATA=folder for the pairs that pip does not carry.
bench: $(READY)
	$(BIN)/python -m benchmarks --output bench $(if $(DATA),--data $(DATA))

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache
