# Switchboard's house keeping. `make` shows what there is.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

GO ?= go
NPM ?= npm
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS := -s -w -X main.version=$(VERSION)
LINT := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0

# One temporary PostgreSQL for everything that runs behind it.
POSTGRES := $(GO) run ./store/pgtest/cmd/pgrun --

# How hard `make fault` tries: full, or short as in CI.
FAULT ?= full
# How long `make fuzz` stays with each decoder.
FUZZTIME ?= 1m

web_sources := $(shell find web -type f -not -path 'web/node_modules/*' -not -path 'web/dist/*' 2>/dev/null)
go_sources := $(shell find . -type f \( -name '*.go' -o -name '*.sql' -o -name '*.json' -o -name '*.yaml' \) -not -path './web/node_modules/*' -not -path './web/dist/*' 2>/dev/null)

.PHONY: help build run test check race e2e fault bench fuzz clean

help: ## show this list
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-8s %s\n", $$1, $$2}'

build: bin/switchboard ## make the screens and bin/switchboard

run: build ## build, and start a whole company to look at (stop with Ctrl-C)
	bin/switchboard demo

test: web/node_modules/.package-lock.json ## all tests, on SQLite and PostgreSQL
	cd web && $(NPM) test
	$(POSTGRES) $(GO) test ./...

check: web/node_modules/.package-lock.json ## format, vet, lint, import rules, and the screens' own checks
	@unformatted=$$(git ls-files -z --cached --others --exclude-standard '*.go' | xargs -0 gofmt -l); \
	if [ -n "$$unformatted" ]; then echo "not formatted (run gofmt -w): $$unformatted"; exit 1; fi
	$(GO) vet ./...
	$(GO) run $(LINT) run ./...
	$(GO) test -count=1 ./faulttest
	cd web && $(NPM) run check

race: ## all Go tests with the race detector
	$(POSTGRES) $(GO) test -race -timeout 30m ./...

e2e: build ## the real binary in a real browser
	$(POSTGRES) $(NPM) --prefix web run e2e

fault: build ## kills, faults and planted bugs against ledgers (FAULT=full|short)
	SWITCHBOARD_FAULT=$(FAULT) SWITCHBOARD_BINARY=$(CURDIR)/bin/switchboard $(POSTGRES) $(GO) test -count=1 -v -timeout 120m ./faulttest/...

bench: build ## measure speed, memory and size; prints ratios
	SWITCHBOARD_BINARY=$(CURDIR)/bin/switchboard $(POSTGRES) $(GO) run ./faulttest/bench

fuzz: ## try each decoder with made-up input (FUZZTIME=10m for each)
	@grep -rHoE --include='*_test.go' --exclude-dir=node_modules '^func Fuzz\w+' . | sed 's/:func / /' | \
	while read -r file name; do \
	  echo "$$name in $$(dirname $$file)"; \
	  $(GO) test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) "$$(dirname $$file)"; \
	done

clean: ## remove what build made
	rm -rf bin web/dist/assets web/dist/*.*

web/node_modules/.package-lock.json: web/package-lock.json
	cd web && $(NPM) ci --no-audit --no-fund
	@touch $@

web/dist/index.html: web/node_modules/.package-lock.json $(web_sources)
	cd web && $(NPM) run build
	@touch $@

bin/switchboard: web/dist/index.html go.mod go.sum $(go_sources)
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o $@ ./cmd/switchboard
