# Two doors: `make demo` runs the main job, `make test` proves it. Each sets itself up.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test quick check format wheel clean lock

.venv/installed: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@

demo: .venv/installed
	$(BIN)/r1data demo

test: .venv/installed
	$(BIN)/python -m pytest

quick: .venv/installed
	$(BIN)/python -m pytest -m 'not slow'

check: .venv/installed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright
	$(BIN)/python -m pytest

format: .venv/installed
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

wheel: .venv/installed
	$(BIN)/python -m build --wheel

# Every package with the hashes of its files: `pip install --require-hashes -r requirements/lock.txt`.
lock: .venv/installed
	$(BIN)/python -m uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 \
	    --generate-hashes --no-emit-index-url --no-header --quiet --output-file requirements/lock.txt

clean:
	rm -rf dist .pytest_cache .ruff_cache .hypothesis
