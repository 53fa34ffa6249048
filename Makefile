# The two commands: `make dev` runs everything on this machine, `make test` proves it. Both set up what is missing.
PYTHON ?= python3
VENV := .local/venv/bin

.DEFAULT_GOAL := help
.PHONY: help setup dev test test-engine lint format bench types docs demo reset walkthrough

help: ## Says what there is.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' Makefile

setup: ## Installs what is missing into .local. The other commands run it first.
	@$(PYTHON) local/install/setup.py

dev: setup ## Runs the embedded Supabase and the service until Ctrl-C.
	@$(VENV)/python -m local dev --with-parent

test: setup ## Runs every test.
	@$(VENV)/python -m pytest

test-engine: setup ## Runs the tests on PostgreSQL 17 with the real pg_cron, and the Supabase CLI's linters (needs root on Linux).
	@$(VENV)/python -m local engine

walkthrough: ## Goes a stranger's way: fresh clone, empty home, make dev, curl, page, demo, smoke test, make test.
	@bash tests/e2e/walkthrough.sh

lint: setup ## ruff, mypy, sqlfluff and squawk.
	@$(VENV)/ruff check
	@$(VENV)/ruff format --check
	@$(VENV)/mypy
	@$(VENV)/sqlfluff lint --disable-progress-bar supabase local
	@$(VENV)/squawk supabase/migrations/*.sql

format: setup ## Formats the Python code.
	@$(VENV)/ruff check --fix
	@$(VENV)/ruff format

bench: setup ## Measures the way of an event and the health checks.
	@$(VENV)/python -m benchmarks

types: setup ## Writes supabase/types.ts from the migrations.
	@$(VENV)/python -m local types

docs: setup ## Writes docs/sql-api.md from the catalog of a database.
	@$(VENV)/python -m local docs

demo: setup ## Sends signed sample webhooks to the running `make dev` and prints the resulting incident.
	@$(VENV)/python -m local demo

reset: setup ## Removes the data, secrets and logs of `make dev`.
	@$(VENV)/python -m local reset
