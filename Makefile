# make test   everything that must hold before a change goes in
# make soak   long runs: fuzzing, and faults by the hundred (FAULTS="-seed 7 -count 20 -duration 10m" for others)
# make bench  the figures

GO    ?= go
FUZZ  ?= 10s
FAULTS ?=
RACED  = ./ledger ./ledger/app ./ledger/backup ./ledger/api ./ledger/index ./verify/... ./cmd/tokentrail

.PHONY: test needs lint vuln unit race soak bench build vectors

test: needs lint vuln unit race
	@echo "all tests passed"

# Static: the programs run on any Linux of the machine's kind.
build:
	CGO_ENABLED=0 $(GO) build -buildvcs=auto -o bin/ ./cmd/...

# What the tests need beside Go: Node.js with npm for the check in another
# language, a C compiler for the race detector, strace and ext4 for the faults.
needs:
	@command -v node >/dev/null && command -v npm >/dev/null || { apt-get update -q && apt-get install -qy nodejs npm; }
	@command -v gcc >/dev/null || { apt-get update -q && apt-get install -qy gcc libc6-dev; }
	@command -v strace >/dev/null || { apt-get update -q && apt-get install -qy strace; }
	@command -v mkfs.ext4 >/dev/null || { apt-get update -q && apt-get install -qy e2fsprogs; }
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

# Each fuzz test for $(FUZZ), then the long tests; the faults last, whose figures
# stand together at the end.
soak:
	@for pkg in $$($(GO) list ./...); do \
		for f in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz'); do \
			echo "$$pkg $$f"; $(GO) test -run '^$$' -fuzz "^$$f\$$" -fuzztime $(FUZZ) -fuzzminimizetime 5x $$pkg || exit 1; \
		done; \
	done
	TOKENTRAIL_SOAK=1 $(GO) test -timeout 80m -count 1 $$($(GO) list ./ledger/... ./cmd/... | grep -v /faults$$)
	@log=$$(mktemp) && { TOKENTRAIL_SOAK=1 $(GO) test -v -timeout 12h -count 1 ./cmd/tokentraild/faults -args $(FAULTS); echo "exit $$?"; } | tee $$log; \
	echo "figures of the faults:"; sed -n 's/.*figures: /  /p' $$log; grep -q '^exit 0$$' $$log; status=$$?; rm $$log; exit $$status

bench: build
	$(GO) test -run '^$$' -bench . -benchmem ./provenance ./ledger ./verify
	bin/tokentrail bench --validators 1 --half-load
	bin/tokentrail bench --validators 4 --half-load

vectors:
	cd spec/vectors && $(GO) run ./generate
