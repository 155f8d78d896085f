# Two commands: `make up` and `make test`. The longer parts are scripts in docker/, to be read and run by hand too.

# Everything but cargo needs root: Docker's socket, the state directory, apt.
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
STATE_DIR ?= /var/lib/aza-agent
DESIRED_STATE ?= $(CURDIR)/desired-state
# Absent: the system's name.
HOST_NAME ?=
# Both binaries go to one place: `aza-agent image build` looks for the container door beside itself.
RELEASE := $(or $(CARGO_TARGET_DIR),target)/release
AGENT := $(RELEASE)/aza-agent
ENVIRONMENT = AZA_STATE_DIR="$(STATE_DIR)" AZA_DESIRED_STATE="$(DESIRED_STATE)" $(if $(HOST_NAME),AZA_HOST="$(HOST_NAME)")

.DEFAULT_GOAL := help
.PHONY: help setup build image up down test bench-memory fmt clippy

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

up: ## Set up, build, start the agent, wait until every stack is Ready
	@$(MAKE) --no-print-directory setup
	@$(MAKE) --no-print-directory image
	@$(SUDO) env $(ENVIRONMENT) docker/up.sh $(AGENT)

down: ## Stop the agent and its containers; the data stays
	@$(SUDO) env $(ENVIRONMENT) docker/down.sh

test: ## Run what CI runs: format, lints, fences, all tests
	@docker/test.sh

bench-memory: ## Put every memory configuration under full load, and print what became of it
	@cargo bench --locked --profile dev --bench memory -- $(BENCH)

fmt: ## Format the code
	@cargo fmt

clippy: ## Lint everything, warnings denied, with and without the agent
	cargo clippy --locked --all-targets --all-features -- -D warnings
	cargo clippy --locked --no-default-features --lib --bin aza-entrypoint -- -D warnings
