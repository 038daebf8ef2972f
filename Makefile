# `make demo` shows Headcount at work on this machine; `make test` runs everything that proves it.

SHELL := /bin/bash
BIN := .venv/bin
MANAGE := $(BIN)/python manage.py
PYTEST := $(BIN)/pytest -n 2 --dist loadfile

.DEFAULT_GOAL := help
.PHONY: help demo test test-deploy test-container quick fresh chaos bench-ingest bench-scaling bench-galaxy bench-analytics bench-annotating bench-edge bench-exports bench-faces bench-fleet bench-guests bench-learning bench-notices bench-pages bench-restoring bench-plays bench-tabs bench-verdicts bench-visits bench-film fuzz-api accuracy install install-development system-packages test-packages assets lint format clean

help:
	@echo "make demo     Headcount with cameras, on http://localhost:8000 (PORT, DATA_DIR and MQTT_URL change that)"
	@echo "make test     everything: packages, models, lint, and all tests on SQLite; what a database or a day may change, also"
	@echo "              on PostgreSQL and with the clock a year ahead"
	@echo "make test-deploy   the files in deploy/, run with a real nginx, PostgreSQL, Mosquitto and Redis, and checked"
	@echo "make test-container  builds the image of deploy/container on a bare Debian, and starts it; needs root"
	@echo "make fresh    on a bare Debian 12 and 13: what the README says, make demo, then make test; then what"
	@echo "              docs/production.md says for one machine; takes an hour each (DEBIAN=trixie or bookworm for one of"
	@echo "              them, ONLY=demo, ONLY=test or ONLY=production for a part; needs root)"
	@echo "make quick    in a minute and a half: the tests that need nothing but Python, the packages and SQLite: neither they"
	@echo "              nor their fixtures import what starts programs, browsers or servers, or need models (tests/quick.py)"
	@echo "make bench-edge    frames a second of the edge agent; and for an hour, whether it grows"
	@echo "make bench-visits  how well the agent tells people apart, in simulated audiences, beside another tracker"
	@echo "make bench-film    bodies and tracks on a real film of people who cross a junction"
	@echo "make accuracy      what the agent's detectors find in photographs, and miss"
	@echo "make chaos    faults of all kinds, done to a platform of its own; takes an hour"
	@echo "make bench-ingest, make bench-scaling     how fast messages become rows, beside others; with two ingesters"
	@echo "make bench-faces   pictures recognised a second; a face among 100,000; the leaderboard of a million coffees"
	@echo "make bench-learning    how well and fast gestures are learned (HANDS=folder of recordings), and what a model costs"
	@echo "make bench-analytics  whether pages and the API take longer where there are more frames, beside others"
	@echo "make bench-annotating  how soon the next picture is there for somebody who draws boxes"
	@echo "make bench-notices how soon a notice arrives, and what a hundred kills of its sender lose"
	@echo "make bench-pages   how heavy a device's page is, and how soon its first plot is on the screen"
	@echo "make bench-restoring   how long a backup of five million frames takes, and its restore"
	@echo "make bench-plays   how often experiments of contents tell a difference, and how fast plays are attributed"
	@echo "make bench-tabs    what a thousand open tabs of a hundred people cost the server"
	@echo "make bench-exports whether ten million rows come whole through nginx, in constant memory"
	@echo "make bench-fleet   how many cameras this machine holds: 10,000 of them for ten minutes"
	@echo "make bench-verdicts  how often a comparison tells a change, where nothing changed and where something did"
	@echo "make bench-galaxy  how fast walls and globes are answered, with 50 screens"
	@echo "make bench-guests  whether strangers who come again stay the same guests"
	@echo "make fuzz-api      odd requests to the API and to all pages, of which none may surprise; takes an hour"
	@echo "make lint     style, types, import contracts, migrations, deployment checks"
	@echo "make format   put the code into the project's format"
	@echo "make clean    remove what the tools left behind; the data in var/ and the .venv stay"

demo: system-packages install
	@exec $(BIN)/python -m demo

# What holds today by chance does not hold in a year. A browser's clock cannot be set ahead.
A_YEAR_AHEAD := PYTHONPATH=$(CURDIR)/tests/ahead SECONDS_AHEAD=31536000

# What knows no database or no day has no second run to learn from (tests/runs.py), and a browser shows the same in each.
ONCE := not browser and not once
test: test-packages install-development assets lint
	$(PYTEST)
	$(BIN)/python -m tests.programs.postgres $(PYTEST) -m "database and $(ONCE)" --ignore=tests/edge_agent --ignore=tests/house --ignore=tests/chaos
	$(A_YEAR_AHEAD) $(PYTEST) -m "day and $(ONCE)" tests/analytics tests/devices tests/faces tests/learning

# Apart from the other tests, which stay under 20 minutes. pytest finds these only when they are named.
test-deploy: install-development assets
	@.ci/system-packages demo test deploy
	$(BIN)/pytest tests/deploy

# Needs root, and a quarter of an hour the first time.
test-container: install-development
	@.ci/system-packages container
	@$(BIN)/python -m tests.deploy.container

fresh:
	@.ci/system-packages fresh
	@exec python3 -m tests.fresh $(if $(DEBIAN),--debian $(DEBIAN)) $(if $(ONLY),--only $(ONLY))

quick: install-development
	env -u DATABASE_URL $(PYTEST) -m quick --hypothesis-profile quick

bench-ingest bench-scaling bench-galaxy bench-analytics bench-annotating bench-edge bench-exports bench-faces bench-film bench-fleet bench-guests bench-notices bench-pages bench-restoring bench-tabs bench-verdicts: bench-%: test-packages install-development
	@exec $(BIN)/python -m benchmarks.$*

# PLAYS and EXPERIMENTS are the sizes, such as PLAYS=10000000; SEED makes other experiments; ONLY is one part of it:
# experiments or attribution.
bench-plays: test-packages install-development
	@exec $(BIN)/python -m benchmarks.plays $(if $(PLAYS),--plays $(PLAYS)) \
		$(if $(EXPERIMENTS),--experiments $(EXPERIMENTS)) $(if $(SEED),--seed $(SEED)) $(if $(ONLY),--only $(ONLY))

# norfair asks for an old numpy and works with the new one, so it gets a folder of its own.
bench-visits: install-development
	@$(BIN)/pip install --quiet --disable-pip-version-check --upgrade --no-deps --target var/norfair \
		norfair==2.3.0 filterpy==1.4.5 rich==14.3.4 markdown-it-py==4.3.0 mdurl==0.1.2 pygments==2.21.0
	@PYTHONPATH=var/norfair exec $(BIN)/python -m benchmarks.visits

# HANDS is a folder of recordings; without it, only speed is measured.
bench-learning: install-development assets
	@$(BIN)/python -m benchmarks.learning $(if $(HANDS),--hands $(HANDS))

fuzz-api: test-packages install-development
	@exec $(BIN)/python -m benchmarks.api_fuzzing

bench-annotating bench-faces bench-guests bench-pages: assets

accuracy: install-development assets
	@$(BIN)/python -m benchmarks.accuracy

chaos: test-packages install-development assets
	@exec $(BIN)/python -m benchmarks.chaos

install: .venv/platform.installed
install-development: .venv/development.installed

.venv/platform.installed: requirements.txt edge_agent/requirements.txt
	@.ci/install requirements.txt
	@touch $@

.venv/development.installed: requirements-dev.txt requirements.txt edge_agent/requirements.txt
	@.ci/install requirements-dev.txt
	@touch $@ .venv/platform.installed

system-packages:
	@.ci/system-packages demo

test-packages:
	@.ci/system-packages demo test

assets: export DEBUG = true
assets: install
	@$(MANAGE) fetch_models
	@$(MANAGE) fetch_plotly
	@$(BIN)/python -m demo.cameras.people

lint: install-development
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	DEBUG=true $(BIN)/mypy
	PYTHONPATH=platform $(BIN)/lint-imports
	DEBUG=true $(MANAGE) makemigrations --check --dry-run
	DEBUG=false SECRET_KEY=$$($(BIN)/python -c 'import secrets; print(secrets.token_urlsafe(64))') \
		$(MANAGE) check --deploy --fail-level WARNING

format: install-development
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -not -path './.venv/*' -not -path './.cache/*' -prune -exec rm -rf {} +
