# Conclave: every command a developer, an operator or CI needs. Bare `make` prints them.

MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help
BIN := .venv/bin
export PYTHON  # PYTHON=/path/to/python3.12 decides which interpreter makes .venv
RUN_ARGS ?=
BENCH_ARGS ?=
PYTEST_ARGS ?=
# Questions per route beside those that cover its schema once; the same seed asks the same ones.
FUZZ_EXAMPLES ?= 5
FUZZ_SEED ?= 1
# Whatever needs a server, real processes or patience is a suite of its own.
QUICK := not clients and not system and not postgres and not redis and not slow and not fuzz \
  and not exhaustive

##@ Start

.PHONY: help
help: ## Print this list
	@awk 'BEGIN {FS = ":.*## "} \
	  /^##@ / {printf "\n%s\n", substr($$0, 5)} \
	  /^[a-z0-9-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: run
run: .environment-run ## Start Conclave on 127.0.0.1:8000 (CONCLAVE_PORT, CONCLAVE_CONFIG)
	@exec $(BIN)/conclave run $(RUN_ARGS)

.PHONY: install
install: .environment-dev ## Create or update .venv for development

##@ Test

.PHONY: test
test: .environment-dev ## Everything: checks, unit tests, system tests; with CI=true the slow suites too
	@$(BIN)/python scripts/test_summary.py

.PHONY: test-unit
test-unit: .environment-dev ## Tests without servers or real processes (PYTEST_ARGS="-k name")
	@$(BIN)/pytest -n auto -m "$(QUICK)" $(PYTEST_ARGS)

.PHONY: test-system
test-system: .environment-dev ## The real processes on loopback, driven with the OpenAI SDK
	@$(BIN)/pytest -m "system and not slow" $(PYTEST_ARGS)

.PHONY: test-postgres
test-postgres: .environment-dev ## Whatever is kept, on a real PostgreSQL started for the tests
	@$(BIN)/pytest -n auto -m "postgres and not system" $(PYTEST_ARGS)

.PHONY: test-fuzz
test-fuzz: .environment-dev ## Generated questions at every route (FUZZ_EXAMPLES=300 FUZZ_SEED=7 for 10,000)
	@FUZZ_EXAMPLES=$(FUZZ_EXAMPLES) FUZZ_SEED=$(FUZZ_SEED) $(BIN)/pytest -m fuzz -s $(PYTEST_ARGS)

.PHONY: test-slow
test-slow: .environment-dev ## What the quick and the system suite leave out because it takes long
	@$(BIN)/pytest -n auto -m "slow and not clients and not exhaustive" -o timeout=300 $(PYTEST_ARGS)

.PHONY: test-exhaustive
test-exhaustive: .environment-dev ## Fuzzed properties at their full counts, for an hour; opt-in
	@$(BIN)/pytest -n auto -m exhaustive -o timeout=3600 $(PYTEST_ARGS)

.PHONY: test-thorough
test-thorough: .environment-dev ## The quick suite's properties with 200 examples each
	@$(BIN)/pytest -n auto -m "hypothesis and $(QUICK)" --hypothesis-profile=thorough \
	  -o timeout=600 $(PYTEST_ARGS)

.PHONY: test-clients
test-clients: .environment-dev ## Published clients (npm, PyPI) against the real processes; opt-in
	@$(BIN)/pytest -m clients $(PYTEST_ARGS)

##@ Check

# The longest first, two at a time; -k: one run shows everything that is wrong.
CHECKS := check-types check-imports check-manifests check-dependencies check-format check-lint \
  lock-check check-docs

.PHONY: check
check: .environment-dev ## All of the checks below
	@$(MAKE) -k -j2 --output-sync=target $(CHECKS) && echo "check: passed"

.PHONY: check-format
check-format: .environment-dev ## Formatting (ruff format)
	@$(BIN)/ruff format --check --quiet . || { $(BIN)/ruff format --check .; exit 1; }

.PHONY: check-lint
check-lint: .environment-dev ## Lint (ruff)
	@$(BIN)/ruff check --quiet .

.PHONY: check-types
check-types: .environment-dev ## Strict types (basedpyright)
	@$(BIN)/basedpyright

.PHONY: check-imports
check-imports: .environment-dev ## Who may import whom, pure rooms, a place for every module
	@$(BIN)/lint-imports --no-logo >.venv/imports.log 2>&1 || { cat .venv/imports.log; exit 1; }

.PHONY: check-dependencies
check-dependencies: .environment-dev ## Every package declares what it imports, and nothing else
	@$(BIN)/python scripts/check_dependencies.py

.PHONY: check-manifests
check-manifests: .environment-dev ## Each requirement has a test, each source file its test file
	@$(BIN)/python scripts/check_requirements.py
	@$(BIN)/python scripts/check_test_files.py

.PHONY: check-docs
check-docs: .environment-dev ## Generated documentation is current
	@test ! -f scripts/generate_docs.py || $(BIN)/python scripts/generate_docs.py --check

.PHONY: lock-check
lock-check: .environment-dev ## Locks match their inputs and name no index (offline)
	@$(BIN)/python scripts/lock.py --check

.PHONY: beauty
beauty: .environment-dev ## Sizes of functions and broad excepts: a lamp, not a fence
	@$(BIN)/python scripts/beauty.py

##@ Measure

.PHONY: bench-panel
bench-panel: .environment-dev ## A panel of three against provider-sim: calls, latency, CPU, memory
	@$(BIN)/python scripts/bench_panel.py

.PHONY: bench-gateway
bench-gateway: .environment-dev ## What the gateway adds to a single model, beside a bare pass-through (BENCH_ARGS="--tools DIR")
	@$(BIN)/python scripts/bench_gateway.py $(BENCH_ARGS)

.PHONY: bench-versions
bench-versions: .environment-dev ## What a passed-through request costs here and in an earlier tree (BENCH_ARGS=DIR)
	@$(BIN)/python scripts/bench_versions.py $(BENCH_ARGS)

.PHONY: bench-coordination
bench-coordination: .environment-dev ## The bars of coordination, on the production core (BENCH_ARGS)
	@$(BIN)/python scripts/bench_coordination.py $(BENCH_ARGS)

.PHONY: bench-engine
bench-engine: .environment-dev ## The bars of coordination on the real engine, against provider-sim (BENCH_ARGS)
	@$(BIN)/python scripts/bench_engine.py $(BENCH_ARGS)

.PHONY: bench-compaction
bench-compaction: .environment-dev ## What compaction keeps, saves and costs (BENCH_ARGS="--data DIR")
	@$(BIN)/python scripts/bench_compaction.py $(BENCH_ARGS)

.PHONY: massgen-corpus
massgen-corpus: .environment-dev ## How many of a MassGen wheel's configurations load (WHEEL=path)
	@test -n "$(WHEEL)" || { echo "massgen-corpus: name the wheel or folder: WHEEL=path"; exit 2; }
	@$(BIN)/python scripts/massgen_corpus.py "$(WHEEL)"

##@ Change

.PHONY: docs
docs: .environment-dev ## Write docs/configuration.md anew from the settings and records
	@$(BIN)/python scripts/generate_docs.py

.PHONY: format
format: .environment-dev ## Format and fix what ruff can fix safely
	@$(BIN)/ruff check --quiet --fix . ; $(BIN)/ruff format --quiet .

.PHONY: lock
lock: .environment-dev ## Resolve requirements/*.txt anew (LOCK_ARGS=--upgrade for newer versions)
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python scripts/lock.py $(LOCK_ARGS)

.PHONY: clean
clean: ## Remove .venv and caches; keys and databases in .conclave stay
	@rm -rf .venv .pytest_cache .ruff_cache .hypothesis .import_linter_cache dist build
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Both are a no-op within 0.2 s when the environment is current.
.PHONY: .environment-run .environment-dev
.environment-run .environment-dev:
	@python=$$(scripts/find-python.sh) && exec "$$python" scripts/environment.py $(@:.environment-%=%)
