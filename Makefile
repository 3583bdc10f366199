# Two commands do everything on a fresh machine: `make study` and `make test`. `make fast` is for every change.

PYTHON ?= python3
VENV ?= .venv
STUDY ?= quickstart
# Test processes at a time; each of them uses one thread. One more than cores, as tests wait for processes: on two
# cores 10 minutes instead of 12.
WORKERS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)

BIN := $(VENV)/bin
# One thread a process: more of them fight for the cores, and four processes with four threads each on four cores
# run over a hundred times slower than with one each.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest
# tests/conftest.py says which tests belong together, and puts the longest first.
SIDE_BY_SIDE := -n $(WORKERS) --dist loadgroup --no-loadscope-reorder
INSTALLED := $(VENV)/.installed
INSTALLED_DEV := $(VENV)/.installed-dev

.PHONY: study fast test lint docs tests faults soak bench gpu clean

study: $(INSTALLED)
	$(BIN)/gan-study run $(STUDY)

# Every change, all day: no Ray, few members of each contract, a tenth of the drawn examples.
fast: $(INSTALLED_DEV)
	$(PYTEST) -m "not slow and not ray and not faults and not soak" $(SIDE_BY_SIDE)

# Before a push: style and types beside the documentation, then all tests but those of `faults` and `soak`.
test: $(INSTALLED_DEV)
	@$(MAKE) --no-print-directory --jobs 2 lint docs
	@$(MAKE) --no-print-directory tests

lint: $(INSTALLED_DEV)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Warnings are errors: a link that leads nowhere, a page that nobody finds, a name that is gone.
docs: $(INSTALLED_DEV)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

tests: $(INSTALLED_DEV)
	$(PYTEST) $(SIDE_BY_SIDE) --durations 15

# Kills, full disks, launches, autoscaling, a lost head. They use up the machine's memory and wait for moments, so
# one goes after the other.
faults: $(INSTALLED_DEV)
	$(PYTEST) -m "faults and not soak" --durations 15

# Twenty kills of the driver and two, a submitted job, a study of a thousand trials, every example of what is drawn,
# and every member of a contract in every way: about an hour.
soak: $(INSTALLED_DEV)
	HYPOTHESIS_PROFILE=all $(PYTEST) -m "soak or hypothesis" -s

# One after the other and on one thread; leave the machine alone meanwhile.
bench: $(INSTALLED_DEV)
	@mkdir -p benchmarks/results
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest benchmarks --benchmark-json=benchmarks/results/training.json
	$(BIN)/python -m benchmarks.table benchmarks/results/training.json

# For the first person with a GPU: is it right, is it fast, what may become the default. Under ten minutes; `make gpu
# PYTHON=...` with any Python that has torch, torchvision, numpy and pydantic.
gpu:
	$(PYTHON) -m benchmarks.first_gpu

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
