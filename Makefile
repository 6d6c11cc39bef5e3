# Thin: each target is one command, and the work is done by the scripts of images/.
.DEFAULT_GOAL := help
.PHONY: help up down erase test test-unit parity bench soak lint format
ARGS ?=

help: ## What can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

up: ## Set everything up and start it; run again, it brings up to date what changed
	@images/up.sh

down: ## Stop everything; the data stays
	@images/down.sh stop

erase: ## Stop everything and delete the data; asks first (YES=1 does not)
	@images/down.sh erase

test: ## All tests, on an installation of their own; ARGS="-k word" picks some, KEEP=1 leaves it running
	@images/test.sh $(ARGS)

test-unit: ## The tests that need no engine, database or browser
	@images/venv.sh test && .venv/bin/python -m pytest -m "not integration and not e2e" $(ARGS)

parity: ## Do the judge and grading in one process agree? ARGS="--corpus human-eval --jobs 4", or "--pairs FILE"
	@images/venv.sh test && .venv/bin/python bench/parity.py $(ARGS)

bench: ## Measure everything and write docs/performance.md; ARGS="--quick", "--long", "--only verdict,nbgrader"
	@images/venv.sh test && .venv/bin/python -m bench $(ARGS)

soak: ## 30 minutes under load with random faults; must end as it began; ARGS="--minutes 3" is shorter
	@images/venv.sh test && .venv/bin/python -m bench.soak $(ARGS)

lint: ## Format, lint and types, as a commit must have them
	@images/venv.sh test && .venv/bin/ruff format --check . && .venv/bin/ruff check . && .venv/bin/mypy

format: ## Bring the code into shape
	@images/venv.sh test && .venv/bin/ruff format . && .venv/bin/ruff check --fix .
