# The project's commands. `make` lists them.
VENV := .venv
BIN := $(VENV)/bin
CORES ?= 2
ARGS ?=
RELEASE_TESTS := slow or browser or cluster or container
LOCKS := envs/measure.lock envs/workflow.lock

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help env dev demo example grid audit why prune doctor containers recipes image-locks test test-release test-soak test-system lint format lock docs gpu-check gpu-wheels clean-env

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

env: $(VENV)/.ready-run ## make the environment in .venv from the locks

demo: env ## run the demo study, on the CPU, to finished pages (CORES=2)
	$(BIN)/snakemake --profile profiles/demo --cores $(CORES) $(ARGS)

grid: env ## print the runs of config.yaml and their state (ARGS=profiles/demo/study.yaml)
	$(BIN)/python scripts/vlm.py grid $(ARGS)

audit: env ## print what the audits of config.yaml's finished runs found (ARGS=profiles/demo/study.yaml)
	$(BIN)/python scripts/vlm.py audit $(ARGS)

why: env ## print what changed of config.yaml's runs that are stale or missing (ARGS=profiles/demo/study.yaml)
	$(BIN)/python scripts/vlm.py why $(ARGS)

prune: env ## list results that no run of config.yaml asks for, and remove them after asking
	$(BIN)/python scripts/vlm.py prune $(ARGS)

doctor: env ## check this machine: driver, containers, SLURM, disk, caches, meters; how to repair each (ARGS=STUDY)
	$(BIN)/python scripts/vlm.py doctor $(ARGS)

containers: env ## build containers/*.sif with Apptainer and note them in containers/lock.yaml (ARGS=cpu for one)
	$(BIN)/python containers/build.py build $(ARGS)

recipes: env ## write containers/*.def and *.Dockerfile from containers/images.yaml
	$(BIN)/python containers/build.py recipes

image-locks: env ## write the images' locks with hashes, envs/cpu.lock and envs/cuda.lock
	$(BIN)/python containers/build.py lock

test-system: ## install what the tests of containers and clusters need (Debian and Ubuntu, root or sudo)
	envs/test-system.sh

example: demo ## copy the demo's pages to docs/example
	PYTHON=$(BIN)/python docs/make_example.sh results/demo docs/example

test: dev ## run the unit and workflow tests, in minutes (CORES=2, ARGS="-k NAME")
	$(BIN)/pytest -m "not ($(RELEASE_TESTS) or soak)" -n $(CORES) --dist worksteal $(ARGS)

test-release: dev ## run all other tests: clusters, containers, browsers, kills, full disks (after `make test-system`)
	$(BIN)/pytest -m "($(RELEASE_TESTS)) and not soak" -n $(CORES) --dist worksteal $(ARGS)

test-soak: dev ## run the longest tests: a cluster's faults, fifty kills, full-size models, long statistics
	$(BIN)/pytest -m soak $(ARGS)

lint: dev ## check formatting, code, types, rules, spelling and generated pages
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright
	$(BIN)/snakefmt --check Snakefile rules
	$(BIN)/snakemake --lint
	$(BIN)/codespell
	$(BIN)/python scripts/make_docs.py --check
	$(BIN)/python containers/build.py recipes --check

format: dev ## format all code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/snakefmt Snakefile rules

docs: env ## write docs/config.md, docs/config.schema.json and docs/metrics.md from the code
	$(BIN)/python scripts/make_docs.py

gpu-check: ## check on a GPU machine what was written for GPUs; docs/gpu-check.md (ARGS="--device cpu")
	$(or $(wildcard $(BIN)/python),python3) tools/gpu_check.py $(if $(wildcard gpu-wheels),--wheels gpu-wheels) $(ARGS)

gpu-wheels: env ## fetch what such a machine lacks, as wheels (ARGS="3.12 scipy": for Python 3.12, without scipy)
	envs/gpu-wheels.sh $(BIN)/python $(ARGS)

lock: dev ## write envs/*.lock from envs/*.in (ARGS=--upgrade for newer versions)
	envs/lock.sh $(BIN)/pip-compile $(ARGS)

clean-env: ## remove .venv
	rm -rf $(VENV)

dev: $(VENV)/.ready-dev

$(VENV)/.ready-run: $(LOCKS)
	envs/install.sh $(VENV) run $(LOCKS)

$(VENV)/.ready-dev: $(LOCKS) envs/dev.lock
	envs/install.sh $(VENV) dev $(LOCKS) envs/dev.lock
