# Tidemark. The two that matter: `make run` and `make test`.

GO            ?= go
VERSION       ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS       := -s -w -X main.version=$(VERSION)
TOOLS         := $(CURDIR)/.tools
GOLANGCI_LINT := $(TOOLS)/golangci-lint
LINT_VERSION  := v2.14.0
# One set of flags for every test, so that the dependencies are compiled once.
TEST_FLAGS    := -race -tags e2e

.DEFAULT_GOAL := help

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## build bin/tidemark
	CGO_ENABLED=0 $(GO) build -ldflags '$(LDFLAGS)' -o bin/tidemark ./cmd/tidemark

.PHONY: run
run: build ## build and start Tidemark: ./data, http://127.0.0.1:9797, on its defaults or ./tidemark.yml where there is one
	./bin/tidemark serve $(if $(wildcard tidemark.yml),--config.file=tidemark.yml)

.PHONY: test
test: peers sdks lint ## everything: lint, unit, command line, real peers, and the Grafana plugin
	$(GO) test $(TEST_FLAGS) -timeout 15m ./...
	$(MAKE) plugin-test

.PHONY: plugin
plugin: ## build the Grafana plugin for this machine: grafana-plugin/dist
	$(MAKE) -C grafana-plugin build

.PHONY: plugin-release
plugin-release: ## the Grafana plugin for every platform, as one archive: grafana-plugin/release
	$(MAKE) -C grafana-plugin release

.PHONY: plugin-test
plugin-test: peers $(GOLANGCI_LINT) ## the Grafana plugin: lint, unit, backend, browser, archive
	$(MAKE) -C grafana-plugin test GOLANGCI_LINT=$(GOLANGCI_LINT)

.PHONY: peers
peers: ## install the real programs that the tests talk to
	@scripts/install-peers

.PHONY: sdks
sdks: ## install OpenFeature's SDKs, which the tests run against a Tidemark
	@scripts/install-sdks

.PHONY: lint
lint: $(GOLANGCI_LINT) ## golangci-lint, with the arrows between the folders
	CGO_ENABLED=0 $(GOLANGCI_LINT) run --timeout 20m --allow-parallel-runners ./...

$(GOLANGCI_LINT): Makefile
	GOBIN=$(TOOLS) $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(LINT_VERSION)
	@touch $@

.PHONY: bench
bench: ## the benchmarks; BENCH=name selects, COUNT repeats
	$(GO) test -run '^$$' -bench '$(or $(BENCH),.)' -benchmem -count $(or $(COUNT),1) -timeout 60m ./...

.PHONY: kill-test
kill-test: ## kill -9 in many rounds; ROUNDS says how many
	TIDEMARK_KILL_ROUNDS=$(or $(ROUNDS),50) $(GO) test $(TEST_FLAGS) -timeout 120m -run Kill -v ./cmd/tidemark ./annotate/changelog ./annotate/flag/control

.PHONY: hook-load
hook-load: ## 200 webhooks a second for five minutes, and none lost; LASTS says how long
	TIDEMARK_HOOK_LOAD=$(or $(LASTS),5m) $(GO) test -tags e2e -timeout 60m -run TestHookLoad -v ./cmd/tidemark

.PHONY: fuzz
fuzz: ## each fuzz target for FUZZTIME (default 30s)
	@scripts/fuzz $(or $(FUZZTIME),30s)

.PHONY: fmt
fmt: $(GOLANGCI_LINT) ## format the code
	$(GOLANGCI_LINT) fmt ./...

.PHONY: clean
clean: ## remove what was built; the data stays
	rm -rf bin .tools
	$(MAKE) -C grafana-plugin clean
