# PrimeHub: `make run` starts it, `make test` tests it. Needs Linux, make and Python 3.11 or later with venv; the rest is fetched.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:

VENV := .venv
BIN := $(VENV)/bin
PORTAL := primehub_services/portal
LAB := labextension
BUILT := $(PORTAL)/static/index.html
LAB_BUILT := jupyter_primehub_ext/labextensions/@primehub/labextension/package.json
NPM := $(abspath $(BIN))/python -m primehub_services.cli.machine.node
# the first Python that is new enough; say another with: make run PYTHON=python3.13
PYTHON ?= $(firstword $(foreach p,python3 python3.13 python3.12 python3.11,$(shell $(p) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $(p))))
PORTAL_SOURCES := $(shell find $(PORTAL) -type f -not -path '*/node_modules/*' -not -path '*/static/*' -not -path '*/coverage/*' 2>/dev/null)
LAB_SOURCES := $(shell find $(LAB) -type f -not -path '*/node_modules/*' -not -path '$(LAB)/lib/*' 2>/dev/null)
PYTHON_SOURCES := hub_config primehub_spawner primehub_services jupyter_primehub_ext tests benchmarks scripts setup.py
PIP := PYTHONUNBUFFERED=1 $(BIN)/python -m pip install --disable-pip-version-check --progress-bar off
# of pip's many lines, those that show that it goes on
STEPS := n=0; while IFS= read -r line; do case "$$line" in \
  Collecting*) n=$$((n + 1)); if [ $$((n % 25)) = 0 ]; then echo "  found $$n packages"; fi ;; \
  "Installing collected"*) echo "  installing them" ;; \
  "Successfully installed"*) echo "  done" ;; esac; done
UNREACHED := { echo "It could not be installed. Does this machine reach the package registry?" \
  "(pip's and npm's own settings are used; then run make again)" >&2; exit 1; }
# flags of `primehub up`, as in: make run UP="--port 9000"
UP ?=
# arguments of pytest, as in: make test ARGS="tests/unit -k quota"
ARGS ?=
# of `make images`: a command that is given a name and the folder of a Dockerfile; and what to build, all of them unless said
BUILD ?= docker build -t
TAG ?= latest
REGISTRY ?=
IMAGES ?=
# of `make test-images`: what the names begin with that `make images` printed
MADE ?= $(if $(REGISTRY),$(REGISTRY)/)primehub

.PHONY: help
help: ## Show this help
	@echo "Targets:"
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  \1\t\2/' | expand -t 16

.PHONY: run
run: install portal labextension ## Start PrimeHub on this machine (flags: UP="--port 9000"); Ctrl-C stops it
	@exec $(BIN)/primehub up $(UP)

.PHONY: install
install: $(VENV)/.installed ## Make the environment in .venv

.PHONY: portal
portal: $(BUILT) ## Build the web pages

.PHONY: labextension
labextension: $(LAB_BUILT) ## Build what JupyterLab gets

.PHONY: test
test: $(VENV)/.tested portal labextension ## Run the tests (a part of them: ARGS="tests/unit -k quota")
	$(BIN)/python -m pytest $(ARGS)

.PHONY: test-portal
test-portal: $(PORTAL)/node_modules/.installed ## Check and test the web pages' own code
	cd $(PORTAL) && $(NPM) run lint && $(NPM) test

.PHONY: test-labextension
test-labextension: $(LAB)/node_modules/.installed ## Check and test the code of JupyterLab's extension
	cd $(LAB) && $(NPM) run lint && $(NPM) test

.PHONY: lint
lint: $(VENV)/.tested ## Check style, types and who imports whom
	$(BIN)/ruff check $(PYTHON_SOURCES)
	$(BIN)/ruff format --check $(PYTHON_SOURCES)
	$(BIN)/mypy
	$(BIN)/lint-imports

.PHONY: format
format: $(VENV)/.tested ## Mend style
	$(BIN)/ruff check --fix $(PYTHON_SOURCES)
	$(BIN)/ruff format $(PYTHON_SOURCES)

# of `make screens`: which pictures (all), how wide the window is, and the folder
ONLY ?=
WIDTH ?= 1280
SCREENS ?= docs/screens
.PHONY: screens
screens: $(VENV)/.tested portal ## Take the pictures of all pages in docs/screens (ONLY="home jobs" WIDTH=360 SCREENS=folder)
	@$(BIN)/python -m tests.screens --to "$(SCREENS)" --width "$(WIDTH)" $(if $(ONLY),--only $(ONLY))

.PHONY: build
build: $(VENV)/.tested portal labextension ## Make the wheel, with the web pages in it, in dist/
	$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir dist .
	@ls -1 dist/*.whl

.PHONY: images
images: build ## Build the container images (REGISTRY=registry.example.org TAG=latest BUILD="docker build -t" IMAGES="hub notebook")
	$(BIN)/python scripts/build_images.py --builder "$(BUILD)" --registry "$(REGISTRY)" --tag "$(TAG)" $(IMAGES)

.PHONY: test-images
test-images: $(VENV)/.installed ## Build the images that only tests need, after `make images` and like it
	$(BIN)/python scripts/build_images.py --folder tests/images --prefix primehub/test --builder "$(BUILD)" --registry "$(REGISTRY)" \
	  --tag "$(TAG)" "--build-arg=IMAGES=$(MADE)" "--build-arg=TAG=$(TAG)"

.PHONY: clean
clean: ## Remove what was built here; data folders stay
	rm -rf $(VENV) build dist *.egg-info $(PORTAL)/static $(PORTAL)/node_modules
	rm -rf jupyter_primehub_ext/labextensions $(LAB)/lib $(LAB)/node_modules

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "PrimeHub needs Python 3.11 or later, and there is none on PATH." >&2; \
	  echo "Install one, or say where it is: make run PYTHON=/path/to/python3.11" >&2; exit 1; }
	@echo "Making the environment $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
	  echo "Python's venv module is needed; on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }

# a package that is new at the top level has to be installed too
$(VENV)/.installed: setup.py pyproject.toml $(wildcard *_*/__init__.py) | $(VENV)/bin/python
	@echo "Installing PrimeHub and what it needs into $(VENV) (about a minute, once)"
	@$(PIP) --editable . | { $(STEPS); } || $(UNREACHED)
	@touch $@

$(VENV)/.tested: $(VENV)/.installed
	@echo "Installing the test tools into $(VENV) (once)"
	@$(PIP) --editable '.[test]' | { $(STEPS); } || $(UNREACHED)
	@touch $@

$(PORTAL)/node_modules/.installed $(LAB)/node_modules/.installed: %/node_modules/.installed: %/package.json %/package-lock.json | $(VENV)/.installed
	@echo "Installing what $* is built with (about a minute, once)"
	@cd $* && $(NPM) ci --no-audit --no-fund --no-update-notifier --loglevel=error >/dev/null || $(UNREACHED)
	@touch $@

$(BUILT): $(PORTAL_SOURCES) $(PORTAL)/node_modules/.installed
	@echo "Building the web pages"
	@cd $(PORTAL) && $(NPM) run --silent build -- --logLevel warn | cat  # no terminal, no animation
	@touch $@

$(LAB_BUILT): $(LAB_SOURCES) $(LAB)/node_modules/.installed
	@echo "Building what JupyterLab gets"
	@cd $(LAB) && { said=$$($(NPM) run --silent build 2>&1) || { echo "$$said" >&2; exit 1; }; }
	@touch $@
