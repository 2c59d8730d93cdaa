# make verify and make test do everything on a fresh machine, set-up included.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: verify test test-slow lint bench lab clean

verify: .venv/ready
	$(BIN)/python -m proofs

test: .venv/ready
	$(BIN)/python -m pytest -q -n auto --dist worksteal

test-slow: .venv/ready
	$(BIN)/python -m pytest -q -n auto --dist worksteal -m slow

lint: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: .venv/ready
	$(BIN)/python bench/bench.py

# Boots a real kernel (Debian's, 32-bit ARM) under qemu and judges fresh traces; says why where it cannot.
lab: .venv/ready
	PYTHON=$(CURDIR)/$(BIN)/python lab/run

.venv/ready: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	touch $@

clean:
	rm -rf .venv .lab dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
