# Two commands do everything on a fresh machine: `make demo` and `make test`.
# `make help` lists the rest.

# The first that runs (a name on the path may be a shim of a version that is not chosen).
PYTHON ?= $(or $(shell for p in python3 python3.13 python3.12 python3.11; do $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done),python3)
BIN := .venv/bin
DEMO := demo
WORKERS := 2
SLIDES ?= ./slides
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help setup demo app test test-all lint format docs index clean

help:  ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

.venv/installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "georetrieve needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Name another with: make PYTHON=python3.12 ...")'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "Installing georetrieve and what it needs into .venv (PyTorch is large: a few minutes) ..."
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@

setup: .venv/installed  ## make the environment in .venv (quick when it is there)

demo: setup  ## sample slides → index → search → map → benchmark → pictures to look at
	@rm -rf $(DEMO)
	$(BIN)/georetrieve samples $(DEMO)/slides
	$(BIN)/georetrieve index $(DEMO)/slides --index $(DEMO)/samples --labels $(DEMO)/slides-truth/labels.csv
	$(BIN)/georetrieve search $(DEMO)/samples $(DEMO)/slides/crops/chorate_cyst/chorate_cyst_000.png --where "kind = 'specimen'" --save $(DEMO)/neighbours.png --save $(DEMO)/neighbours.html
	$(BIN)/georetrieve segment predict $(DEMO)/slides/section_00_granite_ppl.png $(DEMO)/slides/section_00_granite_xpl.png --views ppl,xpl --um-per-px 2 --clicks $(DEMO)/slides-truth/section_00_granite_clicks.csv -o $(DEMO)/maps
	$(BIN)/georetrieve bench retrieval $(DEMO)/samples --out $(DEMO)/samples/reports/first
	@echo
	@echo "Look at:  $(DEMO)/neighbours.png  $(DEMO)/neighbours.html  $(DEMO)/maps/section_00_granite_overlay.png  $(DEMO)/samples/reports/first/report.html"
	@echo "Go on in the browser:  make app"

app: setup  ## the page over the sample slides of the demo
	@test -d $(DEMO)/samples || $(MAKE) demo
	$(BIN)/georetrieve app $(DEMO)/samples

# Two tests at a time, each with one thread: more threads than processors wait for each other.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadfile

test: setup  ## the tests, without those marked slow
	$(PYTEST)

test-all: setup  ## the tests, slow ones too
	$(PYTEST) -m ""

lint: setup  ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: setup  ## let ruff put the code in order
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: setup  ## write docs/commands.md anew
	$(BIN)/typer georetrieve.cli.app utils docs --name georetrieve --title Commands > docs/commands.md

index: setup  ## index a folder: make index SLIDES=path/to/folder
	$(BIN)/georetrieve index "$(SLIDES)"

clean:  ## remove what demo and tests left (the environment and your indexes stay)
	rm -rf $(DEMO) .pytest_cache .mypy_cache .ruff_cache build *.egg-info
