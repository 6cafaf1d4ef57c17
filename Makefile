# `make run` is all a newcomer needs; `make check` is what CI runs. `make help` lists the rest.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.SILENT:
.NOTPARALLEL:
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory
.PHONY: help run build fmt fmt-check lint test css css-fresh e2e bench shots needs check docker hooks

TARGET  := $(or $(CARGO_TARGET_DIR),target)
BINARY  := $(TARGET)/release/upaas
VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
# What the binary is made of. Directories are listed too: they tell of deleted files.
SOURCES := Cargo.toml Cargo.lock $(wildcard build.rs) $(shell find src migrations templates static .sqlx 2>/dev/null)
# npm writes this at the end of an install; older than package-lock.json, it means: install again.
NPM     := node_modules/.package-lock.json
NPM_CI  := npm ci --no-audit --no-fund --loglevel=error >/dev/null

help: ## list the targets
	sed -n 's/^\([a-z0-9-]*\):[^#]*## /\1\t/p' $(MAKEFILE_LIST) | awk -F '\t' '{ printf "make %-10s %s\n", $$1, $$2 }'

# Settings come from the environment (PORT, UPAAS_...). A wrong one makes every command of the binary exit
# with 2, so `healthcheck` tells us not to install an engine for a start that cannot succeed. An engine is
# not required either: µPaaS starts without one and says so.
run: $(BINARY) ## build, find or get a Docker engine, and serve in the foreground
	wrong=0; $(BINARY) healthcheck >/dev/null 2>&1 || wrong=$$?; \
	if [ $$wrong -ne 2 ]; then scripts/engine || [ $$? -lt 128 ]; fi; \
	exec $(BINARY)

build: $(BINARY) ## build the release binary

$(BINARY): $(SOURCES)
	cargo build --release --locked
	touch $@ # cargo leaves it alone when only a file it does not read is newer

fmt: ## format the code
	cargo fmt --all

fmt-check: ## fail when the code is not formatted
	cargo fmt --all --check

lint: ## clippy, warnings are errors
	cargo clippy --all-targets --locked -- -D warnings

test: needs ## unit and Docker tests
	cargo test --locked

css: $(NPM) ## build static/app.css from the templates
	npm run --silent css

# With --output twice, Tailwind's last one counts.
css-fresh: $(NPM) ## fail when static/app.css is not what `make css` builds
	fresh=$$(mktemp); trap 'rm -f "$$fresh"' EXIT; \
	said=$$(npm run --silent css -- --output "$$fresh" 2>&1) || { echo "$$said" >&2; exit 1; }; \
	cmp -s "$$fresh" static/app.css || { echo "static/app.css is out of date: run 'make css' and commit it." >&2; exit 1; }

e2e: needs e2e/$(NPM) ## browser tests against the real binary and a real engine
	cargo test --locked --no-run
	UPAAS_E2E_CHROMIUM=$$(scripts/chromium); export UPAAS_E2E_CHROMIUM; \
	cd e2e; npx playwright test

bench: needs ## measure journals with 1,000 viewers, pages with a million rows, and switches
	cargo bench --locked --bench live
	cargo bench --locked --bench pages
	cargo bench --locked --bench switch

shots: $(BINARY) needs e2e/$(NPM) ## take the README's pictures anew
	UPAAS_E2E_CHROMIUM=$$(scripts/chromium); export UPAAS_E2E_CHROMIUM; \
	cd e2e; UPAAS_E2E_BINARY=$(abspath $(BINARY)) npm run --silent shots

needs: # what tests need beyond Rust: an engine, git, sshd, node, a browser
	scripts/test-needs

$(NPM): package-lock.json
	$(NPM_CI)
	touch $@

e2e/$(NPM): e2e/package-lock.json
	cd e2e; $(NPM_CI)
	touch $@

check: fmt-check lint test css-fresh e2e ## everything CI runs

docker: ## build the product's image, tagged upaas:VERSION
	docker $(if $(UPAAS_DOCKER_HOST),--host $(UPAAS_DOCKER_HOST)) build --tag upaas:$(VERSION) .

hooks: ## install a pre-commit hook: fmt-check and lint
	scripts/hooks
