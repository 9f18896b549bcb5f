# Two commands: `make run` serves, `make test` checks everything. The others are what they stand on.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
APT_PACKAGES := chromium fonts-noto-cjk

.PHONY: run install test test-tools check spring bench bench-full catalogs clean migrate

run: install
	$(BIN)/dujuan serve

install: $(VENV)/.installed

$(VENV)/.installed: requirements.lock pyproject.toml
	test -x $(BIN)/pip || $(PYTHON) -m venv --clear $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

test-tools: $(VENV)/.test-tools
	@command -v chromium >/dev/null && fc-list 2>/dev/null | grep -qi 'noto.*cjk' || \
	  { if [ "$$(id -u)" = 0 ]; then apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(APT_PACKAGES) fontconfig; \
	    else sudo apt-get update -qq && sudo DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(APT_PACKAGES) fontconfig; fi; }

$(VENV)/.test-tools: $(VENV)/.installed requirements-test.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-test.lock
	touch $@

check: $(VENV)/.test-tools
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pytest -q tests/test_architecture.py

test: test-tools check
	$(BIN)/pytest -q -n 2 --dist loadgroup

spring: test-tools
	$(BIN)/pytest -q -s -n 2 --dist loadgroup -m season tests/flows

bench: $(VENV)/.test-tools
	$(BIN)/python -m tests.bench
	$(BIN)/python -m tests.planner_bench

bench-full: $(VENV)/.test-tools
	$(BIN)/python -m tests.bench
	$(BIN)/python -m tests.planner_bench --full

catalogs: $(VENV)/.test-tools
	$(BIN)/python -m tests.catalogs

migrate: install
	$(BIN)/dujuan migrate

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
