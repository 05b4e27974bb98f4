# The state_dict cookbook. `make help` lists what there is.

PYTHON     ?= python3
VENV       ?= .venv
BUILD      ?= _build
SPHINXOPTS ?= -nW --keep-going
PORT       ?= 8000

# Recipes quote every path: it may contain spaces and whatever a shell reads in another way.
quote   = '$(subst ','\'',$(1))'
BIN    := $(call quote,$(VENV)/bin)
OUT    := $(call quote,$(BUILD))
SPHINX  = $(BIN)/python -m sphinx $(SPHINXOPTS)
$(foreach name,PYTHON VENV BUILD,$(if $($(name)),,$(error $(name) is empty: give it a value, or leave it out)))

.DEFAULT_GOAL := help
.PHONY: help html html-noplot serve linkcheck lint types quick test check coverage future verify pin new golden benchmark constraints audit inventories clean
.PHONY: .installed .installed-dev .build

help: ## Say what each target does
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "%-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# -- Installing ------------------------------------------------------------
# tools/environment.py looks at the environment each time, and installs a list when it has changed.

# Put into $$python one that runs, the environment's own or PYTHON.
define find-python
python=$(BIN)/python; "$$python" -c '' 2> /dev/null || { python=$(call quote,$(PYTHON)); \
  command -v "$$python" > /dev/null || { \
    echo "$$python is not there: install Python 3.11 or newer, or name one: make PYTHON=/path/to/python3.11"; exit 1; }; \
  "$$python" -c '' > /dev/null 2>&1 || { \
    echo "$$python does not run: install Python 3.11 or newer, or name one: make PYTHON=/path/to/python3.11"; exit 1; }; }; \
"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
  echo "$$python is $$("$$python" -V 2>&1): Python 3.11 or newer is needed; name one: make PYTHON=/path/to/python3.11"; exit 1; }
endef

# A PYTHON that was given is the one that the environment must have.
GIVEN := $(if $(filter file,$(origin PYTHON)),,--python $(call quote,$(PYTHON)))
environment = @$(find-python); "$$python" tools/environment.py $(GIVEN) $(call quote,$(VENV))

.installed:
	$(environment) requirements.txt

.installed-dev: .installed
	$(environment) requirements-dev.txt

# Only a folder with this tag, or _build, is removed by make clean. An empty one gets it.
.build:
	@mkdir -p -- $(OUT)
	@test -e $(OUT)/CACHEDIR.TAG || { test -z "$$(ls -A -- $(OUT))" || test $(OUT) = _build || { \
	  echo $(OUT)" is not empty, and make has not made it: name another folder, BUILD=..."; exit 1; }; \
	  printf 'Signature: 8a477f597d28d172789f06886806bc55\n# Made by make, removed by make clean\n' > $(OUT)/CACHEDIR.TAG; }

# -- The site --------------------------------------------------------------

html: .installed$(if $(EXECUTOR),-dev) .build ## Build the site into _build/html (JOBS=2, RECIPE=name to execute only that one)
	@$(SPHINX) -b html -d $(OUT)/doctrees . $(OUT)/html
	@echo Open $(OUT)/html/index.html

html-noplot: .installed .build ## Build the site into _build/html-noplot without executing anything
	@$(SPHINX) -b html -D plot_gallery=0 -d $(OUT)/doctrees-noplot . $(OUT)/html-noplot

serve: .installed-dev .build ## Build the site into _build/serve, serve it on this machine, build again when a file changes
	@$(BIN)/python -m sphinx_autobuild --port $(PORT) --ignore .git --ignore recipes --ignore $(or $(RECIPE_CACHE),.recipe_cache) \
	  --ignore $(OUT) --ignore $(call quote,$(VENV)) --re-ignore '/__pycache__/|~$$|\.sw[a-z]$$' \
	  -t serve -b html -d $(OUT)/serve/doctrees . $(OUT)/serve/html

linkcheck: .installed .build ## Check every link to another site (needs network)
	@$(SPHINX) -b linkcheck -d $(OUT)/doctrees . $(OUT)/linkcheck

inventories: .installed ## Fetch the API inventories anew (needs network)
	@$(BIN)/python tools/refresh_inventories.py

constraints: ## Pin anew what the requirements bring with them, in constraints.txt
	$(environment)
	@$(BIN)/python tools/constraints.py requirements-dev.txt constraints.txt

# Strict: a package that could not be looked up is not known to be good.
audit: .installed-dev .build ## Look for known vulnerabilities in what constraints.txt pins (needs network)
	@log=$(OUT)/audit.log; \
	$(BIN)/pip-audit --strict --no-deps --disable-pip --progress-spinner off -r constraints.txt > "$$log" 2>&1 || { \
	  if grep -qE "ConnectionError|ProxyError|SSLError|ConnectTimeout|ReadTimeout" "$$log"; then echo "Audit: no network, so the list of vulnerabilities cannot be reached; run make audit again where there is one"; \
	  elif grep -q "could not be audited" "$$log"; then echo "Audit: $$(grep -m1 -o 'Dependency.*could not be audited.*' "$$log") (all of it: $$log)"; \
	  else cat "$$log"; echo "Audit: raise the versions above in the requirements, then run make constraints"; fi; exit 1; }
	@echo "Audit: no known vulnerability in constraints.txt"

# -- The tests -------------------------------------------------------------

lint: .installed-dev ## Check style: ruff check, ruff format, spelling
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check . || { echo "run: "$(BIN)"/ruff format ."; exit 1; }
	@$(BIN)/codespell recipes_source _ext _static _templates tests tools conf.py index.rst errors.rst doctor.rst Makefile *.md

types: .installed-dev ## Check types, strict: mypy, and TypeScript for the scripts in _static/doctor
	@$(BIN)/mypy
	@$(BIN)/python tools/typescript/check.py

quick: lint types ## Lint, types, unit tests and one small site, in less than a minute
	@$(BIN)/python -m pytest -q -n auto tests/unit tests/project tests/upgrade tests/build/test_small.py

test: .installed-dev ## Run the tests (ARGS="-k name" picks some, ARGS="-n 0" runs one at a time)
	@$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder $(ARGS)

check: lint types coverage test ## Everything that decides whether a change lands

coverage: .installed-dev ## Measure what the quick tests cover of _ext; fails below the floor in pyproject.toml
	@$(BIN)/python -m pytest -q -n auto --cov --cov-report=term:skip-covered tests/unit tests/project tests/upgrade tests/build/test_small.py

verify: .installed-dev .build ## Run all recipes with another torch (TORCH=2.14.1); their pages say what it prints
	@echo "$$TORCH" | grep -qxE '[0-9]+\.[0-9]+\.[0-9]+' || { echo "Name a version: make verify TORCH=2.14.1"; exit 1; }
	@mkdir -p -- $(OUT)/verify/"$$TORCH"
	@$(BIN)/python tools/environment.py $(OUT)/verify/"$$TORCH"/venv
	@PYTHONPATH=_ext $(BIN)/python tests/verify.py "$$TORCH" $(OUT)/verify/"$$TORCH"

pin: ## Pin another torch (TORCH=2.14.1): requirements, constraints, address of its documentation, outputs
	@echo "$$TORCH" | grep -qxE '[0-9]+\.[0-9]+\.[0-9]+' || { echo "Name a version: make pin TORCH=2.14.1"; exit 1; }
	@sed -i.bak -E "s|^torch==.*|torch==$$TORCH|" requirements.txt
	@sed -i.bak -E "s|(docs\.pytorch\.org/docs/)[0-9.]+|\1$${TORCH%.*}|" conf.py
	@rm requirements.txt.bak conf.py.bak
	@$(MAKE) constraints golden

# The theme caps Sphinx, but only in its metadata: what it brings is installed first, Sphinx afterwards.
future: .build ## Build the site on the newest Sphinx and sphinx-gallery, in an environment of its own
	@rm -rf -- $(OUT)/future
	@$(find-python); "$$python" tools/environment.py $(GIVEN) $(OUT)/future/venv requirements.txt
	@echo "The newest Sphinx: pip names the theme's cap as a conflict, as is expected"
	@$(OUT)/future/venv/bin/python -m pip install --quiet --upgrade --upgrade-strategy eager Sphinx sphinx-gallery
	@$(OUT)/future/venv/bin/python -m pip list | grep -iE "^(sphinx|sphinx-gallery|docutils|pytorch_sphinx_theme2) "
	@RECIPE_CACHE=$(OUT)/future/cache $(OUT)/future/venv/bin/python -m sphinx $(SPHINXOPTS) -b html -d $(OUT)/future/doctrees . $(OUT)/future/html

benchmark: .installed-dev ## Measure against stock sphinx-gallery (two hours; ARGS="--sizes 30" is quick)
	@$(BIN)/python tests/benchmark/run.py $(ARGS)

new: ## Write a recipe to start from (NAME=my_recipe SECTION=training)
	@$(find-python); "$$python" tools/new_recipe.py "$$NAME" "$$SECTION"

golden: html ## Write the expected outputs of all recipes anew from the built site
	@$(BIN)/python tests/golden.py $(OUT)/html

clean: ## Remove everything that is built (not .venv)
	@test ! -e $(OUT) || test -e $(OUT)/CACHEDIR.TAG || test $(OUT) = _build || { \
	  echo $(OUT)" was not made by make, so it stays: remove it yourself"; exit 1; }
	rm -rf -- $(OUT) recipes .recipe_cache .pytest_cache
	find _ext recipes_source tests tools -name __pycache__ -prune -exec rm -rf {} +
