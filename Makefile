# Two commands do everything on a machine with Python 3.11+ and git: `make demo` and `make test`.

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/ready
DATE ?= $(shell date +%F)

.DEFAULT_GOAL := help
.PHONY: help demo test check soak contracts chaos bench lock format

help: ## what there is
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "vefa needs Python 3.11 or newer: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	$(BIN)/python -m compileall -q -j 0 .venv/lib/python3*/site-packages/prefect vefa flows tasks || true
	@touch $(READY)

demo: $(READY) ## set up, then 120 days of a made-up shop: messages as files in var/demo, nothing leaves the machine
	$(BIN)/vefa demo

test: $(READY) ## set up, then all tests
	$(BIN)/python -m pytest -n auto --dist worksteal

check: $(READY) ## the whole gate: format, lint, types, imports, tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/vefa check
	$(BIN)/python -m pytest -n auto --dist worksteal
	@echo "All right 👍"

soak: $(READY) ## many rounds of what the tests draw at random and of races between two processes
	SOAK=1 $(BIN)/python -m pytest -n auto --dist worksteal $(or $(WHAT),tests/races tests/shops)

contracts: $(READY) ## our requests and stand-ins against the providers' OpenAPI files: make contracts SPECS=a-folder
	@$(BIN)/python -m tests.contracts.prepare "$(or $(SPECS),$(VEFA_SPECS))"
	$(BIN)/python -m pytest tests/contracts/against_specs.py

chaos: $(READY) ## kill the sending process 200 times and do worse, on both databases; fewer: make chaos KILLS=20 FAULTS=1
	$(BIN)/python -m tests.chaos --kills $(or $(KILLS),200) --faults $(or $(FAULTS),5) --seed $(or $(SEED),1)

bench: $(READY) ## measure every goal beside its named peers and write bench/RESULTS.md
	$(BIN)/python -m bench --date $(DATE)

format: $(READY) ## put the code into shape
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: $(READY) ## resolve all dependencies anew; needs uv
	uv pip compile pyproject.toml --extra dev --extra build --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-annotate --no-header --quiet -o requirements.lock
	uv pip compile pyproject.toml --extra build --constraints requirements.lock --universal \
	  --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header --quiet \
	  -o requirements.run.lock
