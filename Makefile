# Two commands do everything: `make demo` shows the product, `make test` proves it.
# The stamp files make a second run spend nothing on set-up.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test lint types docs bench calibrate lock clean help

help: ## list the commands
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/  /'

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.base: requirements/base.txt requirements/build.txt pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes \
	  -r requirements/build.txt -r requirements/base.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m compileall -q src # an editable install compiles nothing by itself
	@touch $@

$(VENV)/.test: requirements/test.txt $(VENV)/.base
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/test.txt
	@touch $@

demo: $(VENV)/.base ## run the main job offline on the embedded example
	@$(BIN)/tok quote llama-3.3-70b --preset chat --rps 3 --slo ttft_p95=1s,itl_p95=50ms --top 6

test: $(VENV)/.test ## run the tests
	@$(BIN)/python -m pytest -n 2

lint: $(VENV)/.test ## style of code
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

types: $(VENV)/.test ## strict types
	@$(BIN)/mypy

docs: $(VENV)/.test ## rewrite the generated pages
	@$(BIN)/python -m tools.make_docs && $(BIN)/python -m tools.examples

bench: $(VENV)/.test ## run the benchmarks and rewrite their results
	@for one in physics_speed start_time answer_time; do $(BIN)/python benchmarks/$$one.py || exit 1; done

CORPUS ?= ../shared/data/measurements/measurements.csv
CALIBRATED_ON ?= 2026-11-30
calibrate: $(VENV)/.test ## fit the constants to CORPUS again, bit for bit, and rewrite docs/accuracy.md
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m tools.calibrate $(CORPUS) $(CALIBRATED_ON)
	$(BIN)/python -m tools.accuracy $(CORPUS)

lock: ## resolve the pinned requirement files again (needs uv)
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header pyproject.toml -o requirements/base.txt
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header --group dev --extra charts --extra prices -c requirements/base.txt pyproject.toml -o requirements/test.txt
	echo hatchling editables | tr ' ' '\n' | uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header - -o requirements/build.txt

clean: ## remove the environment
	rm -rf $(VENV)
