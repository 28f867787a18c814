# Each target sets up what it needs. Requirements: Python 3.11+, make and a package index.
PYTHON ?= python3
UV := $(shell command -v uv 2>/dev/null || echo .uv/bin/uv)
RUN := $(UV) run --frozen --no-sync
# The folder of the history of runs; one for each profile in .dagster of the project folder by default.
export DAGSTER_HOME ?= $(CURDIR)/.dagster/$(or $(NOTMNIST_PROFILE),sample)

.PHONY: setup demo test test-extended coverage ui pictures bench faults faults-night cluster-demo cluster-test clean

# Creates the history under a lock: two of Dagster's processes that do so at the same time leave it incomplete.
setup: .venv/.ready .env
	@test -e "$(DAGSTER_HOME)/dagster.yaml" || $(RUN) python -m notmnist_assets.runs.instance

# Installs uv from the package index into the project folder if the machine has none.
.uv/bin/uv:
	$(PYTHON) -m venv .uv
	.uv/bin/python -m pip install --quiet uv

.venv/.ready: pyproject.toml uv.lock | $(filter .uv/bin/uv,$(UV))
	$(UV) sync --frozen --quiet --compile-bytecode
	touch $@

# Sets DAGSTER_HOME for Dagster's own commands that are called in this folder: the history of the sample.
.env: Makefile
	printf 'DAGSTER_HOME="$${DAGSTER_HOME:-%s}"\n' '$(CURDIR)/.dagster/sample' > $@

demo: export NOTMNIST_PROFILE = sample
demo: setup
	$(RUN) notmnist run

test: setup
	.ci/install-packages chromium postgresql redis-server
	$(RUN) ruff check .
	$(RUN) ruff format --check .
	$(RUN) mypy
	$(RUN) pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder --cov --cov-report=
	@echo "Coverage of notmnist_assets: $$($(RUN) coverage report --format=total) % of lines (make coverage lists the others)"

# Runs the tests that `make test` leaves out because they take long.
test-extended: setup
	$(RUN) pytest -m extended --timeout 1800 --numprocesses 2 --dist loadfile

# Lists the lines that the last `make test` did not execute.
coverage: setup
	$(RUN) coverage report

# With `dg dev`, queue, schedule and sensors would stand still after a code server was killed.
ui: setup
	$(RUN) python -W 'ignore:Function `dev_command`' -m dagster dev --use-legacy-code-server-behavior -w workspace.yaml \
		--host 127.0.0.1 --port 3000

# Takes the README's pictures in the UI.
pictures: setup
	.ci/install-packages chromium
	$(RUN) python -m notmnist_assets_tests.browser.pictures

# Measures against the assignment's own way: make bench BENCH="--size 1/16 --size 1/4 --size full --assignment-runs 1 --peers"
bench: setup
	$(UV) sync --frozen --quiet --inexact --group bench --compile-bytecode
	$(RUN) python -m benchmarks $(BENCH)

# Materializes the sample in shards through PostgreSQL, Redis, Celery, Dask and S3 on loopback.
cluster-demo: setup
	.ci/install-packages postgresql redis-server
	$(RUN) python -m deploy.celery demo

# Runs the graph through them, kills, restarts and holds each of them on the way, and compares the stored bytes.
cluster-test: setup
	.ci/install-packages postgresql redis-server iproute2
	$(RUN) pytest -m cluster notmnist_assets_tests/deploy notmnist_assets_tests/test_cluster.py

# Injects faults and counts what survives, in about an hour; fewer: make faults FAULTS="--kills 20 --archives 500"
faults: setup
	$(RUN) python -m faults $(FAULTS)

# Runs a daemon whose sources fail and whose processes are killed: make faults-night NIGHT="--minutes 10"
faults-night: setup
	$(RUN) python -m faults.night $(NIGHT)

clean:
	rm -rf .venv .uv .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage
