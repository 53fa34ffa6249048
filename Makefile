# Commands for development. Each first installs what is missing into .local.
PYTHON ?= python3
VENV := .local/venv/bin
# When this make began, in seconds since 1970: `make dev` counts the setup into the time until it is ready.
STARTED_AT := $(shell date +%s)
# How many test processes run at once, each with a stack of its own.
WORKERS ?= 2
# With GNU make 4: print the output of each parallel target as one block.
GROUPED := $(if $(filter output-sync,$(.FEATURES)),--output-sync=target)

.DEFAULT_GOAL := help
.PHONY: help setup dev check test test-engine test-postgres15 walkthrough lint ruff mypy sqlfluff squawk unit format bench measure faults pictures \
  types docs names demo reset

help: ## Lists the commands.
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "make %-15s %s\n", $$1, $$2 }' Makefile

setup: ## Installs what is missing into .local. The other commands run it first.
	@$(PYTHON) local/install/setup.py

dev: setup ## Runs the local stack and the service until Ctrl-C.
	@MAKE_STARTED_AT=$(STARTED_AT) $(VENV)/python -m local dev --with-parent

check: setup ## Runs the linters and the unit tests, in less than a minute.
	@started=$$(date +%s); \
	$(MAKE) --no-print-directory -j2 $(GROUPED) sqlfluff mypy unit ruff squawk || exit 1; \
	echo "make check took $$(($$(date +%s) - started)) s."

test: setup ## Runs all tests (30 minutes on two cores), and prints how far it is.
	@$(VENV)/python -m pytest --numprocesses=$(WORKERS) --dist=loadfile --no-loadscope-reorder

test-engine: setup ## Runs the database tests on PostgreSQL 17 with the real pg_cron, and the Supabase CLI's linters (root on Linux).
	@$(VENV)/python -m local engine

test-postgres15: setup ## Pushes the migrations to PostgreSQL 15 and runs the database tests there (Linux, macOS; downloads 20 MB once).
	@$(VENV)/python -m local postgres15

walkthrough: ## Runs the quick start in a clean clone with an empty home folder, then the demo, the smoke test and make test.
	@bash tests/e2e/quick_start.sh

lint: setup ## Runs ruff, mypy, sqlfluff and squawk.
	@$(MAKE) --no-print-directory -j2 $(GROUPED) sqlfluff mypy ruff squawk

ruff:
	@$(VENV)/ruff check
	@$(VENV)/ruff format --check

mypy:
	@$(VENV)/mypy

sqlfluff:
	@$(VENV)/sqlfluff lint --disable-progress-bar --processes 2 supabase local

squawk:
	@$(VENV)/squawk supabase/migrations/*.sql

unit:
	@$(VENV)/python -m pytest -q tests/unit

format: setup ## Formats the Python code.
	@$(VENV)/ruff check --fix
	@$(VENV)/ruff format

bench: setup ## Measures throughput and latency, as ratios within one run; BASELINE=<path> compares with another checkout.
	@$(VENV)/python -m benchmarks $(if $(BASELINE),--baseline "$(BASELINE)")

measure: setup ## Measures how your samples of errors are classified, grouped and redacted: SAMPLES="<file> …".
	@$(VENV)/python -m benchmarks.samples $(SAMPLES)

faults: setup ## Runs the whole matrix of faults with the full numbers, and 10,000 malformed requests (most of an hour).
	@FAULT_MATRIX=full MALFORMED_REQUESTS=10000 $(VENV)/python -m pytest -q -s tests/faults/test_fault_matrix.py \
	  tests/security/test_malformed_requests.py

pictures: setup ## Redraws the pictures of all pages in docs/ (needs Chromium).
	@$(VENV)/python -m tests.browser.pictures

types: setup ## Writes supabase/types.ts from the migrations.
	@$(VENV)/python -m local types

names: setup ## Writes the names of all objects into the first migration, which compares them with the project's.
	@$(VENV)/python -m local names

docs: setup ## Writes docs/sql-api.md from the catalog of a temporary database.
	@$(VENV)/python -m local docs

demo: setup ## Fills the running `make dev` with a day of an invented shop, and says where to look.
	@$(VENV)/python -m local demo

reset: setup ## Deletes the data, secrets and logs of `make dev`.
	@$(VENV)/python -m local reset
