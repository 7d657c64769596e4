# Two commands: `make explore` and `make test`. The rest serves those who work on the project.
PYTHON ?= python3
VENV ?= .venv
CONSTRAINTS ?= constraints.txt
PORT ?=
DATA ?=
TORCH_INDEX ?=
ARGS ?=

export VENV CONSTRAINTS PORT TORCH_INDEX
ifneq ($(DATA),)
export CORESET_DATA := $(abspath $(DATA))
endif

RUN := $(PYTHON) scripts/make.py

.PHONY: help explore test bench lint table notebooks clean
.DEFAULT_GOAL := help

help: ## say what there is
	@grep -E '^[a-z]+:.*## ' Makefile | sed -E 's/:.*## /\t/' | awk -F'\t' '{ printf "  make %-9s %s\n", $$1, $$2 }'
	@echo "Variables: PORT=8890, DATA=folder of datasets, TORCH_INDEX=another wheel index for torch, PYTHON=python3.12"

explore: ## install once, open JupyterLab at the first walkthrough, print its address
	@$(RUN) install panel
	@$(RUN) explore

test: ## install once with the test extras and a browser, run every test (ARGS="-k laws")
	@$(RUN) install panel,test
	@$(RUN) browser
	@$(RUN) python -m pytest -n 2 $(ARGS)

bench: ## measure; writes benchmarks/results/ (ARGS="benchmarks/one.py")
	@$(RUN) install panel,test,bench
	@for script in $(or $(ARGS),$(sort $(wildcard benchmarks/[a-z]*.py benchmarks/training/[a-z]*.py benchmarks/continual/[a-z]*.py))); do $(RUN) python "$$script" || exit 1; done

lint: ## ruff: lint and format, notebooks included; types of the rooms that pyproject.toml lists
	@$(RUN) install panel,test,lint
	@$(RUN) python -m ruff check .
	@$(RUN) python -m ruff format --check .
	@$(RUN) python -m basedpyright

table: ## write the registry's tables into README and CONTRIBUTING
	@$(RUN) install panel,test
	@$(RUN) python scripts/refresh.py table

notebooks: ## drop widget state and views of panels from the notebooks
	@$(RUN) install panel,test
	@$(RUN) python scripts/refresh.py notebooks

clean: ## remove the environment and what runs left behind (data/cache stays)
	rm -rf $(VENV) build *.egg-info .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
