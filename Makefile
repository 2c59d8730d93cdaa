# make verify and make test do everything on a fresh machine, set-up included.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: verify test test-slow lint bench lab kernel-sources clean

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

# Debian's kernel sources, by the ordinary package client, into a cache outside the repository; the tests use them.
KERNELS ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/stepdown/kernels
kernel-sources:
	tools/kernel-sources "$(KERNELS)"

.venv/ready: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	touch $@

clean:
	rm -rf .venv .lab dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
