# The state_dict cookbook. `make help` lists what there is.

PYTHON     ?= python3
VENV       ?= .venv
BUILD      ?= _build
SPHINXOPTS ?= -nW --keep-going
PORT       ?= 8000

BIN    := $(VENV)/bin
SPHINX  = $(BIN)/python -m sphinx $(SPHINXOPTS)

.DEFAULT_GOAL := help
.PHONY: help html html-noplot serve linkcheck lint types quick test check coverage future new golden benchmark constraints audit inventories clean

help: ## Say what each target does
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

# -- Installing ------------------------------------------------------------
# Each stamp is younger than the lists that it was installed from, so nothing is done twice.

$(BIN)/python:
	@command -v $(PYTHON) > /dev/null || { \
	  echo "$(PYTHON) is not there: install Python 3.11 or newer, or name one: make PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -V > /dev/null 2>&1 || { \
	  echo "$(PYTHON) does not run: install Python 3.11 or newer, or name one: make PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "$(PYTHON) is $$($(PYTHON) -V 2>&1): Python 3.11 or newer is needed; name one: make PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -m venv $(VENV) 2> /dev/null > /dev/null || { rm -rf $(VENV); \
	  echo "$(PYTHON) cannot make $(VENV): see that there is space and that its venv module is installed (on Debian: python3-venv)"; exit 1; }

# $(call install,LIST): one line says what went wrong, pip's own words are in the log.
define install
@echo "Installing $(1) into $(VENV)"
@$(BIN)/python -m pip install --disable-pip-version-check --quiet -r $(1) -c constraints.txt > $(VENV)/install.log 2>&1 || { \
  if grep -qi "no space left" $(VENV)/install.log; then echo "Installing $(1): the disk is full; free 2 GB and run make again"; \
  elif grep -qiE "connection|name resolution|timed out|network" $(VENV)/install.log; then echo "Installing $(1): no network, so the package registry cannot be reached; run make again where there is one"; \
  else echo "Installing $(1) failed: $$(grep -m1 ERROR $(VENV)/install.log) (all of it: $(VENV)/install.log)"; fi; exit 1; }
@touch $@
endef

$(VENV)/.installed: requirements.txt constraints.txt | $(BIN)/python
	$(call install,requirements.txt)

$(VENV)/.installed-dev: requirements-dev.txt constraints.txt $(VENV)/.installed
	$(call install,requirements-dev.txt)

# -- The site --------------------------------------------------------------

html: $(VENV)/.installed$(if $(EXECUTOR),-dev) ## Build the site into _build/html (JOBS=2, RECIPE=name to execute only that one)
	@$(SPHINX) -b html -d $(BUILD)/doctrees . $(BUILD)/html
	@echo "Open $(BUILD)/html/index.html"

html-noplot: $(VENV)/.installed ## Build the site into _build/html-noplot without executing anything
	@$(SPHINX) -b html -D plot_gallery=0 -d $(BUILD)/doctrees-noplot . $(BUILD)/html-noplot

serve: $(VENV)/.installed-dev ## Build the site into _build/serve, serve it on this machine, build again when a file changes
	@$(BIN)/python -m sphinx_autobuild --port $(PORT) --ignore .git --ignore recipes --ignore $(or $(RECIPE_CACHE),.recipe_cache) \
	  --ignore $(BUILD) --ignore $(VENV) --re-ignore '/__pycache__/|~$$|\.sw[a-z]$$' \
	  -t serve -b html -d $(BUILD)/serve/doctrees . $(BUILD)/serve/html

linkcheck: $(VENV)/.installed ## Check every link to another site (needs network)
	@$(SPHINX) -b linkcheck -d $(BUILD)/doctrees . $(BUILD)/linkcheck

inventories: $(VENV)/.installed ## Fetch the API inventories anew (needs network)
	@$(BIN)/python tools/refresh_inventories.py

constraints: ## Pin anew what the requirements bring with them, in constraints.txt
	@rm -rf $(BUILD)/constraints && $(PYTHON) -m venv $(BUILD)/constraints
	@$(BUILD)/constraints/bin/python -m pip install --quiet -r requirements-dev.txt
	@{ echo "# What requirements.txt and requirements-dev.txt bring with them, pinned by: make constraints"; \
	  $(BUILD)/constraints/bin/python -m pip freeze --all | sed '/^pip==/d; s/+cpu$$//'; } > constraints.txt

# Strict: a package that could not be looked up is not known to be good.
audit: $(VENV)/.installed-dev ## Look for known vulnerabilities in what constraints.txt pins (needs network)
	@mkdir -p $(BUILD)
	@$(BIN)/pip-audit --strict --no-deps --disable-pip --progress-spinner off -r constraints.txt > $(BUILD)/audit.log 2>&1 || { \
	  if grep -qE "ConnectionError|ProxyError|SSLError|ConnectTimeout|ReadTimeout" $(BUILD)/audit.log; then echo "Audit: no network, so the list of vulnerabilities cannot be reached; run make audit again where there is one"; \
	  elif grep -q "could not be audited" $(BUILD)/audit.log; then echo "Audit: $$(grep -m1 -o 'Dependency.*could not be audited.*' $(BUILD)/audit.log) (all of it: $(BUILD)/audit.log)"; \
	  else cat $(BUILD)/audit.log; echo "Audit: raise the versions above in the requirements, then run make constraints"; fi; exit 1; }
	@echo "Audit: no known vulnerability in constraints.txt"

# -- The tests -------------------------------------------------------------

lint: $(VENV)/.installed-dev ## Check style: ruff check, ruff format, spelling
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check . || { echo "run: $(BIN)/ruff format ."; exit 1; }
	@$(BIN)/codespell recipes_source _ext _static _templates tests tools conf.py index.rst errors.rst Makefile *.md

types: $(VENV)/.installed-dev ## Check types: mypy, strict
	@$(BIN)/mypy

quick: lint types ## Lint, types, unit tests and one small site, in less than a minute
	@$(BIN)/python -m pytest -q tests/unit tests/project tests/upgrade tests/build/test_small.py

test: $(VENV)/.installed-dev ## Run the tests (ARGS="-k name" picks some, ARGS="-n 0" runs one at a time)
	@$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder $(ARGS)

check: lint types test ## Everything that decides whether a change lands

coverage: $(VENV)/.installed-dev ## Measure the coverage of _ext by the tests; fails below the floor in pyproject.toml
	@$(BIN)/python -m pytest -q -n auto --cov --cov-report=term:skip-covered tests/unit tests/project tests/upgrade tests/build/test_small.py

# The theme caps Sphinx, but only in its metadata: what it brings is installed first, Sphinx afterwards.
future: ## Build the site on the newest Sphinx and sphinx-gallery, in an environment of its own
	@rm -rf $(BUILD)/future && $(PYTHON) -m venv $(BUILD)/future/venv
	@$(BUILD)/future/venv/bin/python -m pip install --quiet -r requirements.txt -c constraints.txt
	@$(BUILD)/future/venv/bin/python -m pip install --quiet --upgrade Sphinx sphinx-gallery
	@$(BUILD)/future/venv/bin/python -m pip list | grep -iE "^(sphinx|sphinx-gallery|docutils) "
	@RECIPE_CACHE=$(BUILD)/future/cache $(BUILD)/future/venv/bin/python -m sphinx -n --keep-going -b html -d $(BUILD)/future/doctrees . $(BUILD)/future/html

benchmark: $(VENV)/.installed-dev ## Measure against stock sphinx-gallery (two hours; ARGS="--sizes 30" is quick)
	@$(BIN)/python tests/benchmark/run.py $(ARGS)

new: | $(BIN)/python ## Write a recipe to start from (NAME=my_recipe SECTION=training)
	@$(BIN)/python tools/new_recipe.py "$$NAME" "$$SECTION"

golden: html ## Write the expected outputs of all recipes anew from the built site
	@$(BIN)/python tests/golden.py $(BUILD)/html

clean: ## Remove everything that is built (not .venv)
	rm -rf $(BUILD) recipes .recipe_cache .pytest_cache
	find _ext recipes_source tests tools -name __pycache__ -prune -exec rm -rf {} +
