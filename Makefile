# `make` prints the targets. Everything that CI does is one of them.

PYTHON ?= python3
BIN := .venv/bin
CLUSTER ?= dev
export CLUSTER
PYTEST := $(BIN)/python -X dev -m pytest
# tests wait more than they compute; those that share a cluster stay in one process
SIDE_BY_SIDE := --dist loadscope --tx '2*popen//python=$(BIN)/python -X dev'
DEVCLUSTER := $(BIN)/python tests/devcluster/cluster.py
# what a cluster of one's own takes, and the one in place does not
NODE := $(if $(filter current,$(CLUSTER)),,machine node-packages cluster-binary)

.DEFAULT_GOAL := help
.PHONY: help
help: ## Print this list
	@if [ -t 1 ]; then b='\033[1m' c='\033[36m' n='\033[0m'; else b= c= n=; fi; awk -v b="$$b" -v c="$$c" -v n="$$n" -F':.*## ' \
	  '/^## /{printf "\n" b "%s" n "\n", substr($$0,4)} /^[a-z0-9-]+:.*## /{printf "  " c "%-16s" n " %s\n", $$1, $$2}' Makefile

## Try it
.PHONY: demo demo-down
demo: machine node-packages venv $(NODE) ## A mailbox from nothing to its mail, on a cluster of its own; leaves it running
	@$(BIN)/python -m demo up

demo-down: venv ## Remove what `make demo` left running
	@$(BIN)/python -m demo down

## Set-up
.PHONY: setup machine venv node-packages packages ews-peers cluster-binary
setup: packages venv ews-peers cluster-binary ## All that tests and demo need: .venv/, mail servers, the development cluster

machine: # said before anything is installed or compiled
	@$(PYTHON) tests/support/bootstrap.py machine $(MAKECMDGOALS)

venv: ## .venv/ from the lock
	@$(PYTHON) tests/support/bootstrap.py venv

node-packages:
	@$(PYTHON) tests/support/bootstrap.py node

packages: ## Debian packages of the test peers (as root; otherwise says what to install)
	@$(PYTHON) tests/support/bootstrap.py packages

ews-peers: venv packages ## Schemas and an independent client of the Exchange Web Services, in the user's cache folder
	@$(PYTHON) tests/support/bootstrap.py ews

cluster-binary: venv ## Compile the development cluster (4 minutes, once; kept in the user's cache folder)
	@$(DEVCLUSTER) build

.PHONY: lock
lock: venv ## Renew requirements/*.lock from pyproject.toml
	@for name in run dev tools; do \
	  case $$name in run) from=pyproject.toml;; dev) from='--group dev pyproject.toml';; tools) from=requirements/tools.in;; esac; \
	  $(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
	    --no-annotate --no-header $$from -o requirements/$$name.lock; done

## Development cluster (CLUSTER=current: use the kubeconfig context in place)
.PHONY: cluster-up cluster-down cluster-status
cluster-up: $(NODE) venv ## Start it; kubeconfig in .dev/kubeconfig
	@$(DEVCLUSTER) up

cluster-down: venv ## Stop it
	@$(DEVCLUSTER) down

cluster-status: venv ## Say whether it runs, and where
	@$(DEVCLUSTER) status

## Check and test
.PHONY: check lint types layers drift chart-lint go-check
check: lint types layers drift chart-lint go-check ## All checks that need no server

lint: venv ## ruff
	@$(BIN)/ruff check --quiet
	@$(BIN)/ruff format --check --quiet

types: venv ## mypy, strict
	@$(BIN)/mypy

layers: venv ## import-linter: the arrows of docs/architecture.md
	@$(BIN)/lint-imports --no-logo

drift: venv ## What is generated is fresh
	@$(BIN)/python -m support.generated --check

chart-lint: venv ## The Helm chart
	@$(PYTEST) -q tests/chart -m 'not apiserver and not e2e' -p no:cacheprovider

go-check: venv cluster-binary ## gofmt and go vet
	@$(DEVCLUSTER) vet

.PHONY: test unit integration e2e
test: machine setup ## Unit, integration and end-to-end tests
	@$(PYTEST) $(SIDE_BY_SIDE)

unit: venv ## Tests that need nothing else
	@$(PYTEST) -m 'not integration and not apiserver and not e2e'

integration: machine setup ## Tests against real mail servers and a real API server
	@$(PYTEST) $(SIDE_BY_SIDE) -m 'integration or apiserver'

e2e: machine setup ## Tests on the development cluster
	@$(PYTEST) -m e2e

.PHONY: score-diagnosis
score-diagnosis: venv ## How often diagnosis is right about real replies that are no samples of its rules
	@$(BIN)/python -m support.diagnosis_score

## Make things anew
.PHONY: generate golden format
generate: venv ## CRDs, chart's copies, reference and troubleshooting pages
	@$(BIN)/python -m support.generated

golden: machine setup ## Rewrite golden files; read the difference before committing it
	@GOLDEN=1 $(PYTEST) -q tests/unit tests/apiserver

format: venv ## Let ruff format and mend
	@$(BIN)/ruff check --fix --quiet; $(BIN)/ruff format --quiet

## Measure (each prints a table and, last, one JSON line)
.PHONY: bench-operator bench-fetch bench-reverify
bench-operator: machine setup ## 2,000 Mailboxes: ours, a minimal Go controller and kopf's handlers, interleaved
	@PYTHONPATH=bench/operator:tests $(BIN)/python -m operator_race

bench-reverify: machine setup ## 2,000 healthy mailboxes proven again, against a bare imaplib loop
	@PYTHONPATH=bench/reverify:bench/operator:tests $(BIN)/python -m reverify_race

bench-fetch: machine venv packages ## The fetcher against mbsync, mpop, getmail, fetchmail, offlineimap (ONLY=a,b for parts)
	@PYTHONPATH=bench/fetch:tests $(BIN)/python -m fetch_race $(if $(ONLY),--only $(ONLY)) $(if $(ROUNDS),--rounds $(ROUNDS))

demo demo-down drift generate score-diagnosis: export PYTHONPATH := tests
