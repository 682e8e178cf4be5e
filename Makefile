# The commands of the project. Two do all the set-up on a fresh machine:
#
#   make demo    make the environment, install Rushlight, run the main job
#   make test    the tests (with PyTorch as the oracle where it is installed)
#
# `make help` lists the rest. Nothing is made twice: the second run of a target only does its work.
# Everything is relative to this folder, so the path to it may hold spaces.

PYTHON ?= python3
VENV   ?= .venv
SHARED ?= ../shared
TORCH  ?= torch==2.13.0
VISION ?= torchvision==0.29.*
ARGS   ?=

# how many tests run at once
JOBS   ?= auto
# what `make conformance` and `make bench` look at: extra arguments for the tool behind each
OPINFO ?= --target rushlight --grad --errors --inplace --out-variants --jobs 2
BENCH  ?= 'op_add_10' 'mlp_*'

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help demo test test-torch fuzz processes growth sweep coverage lint format docs conformance bench operators accuracy wheel hooks clean

ifeq ($(OS),Windows_NT)
BIN := $(VENV)/Scripts
else
BIN := $(VENV)/bin
endif
PY     := $(BIN)/python
STAMPS := $(VENV)/.installed
PIP    := "$(PY)" -m pip --disable-pip-version-check install --quiet
PYTEST := "$(PY)" -m pytest -n $(JOBS) --dist loadfile

help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*##  *\(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{ printf "%-20s%s\n", $$1, $$2 }'

demo: $(STAMPS)/demo  ## make the environment, install, and run the main job
	"$(PY)" examples/first_steps.py
	"$(PY)" examples/digits_cnn.py

test: $(STAMPS)/test  ## run the tests
	$(PYTEST) $(ARGS)

test-torch: $(STAMPS)/torch  ## install PyTorch as the oracle too, and run the tests
	$(PYTEST) $(ARGS)

fuzz: $(STAMPS)/test  ## 10,000 random calls of each kernel family, between guard pages (about an hour)
	PYTHONPATH=src:tests "$(PY)" -m fuzz $(ARGS)

processes: $(STAMPS)/test  ## 1,000 processes, one after another, that share the cache of kernels
	"$(PY)" tools/many_processes.py $(ARGS)

growth: $(STAMPS)/torch  ## how cost grows with sizes and threads: tables and plots in build/growth
	"$(PY)" tools/growth $(ARGS)

sweep: $(STAMPS)/torch  ## every network of torchvision, saved by each side and loaded by the other (10 minutes, 16 GB)
	RUSHLIGHT_SWEEP=1 "$(PY)" -m pytest -q tests/serialization/test_architectures.py $(ARGS)

coverage: $(STAMPS)/test  ## run the tests and show which lines they miss
	$(PYTEST) --cov --cov-report=term $(ARGS)

lint: $(STAMPS)/dev  ## what CI checks without running anything: format, lint, types
	"$(PY)" -m ruff format --check .
	"$(PY)" -m ruff check .
	"$(PY)" -m mypy

format: $(STAMPS)/dev  ## put the source in its form and mend what can be mended
	"$(PY)" -m ruff format .
	"$(PY)" -m ruff check --fix .

docs: $(STAMPS)/docs  ## build the site in build/site
	"$(PY)" tools/docs/build.py --out build/site

conformance: $(STAMPS)/torch  ## hold the operators against PyTorch's own database
	@test -f "$(SHARED)/conformance/opinfo.py" || \
	    { echo "make conformance: no $(SHARED)/conformance/opinfo.py; say where it is with SHARED=folder"; exit 1; }
	"$(PY)" "$(SHARED)/conformance/opinfo.py" $(OPINFO) $(ARGS)

bench: $(STAMPS)/torch  ## time Rushlight and PyTorch side by side
	@test -f "$(SHARED)/bench/bench.py" || \
	    { echo "make bench: no $(SHARED)/bench/bench.py; say where it is with SHARED=folder"; exit 1; }
	"$(PY)" "$(SHARED)/bench/bench.py" --peer "$(PY)" --ours "$(PY) -m rushlight run" $(BENCH) $(ARGS)

operators: $(STAMPS)/torch  ## time every common operator beside PyTorch; ARGS="reduce --below 1"
	"$(PY)" tools/operators $(ARGS)

accuracy: $(STAMPS)/torch  ## measure the kernels' functions against exact arithmetic, into docs/accuracy.md
	$(PIP) mpmath scipy
	"$(PY)" tools/measure_accuracy.py $(ARGS)

wheel: $(STAMPS)/test  ## build the wheel in build/wheel
	rm -rf build/wheel
	"$(PY)" -m hatchling build --target wheel --directory build/wheel
	"$(PY)" tools/check_wheel.py build/wheel

hooks:  ## let git run the checks of CI before each commit
	git config core.hooksPath tools/hooks

clean:  ## remove what was built, the environment included
	rm -rf build dist "$(VENV)" .coverage htmlcov .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find src tests tools examples -name __pycache__ -type d -prune -exec rm -rf {} +

# The environment: one stamp for each set of packages, made anew when pyproject.toml changes.

$(PY):
	"$(PYTHON)" -m venv "$(VENV)"

$(STAMPS)/base: pyproject.toml | $(PY)
	$(PIP) --editable .
	@mkdir -p "$(STAMPS)" && touch "$@"

$(STAMPS)/demo $(STAMPS)/test $(STAMPS)/dev $(STAMPS)/docs: $(STAMPS)/%: pyproject.toml | $(PY)
	$(PIP) --editable '.[$*]'
	@mkdir -p "$(STAMPS)" && touch "$@" "$(STAMPS)/base"

$(STAMPS)/torch: $(STAMPS)/test
	$(PIP) '$(TORCH)' expecttest scipy
	$(PIP) --no-deps '$(VISION)' || echo "no $(VISION) here: comparisons with torchvision are left out"
	@touch "$@"
