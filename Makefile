# Everything that is done here more than once. `make help` lists it.
# PYTHON=python3.12 chooses the interpreter, ARGS="--share" goes to what is run.

PYTHON ?= python3
ARGS ?=
VENV := .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help run test check format fast bench gpu-check train-data train train-eval editor clean

help:  ## show this list
	@sed -n 's/^\([a-z-]*\): .*## /\1\t/p' Makefile | expand -t 12

run: $(VENV)/.installed  ## serve on http://127.0.0.1:7860; ARGS="--help" lists the settings
	$(BIN)/python app.py $(ARGS)

test: check  ## every check and every test; finds or installs a Chromium for the browser tests
	$(BIN)/python -m tests.browser.chromium || true
	$(BIN)/python -m pytest $(ARGS)

check: $(VENV)/.installed-dev  ## lint, formatting and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/.installed-dev  ## put the code into shape
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

fast: $(VENV)/.installed-dev  ## the tests that need neither a model, nor a browser, nor a network
	$(BIN)/python -m pytest -m "not real and not slow and not browser and not space" $(ARGS)

bench: $(VENV)/.installed-dev  ## measure; benchmarks/README.md says what
	$(BIN)/python -m benchmarks $(ARGS)
	$(BIN)/python -m benchmarks.routes $(ARGS)

gpu-check: $(VENV)/.installed-dev  ## on a card: a random 15.5B model, memory and speed, 31 GB of disk
	$(BIN)/python -m benchmarks.gpu_check $(ARGS)

train-data: $(VENV)/.installed  ## sources that the infill adapter learns from, into the cache
	$(BIN)/python -m training.data

train: $(VENV)/.installed  ## go on training the infill adapter; ARGS="--minutes 120"
	nice -n 19 $(BIN)/python -m training.train $(ARGS)

train-eval: $(VENV)/.installed  ## judge it on held-out code; ARGS="--gaps 400"
	$(BIN)/python -m training.evaluate $(ARGS)

editor:  ## bundle the page's code editor anew; needs Node, npm and their registry
	cd ui/editor_component && npm ci && npm run build

clean:  ## remove the environment and what the tools left; the user's cache stays
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis test-results ui/editor_component/node_modules
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Stamps are written last, so that an interrupted installation is taken up again.
$(VENV)/.created:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
		|| { echo "$(PYTHON) is missing or not Python 3.11 to 3.13." \
			"Name one that is: make run PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' \
		|| { echo "$(PYTHON) has no venv. On Debian: apt-get install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)
	@touch $@

$(VENV)/.installed: requirements.txt $(VENV)/.created
	$(BIN)/python -m pip install --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/.installed-dev: requirements-dev.txt requirements.txt $(VENV)/.created
	$(BIN)/python -m pip install --disable-pip-version-check -r requirements-dev.txt
	@touch $@ $(VENV)/.installed
