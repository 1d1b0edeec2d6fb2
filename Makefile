# make test   everything that must hold before a change goes in
# make soak   long runs: fuzzing, kills
# make bench  the figures

GO    ?= go
FUZZ  ?= 10s
RACED  = ./ledger ./ledger/app ./ledger/api ./ledger/index ./verify/... ./cmd/tokentrail

.PHONY: test needs lint vuln unit race soak bench build vectors

test: needs lint vuln unit race
	@echo "all tests passed"

build:
	$(GO) build -buildvcs=auto -o bin/ ./cmd/...

# What the tests need beside Go: Node.js with npm for the check in another
# language, a C compiler for the race detector.
needs:
	@command -v node >/dev/null && command -v npm >/dev/null || { apt-get update -q && apt-get install -qy nodejs npm; }
	@command -v gcc >/dev/null || { apt-get update -q && apt-get install -qy gcc libc6-dev; }
	@cd spec/independent && npm install --omit=optional --no-save --no-audit --no-fund --silent

lint:
	@test -z "$$(gofmt -l cmd ledger provenance verify spec)" || { gofmt -l cmd ledger provenance verify spec; echo "gofmt: the files above are not formatted"; exit 1; }
	$(GO) vet ./...
	$(GO) tool staticcheck ./...
	$(GO) mod tidy -diff

# Known vulnerabilities, where the database can be reached. GO-2025-3442 is
# reported for versions of CometBFT that have its fix; the version is pinned and
# checked by a test.
vuln:
	@out=$$($(GO) tool govulncheck ./... 2>&1); status=$$?; \
	found=$$(echo "$$out" | grep -o 'Vulnerability #[0-9]*: GO-[0-9-]*' | grep -v GO-2025-3442); \
	case $$status in \
	0) echo "govulncheck: none found";; \
	3) echo "$$out"; test -z "$$found";; \
	*) echo "govulncheck: NOT CHECKED: $$(echo "$$out" | tail -n 1)";; \
	esac

unit:
	$(GO) test -timeout 30m ./...

race:
	$(GO) test -race -short -timeout 30m $(RACED)

# Each fuzz test for $(FUZZ), then the long kill tests.
soak:
	@for pkg in $$($(GO) list ./...); do \
		for f in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz'); do \
			echo "$$pkg $$f"; $(GO) test -run '^$$' -fuzz "^$$f\$$" -fuzztime $(FUZZ) $$pkg || exit 1; \
		done; \
	done
	TOKENTRAIL_SOAK=1 $(GO) test -timeout 80m -count 1 ./ledger/... ./cmd/...

bench: build
	$(GO) test -run '^$$' -bench . -benchmem ./provenance ./ledger ./verify
	bin/tokentrail bench --validators 1 --half-load
	bin/tokentrail bench --validators 4 --half-load

vectors:
	cd spec/vectors && $(GO) run ./generate
