# Everything that a developer or a machine does here has a name; `make` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
BIN := .venv/bin
MEMBERS := common microservices/generator microservices/router microservices/server-model microservices/analysis microservices/gateway sdk
SOURCES := $(addsuffix /src,$(MEMBERS))
ROUNDS ?= 10
SEEDS ?= 20000
KILLS ?= 200
SEED ?= 0
OVERLAY ?= dev
EXAMPLE ?= examples/balanced-fleet.yaml
# Test processes side by side; what a test needs in memory, not the cores, is the limit on large machines.
WORKERS ?= $(shell n=$$(getconf _NPROCESSORS_ONLN); echo $$((n > 8 ? 8 : n)))
PYTEST := $(BIN)/pytest --quiet

.PHONY: help setup demo lint lint-python lint-types lint-imports lint-shell lint-workflows lint-generated \
  format test test-quick browser servers soak simulate bench lock lint-locks docs guides diagrams wheels k8s-secrets \
  clean images push lint-dockerfiles lint-rules lint-kubernetes lint-version version lint-compose e2e e2e-k8s

help: ## list the commands
	@awk 'BEGIN {FS = ":.*## "; print "make COMMAND, where COMMAND is one of:\n"} \
	  /^[a-z0-9-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# --- start ---------------------------------------------------------------------------------------------------------

setup: ## create .venv with the headroom command and all tools (instant when nothing changed)
	@$(PYTHON) scripts/setup_environment.py

demo: setup ## simulate an example with 10 replications and write out/report.html
	@mkdir -p out
	@$(BIN)/headroom run $(EXAMPLE) --replications 10 --output out/report.html --output out/result.json
	@echo "The report is out/report.html: open it in a browser."

# --- check ---------------------------------------------------------------------------------------------------------

lint: lint-python lint-types lint-imports lint-shell lint-dockerfiles lint-workflows lint-rules lint-kubernetes lint-generated lint-locks lint-version lint-compose ## all checks that run no code of ours

lint-python: setup
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

lint-types: setup
	@$(BIN)/mypy $(SOURCES) scripts diagrams observability

lint-imports: setup
	@$(BIN)/lint-imports --no-logo

lint-shell: setup
	@$(BIN)/shellcheck .ci/run scripts/*.sh

lint-dockerfiles: setup
	@$(BIN)/hadolint microservices/*/Dockerfile

lint-workflows: setup
	@$(BIN)/zizmor --offline --no-progress --quiet .github

lint-compose: setup
	@$(BIN)/compose-lint check --quiet --strict-config --skip-suppressed --fail-on low docker-compose.yml 2>/dev/null

lint-rules: setup
	@command -v promtool >/dev/null || scripts/apt_install.sh prometheus
	@checked=$$(promtool check config observability/prometheus/prometheus.yaml 2>&1) || { echo "$$checked"; exit 1; }

lint-kubernetes: setup
	@PYTHONPATH=tests/kubernetes $(BIN)/python -m headroom_policies

lint-generated: setup
	@$(BIN)/python scripts/generate_scenario_docs.py --check
	@$(BIN)/python scripts/generate_event_docs.py --check
	@$(BIN)/python scripts/generate_api_docs.py --check
	@$(BIN)/python -m diagrams --check
	@$(BIN)/python -m observability --check

lint-locks: setup
	@$(BIN)/python -m scripts.lock --check

lint-version: setup
	@$(BIN)/python -m scripts.version --check

format: setup ## format the code and fix what can be fixed by itself
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

test: setup browser servers ## the full suite, kernels also as plain Python
	@scripts/with_engine.sh $(PYTEST) --numprocesses $(WORKERS)

test-quick: setup servers ## the suite without browsers, without containers and without the uncompiled run
	@$(PYTEST) --numprocesses $(WORKERS) -m "not browser and not uncompiled and not e2e"

e2e: setup ## build all images, bring everything up with Compose, run, kill, scale and remove it
	@scripts/with_engine.sh $(PYTEST) tests/e2e

e2e-k8s: setup ## rollouts, scaling and kills on the cluster of KUBECONFIG (HEADROOM_E2E_IMAGES=prefix/ HEADROOM_E2E_TAG=tag)
	@HEADROOM_E2E_K8S=require $(PYTEST) tests/cluster

soak: setup servers ## other generated examples (ROUNDS=10), simulated faults (SEEDS=20000), kills (KILLS=200), memory over ten minutes
	@for round in $$(seq $(ROUNDS)); do \
	  echo "round $$round of $(ROUNDS)"; \
	  HEADROOM_SOAK=2000 $(PYTEST) --numprocesses $(WORKERS) -m "hypothesis and not browser" --hypothesis-seed $$RANDOM$$RANDOM; \
	done
	@HEADROOM_SIMULATION_SEEDS=$(SEEDS) $(PYTEST) --numprocesses $(WORKERS) tests/simulation/test_seeds.py
	@HEADROOM_CHAOS_KILLS=$(KILLS) HEADROOM_CHAOS_SEED=$$RANDOM $(PYTEST) -s tests/integration/test_chaos.py -k whatever
	@HEADROOM_CHAOS_KILLS=$(KILLS) HEADROOM_CHAOS_SEED=$$RANDOM $(PYTEST) -s tests/integration/test_gateway_chaos.py
	@HEADROOM_OPENAPI_EXAMPLES=100 HEADROOM_OPENAPI_SEED=$$RANDOM $(PYTEST) -s tests/integration/test_gateway_openapi.py
	@HEADROOM_COVERAGE_RUNS=500 $(PYTEST) -s tests/theory/test_coverage.py
	@HEADROOM_ERLANG_CASES=50 $(PYTEST) -s tests/theory/test_capacity.py
	@HEADROOM_MEMORY_SECONDS=600 $(PYTEST) -s tests/integration/test_memory.py

simulate: setup ## play one seed of the fault simulator, every step told (SEED=4711)
	@PYTHONPATH=tests/simulation $(BIN)/python -m headroom_faults --seed $(SEED) --trace

browser:
	@scripts/browser.sh

servers:
	@scripts/servers.sh

bench: setup ## requests per second beside SimPy and AsyncFlow's figures; writes benchmarks/out/latest.json
	@$(BIN)/python -m benchmarks

wheels: setup ## build every wheel and try it in an environment of its own
	@$(BIN)/python -m scripts.check_wheels

# --- deploy --------------------------------------------------------------------------------------------------------

k8s-secrets: setup ## write random secrets, once, for an overlay of k8s/ (OVERLAY=dev)
	@$(BIN)/python -m scripts.make_secrets $(OVERLAY)

# --- generate ------------------------------------------------------------------------------------------------------

lock: setup ## compile the hashed requirement files from the pyproject.toml files
	@$(BIN)/python -m scripts.lock

docs: setup ## write what is generated in docs/: scenario reference, JSON Schema, lists of events and settings, AsyncAPI and OpenAPI documents; dashboards
	@$(BIN)/python scripts/generate_scenario_docs.py
	@$(BIN)/python scripts/generate_event_docs.py
	@$(BIN)/python scripts/generate_api_docs.py
	@$(BIN)/python -m observability

guides: setup ## run the commands of the guides in docs/ and put what they print and draw below them
	@$(BIN)/python -m scripts.run_guides

diagrams: setup ## write the diagrams' sources from the code and draw them (needs Graphviz, installed by apt)
	@scripts/apt_install.sh graphviz
	@$(BIN)/python -m diagrams

# --- images --------------------------------------------------------------------------------------------------------

# TAG=dev, IMAGE_PREFIX=headroom; the environment's PYTHON_IMAGE names another base.
images: setup ## build the images of all services into the local engine (TAG=dev, IMAGE_PREFIX=headroom)
	@$(BIN)/python -m scripts.images build --tag $(or $(TAG),dev) --prefix $(or $(IMAGE_PREFIX),headroom)

# TAG is the version, without v, that the commit is tagged with; REGISTRY as in scripts/release_images.sh, which it
# calls as the release workflow does: it needs skopeo, grype, and a builder that makes SBOMs. DRY_RUN=1 prints the commands.
push: setup ## build, scan and publish the images of a tagged commit (TAG=0.2.0, REGISTRY=registry.example/, DRY_RUN=1)
	@$(BIN)/python -m scripts.images push --tag $(or $(TAG),$(error TAG: expected a version such as 0.2.0)) $(if $(DRY_RUN),--dry-run)

# --- release -------------------------------------------------------------------------------------------------------

version: setup ## write the next version into every place that states it (VERSION=0.2.0); docs/releasing.md says what follows
	@$(BIN)/python -m scripts.version $(or $(VERSION),$(error VERSION: expected a version such as 0.2.0))
	@$(MAKE) setup docs
	@$(BIN)/python tests/golden/regenerate.py
	@$(BIN)/python -m diagrams

# --- housekeeping --------------------------------------------------------------------------------------------------

clean: ## remove everything that make and the tools wrote, the environment included
	@rm -rf .venv .venv.lock out dist benchmarks/out .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
