# Two commands do everything on a fresh machine: `make study` and `make test`.

PYTHON ?= python3
VENV ?= .venv
STUDY ?= quickstart
# Test processes at a time; each of them uses one thread.
WORKERS ?= auto

BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
INSTALLED_DEV := $(VENV)/.installed-dev

.PHONY: study test lint docs unit soak bench clean

study: $(INSTALLED)
	$(BIN)/gan-study run $(STUDY)

test: lint docs unit

lint: $(INSTALLED_DEV)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Warnings are errors: a link that leads nowhere, a page that nobody finds, a name that is gone.
docs: $(INSTALLED_DEV)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

# One thread a process: more of them fight for the cores, and four processes with four threads each on four cores
# run over a hundred times slower than with one each.
# The tests marked `ray` start a Ray of their own for each file, and wait for processes much of the time; two files go
# side by side. Those marked `alone` follow: they use up the machine's memory, or measure time.
unit: $(INSTALLED_DEV)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m "not ray and not soak" -n $(WORKERS)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m "ray and not alone" -n 2 --dist loadfile
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m "ray and alone"

# Twenty kills of the driver, a study of a thousand trials, a cluster that loses its head: about half an hour.
soak: $(INSTALLED_DEV)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m soak -s

# One after the other and on one thread; leave the machine alone meanwhile.
bench: $(INSTALLED_DEV)
	@mkdir -p benchmarks/results
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest benchmarks --benchmark-json=benchmarks/results/training.json
	$(BIN)/python -m benchmarks.table benchmarks/results/training.json

$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "gan-study needs Python 3.11 or newer; name one with 'make PYTHON=python3.11'" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable .
	@touch $@

$(INSTALLED_DEV): $(INSTALLED)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis site
