# Two commands: `make up` and `make test`. The longer parts are scripts in docker/, to be read and run by hand too.

# Everything but cargo needs root: Docker's socket, the state directory, apt.
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
STATE_DIR ?= /var/lib/aza-agent
DESIRED_STATE ?= $(CURDIR)/desired-state
# Absent: the system's name.
HOST_NAME ?=
# For packagers.
DESTDIR ?=
PREFIX ?= /usr/local
# Both binaries go to one place: `aza-agent image build` looks for the container door beside itself.
RELEASE := $(or $(CARGO_TARGET_DIR),target)/release
AGENT := $(RELEASE)/aza-agent
ENVIRONMENT = AZA_STATE_DIR="$(STATE_DIR)" AZA_DESIRED_STATE="$(DESIRED_STATE)" $(if $(HOST_NAME),AZA_HOST="$(HOST_NAME)")

.DEFAULT_GOAL := help
.PHONY: help setup build image install up down test test-vps bench bench-memory fuzz soak fmt clippy

help: ## Show this
	@echo "make TARGET, where TARGET is one of:"
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16
	@echo "Variables: STATE_DIR=$(STATE_DIR) DESIRED_STATE=$(DESIRED_STATE) HOST_NAME=$(HOST_NAME)"

setup: ## Install what is missing: Docker, its Compose and buildx plugins, mmdebstrap
	@docker/check-rust.sh
	@$(SUDO) docker/setup.sh

build: ## Build both binaries (release)
	@echo "== build: aza-agent and aza-entrypoint"
	@cargo build --locked --release --bin aza-agent
	@cargo build --locked --release --no-default-features --bin aza-entrypoint

image: build ## Build the image aza-pg:18
	@echo "== image"
	@$(SUDO) docker/progress.sh $(AGENT) image build

install: ## Install the program, its systemd unit and /etc/aza-agent (after make build; DESTDIR and PREFIX count)
	@$(SUDO) docker/install-agent.sh $(RELEASE) "$(DESTDIR)" "$(PREFIX)"

up: ## Set up, build, start the agent, wait until every stack is Ready
	@$(MAKE) --no-print-directory setup
	@$(MAKE) --no-print-directory image
	@$(SUDO) env $(ENVIRONMENT) docker/up.sh $(AGENT)

down: ## Stop the agent and its containers; the data stays
	@$(SUDO) env $(ENVIRONMENT) docker/down.sh

test: ## Run what CI runs first: format, lints, fences, all tests
	@docker/test.sh

test-vps: ## Run what CI runs next: the same trip on a fresh VPS: a virtual machine with systemd and cgroup v2
	@docker/test-vps.sh

# Names of targets, and how many cases for each: `make fuzz FUZZ=manifest CASES=10000`.
FUZZ ?=
CASES ?= 1000000
fuzz: ## Throw a million mutated inputs at each parser (5 minutes or more)
	@AZA_FUZZ_CASES=$(CASES) cargo test --locked --quiet --profile fuzz --test fuzz -- --nocapture --test-threads 2 $(FUZZ)

# Only our own code is built as fast code, so that nothing else is built anew.
soak: ## Simulate days of random faults: SEEDS=5000 of them, or SEED=4711 alone with its story
	SEEDS=$(or $(SEEDS),2000) $(if $(SEED),SEED=$(SEED)) cargo test --locked --features sim --test scenarios \
		--config 'profile.dev.package.aza-agent.opt-level=2' -- --ignored --exact soak::as_many_days_as_asked

bench: build ## Measure speed and size against the bare tools: one table, 20 minutes (needs the image; BENCH=--short)
	@cargo test --locked --features sim --test bench --no-run
	@$(SUDO) $$(cargo test --locked --features sim --test bench --no-run --message-format short 2>&1 | sed -n 's/.*(\(.*\))$$/\1/p') \
	    --agent $(AGENT) --entrypoint $(RELEASE)/aza-entrypoint $(BENCH)

bench-memory: ## Put every memory configuration under full load, and print what became of it
	@cargo bench --locked --profile dev --bench memory -- $(BENCH)

fmt: ## Format the code
	@cargo fmt

clippy: ## Lint everything, warnings denied, with and without the agent
	cargo clippy --locked --all-targets --all-features -- -D warnings
	cargo clippy --locked --no-default-features --lib --bin aza-entrypoint -- -D warnings
