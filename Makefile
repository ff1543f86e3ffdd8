# Everything a user needs: `make help`.
PYTHON ?= python3
VENV := .venv
PYTHONS := 3.11 3.12 3.13
UV := uv==0.13.8
INSTALLED := $(VENV)/.installed
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
# The package index of pip's settings is uv's too.
ifdef PIP_INDEX_URL
export UV_DEFAULT_INDEX ?= $(PIP_INDEX_URL)
endif
ifdef PIP_EXTRA_INDEX_URL
export UV_INDEX ?= $(PIP_EXTRA_INDEX_URL)
endif
# Without this pyright asks the package index for a newer version of itself.
export PYRIGHT_PYTHON_IGNORE_WARNINGS := 1
.DEFAULT_GOAL := help

help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1	/p' Makefile | expand -t 14

repro: $(INSTALLED)  ## run every stage that is not up to date, and show which claims hold
	snakemake --cores all
	@difflab track || true   # an unreachable MLflow store is not an error
	@difflab verify || true   # a failed claim is not an error: the exit status is that of the pipeline
	@printf '%s\n' '' 'Next:' \
	    '  report/index.html   all figures and metrics on one page' \
	    '  difflab results     the files that were made' \
	    '  make ui             the runs in MLflow'

install: $(INSTALLED)  ## install into .venv, run nothing

ui: $(INSTALLED)  ## upload the runs and serve MLflow at http://127.0.0.1:5000
	@difflab track
	case "$$MLFLOW_TRACKING_URI" in \
	    http*) echo "the server of MLFLOW_TRACKING_URI has the pages: $$MLFLOW_TRACKING_URI" ;; \
	    *) mlflow ui --backend-store-uri $${MLFLOW_TRACKING_URI:-sqlite:///mlflow.db} ;; \
	esac

plots: $(INSTALLED)  ## plot loss curves and figures of HEAD next to those in the working folder: dvc_plots/index.html
	dvc plots diff

test: $(INSTALLED)  ## run all tests
	pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

test-cluster: $(INSTALLED)  ## run the tests that start SLURM, PostgreSQL, MLflow, SSH and S3 servers on this machine, as root
	pytest -m cluster tests/cluster -rs

pretrained: $(INSTALLED)  ## retrain the models of pretrained/, which takes hours: DATA=FOLDER with faces/
	python -m pretrained.make --data $(DATA)
	python -m pretrained.face_quality --data $(DATA)

soak: $(INSTALLED)  ## kill small stages at 200 random times, start 50 of them twice, and compare the results byte for byte
	python -m tests.robustness.soak --kills 200 --pairs 50

bench: $(INSTALLED)  ## measure the speed compared with diffusers, and the overhead of DVC
	python -m bench.speed
	python -m bench.orchestration

docs: $(INSTALLED)  ## build the website of README.md and docs/: site/index.html
	NO_MKDOCS_2_WARNING=1 mkdocs build --strict --quiet

lint: $(INSTALLED)  ## check style and types
	ruff check
	ruff format --check
	lint-imports
	pyright

lock: $(VENV)/bin/uv  ## update requirements.lock from pyproject.toml; locked versions stay
	uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --no-header --no-annotate -o requirements.lock --quiet
	sed -i '/^\(cuda\|nvidia\|triton\)\b/d' requirements.lock   # each build of torch pins its own, a CPU build none
	for python in $(PYTHONS); do \
	    uv pip compile pyproject.toml --group dev --constraint requirements.lock --python-version $$python > /dev/null || exit 1; \
	done

# PIP_FIND_LINKS is pip's; uv does not read it. TORCH: a backend of uv, such as cpu or cu128; none: PyPI's build for CUDA.
# Compiling all packages takes a minute of two cores, so imports compile what they load unless Python must not write it.
$(INSTALLED): requirements.lock pyproject.toml | $(VENV)/bin/uv
	uv pip install $(if $(PYTHONDONTWRITEBYTECODE),--compile-bytecode) $(addprefix --torch-backend ,$(TORCH)) $(addprefix --find-links ,$(PIP_FIND_LINKS)) --build-constraint requirements.lock -r requirements.lock -e .
	@touch $@
	@echo "installed: \`source $(VENV)/bin/activate\` makes difflab, dvc and snakemake commands of this shell"

$(VENV)/bin/uv:
	$(PYTHON) -m venv $(VENV)
	pip install --quiet $(UV)

.PHONY: pretrained help install repro ui plots test test-cluster bench docs lint lock
