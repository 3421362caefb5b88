# `make help` says what there is. Two commands do all the set-up on a fresh machine: `make up` and `make test`.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules --no-print-directory

PYTHON ?= python3
STACK ?= dev
BIN := .venv/bin
STACK_FILE := stacks/Pulumi.$(STACK).yaml
RENDERED := rendered/$(STACK)
NODES := $(wildcard stacks/$(STACK).nodes.yaml)
VOLUMES := $(wildcard stacks/$(STACK).lab.yaml)
# What a stack needs beside the control plane: the kinds of Kyverno, which verifies signatures.
LAB_models := --with models
IN_LAB = eval "$$($(BIN)/lab env)"
# Measured in bench/README.md: with the provider's client limit raised, more at once is faster; state that is written once, at the end, even
# more so. A run that is killed (not: interrupted) then leaves no record; `pulumi cancel` and `make up` take over what it had built.
WRITTEN_ONCE := PULUMI_EXPERIMENTAL=true PULUMI_SKIP_CHECKPOINTS=true
PULUMI_UP := $(WRITTEN_ONCE) pulumi up --stack $(STACK) --yes --skip-preview --parallel 32

.PHONY: help install up preview down test unit e2e browser screenshot check format bench lock golden prerequisites

help: ## Say what each target does
	@grep -hE '^[a-z0-9]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "make %-9s %s\n", $$1, $$2}'

prerequisites:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  { echo 'Python 3.11 or newer is needed: install it (on Debian: apt-get install python3 python3-venv), or name one: make PYTHON=/path/to/python3' >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo 'The venv module of $(PYTHON) is needed (on Debian: apt-get install python3-venv)' >&2; exit 1; }

$(BIN)/.installed: requirements.lock pyproject.toml | prerequisites
	@echo 'Installing the Python packages of requirements.lock into .venv'
	@[ -x $(BIN)/python ] || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps --config-settings editable_mode=compat -e .
	@$(BIN)/python -m compileall -q factory components lab  # as pip does it for what is not editable; else some environments compile at every start
	@touch $@

install: $(BIN)/.installed ## Only `factory` and `lab`, into .venv/bin, in a minute; `make up` does that too

up: $(BIN)/.installed ## Start the lab and build the stack on it (STACK=dev); again: bring it up to date
	@$(BIN)/factory validate $(STACK_FILE)
	@$(BIN)/factory render $(STACK_FILE) -o $(RENDERED)
	@with=; for each in control-plane:control-plane vault:vault/first.json; do \
	  [ ! -e $(RENDERED)/$${each#*:} ] || with="$$with --$${each%%:*} $(RENDERED)/$${each%%:*}"; done; \
	  $(BIN)/lab up $(LAB_$(STACK)) $(if $(NODES),--nodes $(NODES)) $$with
	@$(BIN)/lab user factory-deployer
	@$(IN_LAB); kubectl --context lab-admin apply --server-side --field-manager lab-bootstrap -f $(RENDERED)/bootstrap >/dev/null
	@$(if $(VOLUMES),$(IN_LAB); kubectl --context lab-admin apply --server-side --field-manager lab -f $(VOLUMES) >/dev/null)
	@$(IN_LAB); pulumi stack select --create $(STACK) >/dev/null && $(PULUMI_UP)
	@$(IN_LAB); $(BIN)/python -m stacks.summary $(STACK)

preview: $(BIN)/.installed ## Show what `make up` would change
	@$(IN_LAB); $(WRITTEN_ONCE) pulumi preview --stack $(STACK) --diff=false

down: ## End the lab and remove what it kept; the toolchain stays in the cache
	@[ ! -x $(BIN)/lab ] || $(BIN)/lab down

test: unit e2e ## Unit tests, then end-to-end tests against real programs

unit: $(BIN)/.installed ## Unit tests: no cluster, no programs
	@$(BIN)/pytest -q -m 'not lab' -n 2

e2e: $(BIN)/.installed browser ## Tests that start the lab and real programs
	@$(BIN)/lab build --with identity,keycloak,keys,models
	@$(BIN)/pytest -q -m lab -n 2 --dist loadfile

browser: ## Install Chromium, which tests of the report need, where none is on PATH
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || \
	  { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq && \
	    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null; } || \
	  { echo 'Chromium is needed for the tests of the report: install chromium or google-chrome, or run "make browser" as root on Debian' >&2; exit 1; }

screenshot: $(BIN)/.installed browser ## Take docs/report.png again
	@$(BIN)/python -m tests.screenshot

check: $(BIN)/.installed ## Lint, format, types, layers
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: $(BIN)/.installed ## Mend what `make check` says of form
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

bench: $(BIN)/.installed ## Side-by-side benchmarks, ratios from one run, into bench/README.md
	@$(BIN)/lab build
	@$(IN_LAB) 2>/dev/null || true; $(BIN)/python -m bench

lock: ## Pin every Python package again, with hashes
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --extra dev --extra models --no-header --no-annotate pyproject.toml -o requirements.lock

golden: $(BIN)/.installed ## Write the generated files again: schema, rules, golden plans, reviewer's walk
	@$(BIN)/factory schema > factory/schema.json
	@$(BIN)/python -m factory.rules > docs/rules.md
	@$(BIN)/python -m tests.plan.golden
	@$(BIN)/python -m tests.review.walk
