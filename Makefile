# make run    install what is missing, build, start the daemon and a session `demo`, open the dashboard;
#             PORT=8080 serves it there instead of on port 3000
# make test   install what the tests need, then run every check and test
# make lint   formatting, clippy, shell scripts; licences and advisories where cargo-deny is installed
# make browser  the dashboard's tests in Chromium and Firefox
# make kills  a daemon under load is killed KILLS times (100) and no line is lost in silence; SEED=1 and RATE=5000 (lines a second) are the usual ones
# make operations  clients do 2,000 random things with a few sessions while the daemon is ended twice, for each of SEEDS (1 2 3)
# make asks    ASKS asks (1,000) are answered from the command line, a browser and the terminal at once; SEED=1 chooses
# make agents   AGENTS real agents (20) converse for SECONDS (600) with the scripted model, SEED=1 chooses what they are told;
#               then as many continue after one reset of their usage limit, and as many are halted at work
# make fuzz-tmux  random commands against servers of tmux; SEED=7 and SECONDS=600 choose, TMUX37 names a newer tmux,
#                 CLIENTS=1: while clients come and go
# make paint  from a key to its paint in Chromium, and until a page is there, beside ttyd's page (TTYD names the program);
#             and what is seen of typed letters on a slow link
# make day    ten real agents for an hour, two windows and a phone that look on and answer; AGENTS=10 SECONDS=3600
#             SEED=1 choose
# make pictures  takes the pictures of the guides again, in docs/dashboard; look at each
# make drift  observes the newest published agents, and prints what differs from what was recorded; changes nothing
# make bench  the benchmarks: pure code, then everything end to end

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.NOTPARALLEL:
.PHONY: run build test lint bench paint day pictures drift kills operations asks agents fuzz-tmux need-to-run need-to-test npm dashboard browser

# Newer tools that .ci/install may have put there, and a Rust that the shell's PATH does not have yet.
export PATH := $(CURDIR)/target/tools/bin:$(PATH):$(HOME)/.cargo/bin

# On a machine that builds once, what incremental builds keep is never used.
ifdef CI
export CARGO_INCREMENTAL := 0
LOCKED := --locked
endif

CODEPIPER := target/release/codepiper
SCRIPTS := $(wildcard .ci/*) fixtures/stores/make

run: build
	@if $(CODEPIPER) daemon status >/dev/null 2>&1; then $(CODEPIPER) daemon status; else $(CODEPIPER) daemon --detach --web $(PORT:%=--port %); fi
	@case "$$($(CODEPIPER) sessions show demo --json 2>/dev/null)" in \
	    '') $(CODEPIPER) start -p shell --name demo ;; \
	    *'"status":"stopped"'* | *'"status":"crashed"'*) $(CODEPIPER) resume demo ;; \
	    *) echo "✓ Session demo runs" ;; \
	esac
	@echo
	@echo "  $(CODEPIPER) attach demo              its terminal; Ctrl+B D leaves it running"
	@echo "  $(CODEPIPER) tail demo --follow       what it prints"
	@echo "  $(CODEPIPER) send demo 'echo hello'   type into it"
	@echo "  $(CODEPIPER) sessions                 everything that runs"
	@echo "  $(CODEPIPER) daemon stop              stop the daemon; sessions keep running"
	@echo
	@url=$$($(CODEPIPER) daemon status --json | sed -n 's/.*"web":"\([^"]*\)".*/\1/p'); \
	if [ -z "$$url" ]; then \
	    echo "  The running daemon has no dashboard: run '$(CODEPIPER) daemon stop', then 'make run'"; \
	else \
	    echo "  The dashboard: $$url"; \
	    if $(CODEPIPER) auth status --json | grep -q '"stage":"setup"'; then \
	        if [ -t 1 ]; then echo "  One-time password for the first visit: $$($(CODEPIPER) auth bootstrap)"; \
	        else echo "  '$(CODEPIPER) auth bootstrap' shows the one-time password for the first visit"; fi; \
	    fi; \
	    if [ -n "$${DISPLAY-}$${WAYLAND_DISPLAY-}" ] && command -v xdg-open >/dev/null; then xdg-open "$$url"; fi; \
	fi

# Optimised: it handles megabytes of output a second. For work on the code, `cargo build` is faster.
build: need-to-run
	cargo build --release $(LOCKED)

# The same generated cases each time; without it, or with another number, `cargo test` looks at others.
test: export PROPTEST_RNG_SEED ?= 1
test: need-to-test npm dashboard lint browser
	node --test fixtures/model/*.test.mjs
	cargo test --workspace --tests $(LOCKED)

lint:
	cargo fmt --all --check
	cargo clippy --workspace --all-targets $(LOCKED) -- -D warnings
	@for script in $(SCRIPTS); do bash -n "$$script"; done
	@if command -v shellcheck >/dev/null; then shellcheck $(SCRIPTS); fi
	@if command -v cargo-deny >/dev/null; then cargo deny check licenses bans sources advisories; \
	else echo "cargo-deny is not installed: licences and advisories of dependencies were not checked"; fi

kills: need-to-run
	cargo test --test integration $(LOCKED) -- --ignored --nocapture kills::

agents: need-to-test npm
	cargo test --test integration $(LOCKED) -- --ignored --nocapture --test-threads 1 many_agents

asks: need-to-test
	cargo test --test integration $(LOCKED) -- --ignored --nocapture asks_random

operations: need-to-run
	cargo test --test integration $(LOCKED) -- --ignored --nocapture operations::

paint: static/node_modules/.package-lock.json build | need-to-test
	cd static && CODEPIPER=../target/release/codepiper npx vitest run --config vitest.measure.config.ts paint opening slow_link

day: static/node_modules/.package-lock.json build | need-to-test
	cd static && CODEPIPER=../target/release/codepiper npx vitest run --config vitest.measure.config.ts day

pictures: static/node_modules/.package-lock.json fixtures/agents/node_modules/.package-lock.json build | need-to-test
	cd static && SHOTS=../docs/dashboard CODEPIPER=../target/release/codepiper npx vitest run --config vitest.measure.config.ts pictures

bench: need-to-run
	cargo bench --bench pure
	cargo bench --bench end_to_end

drift: need-to-test
	node fixtures/agents/drift.mjs

fuzz-tmux: need-to-test
	FUZZ_SEED=$(or $(SEED),1) FUZZ_SECONDS=$(or $(SECONDS),600) FUZZ_CLIENTS=$(CLIENTS) \
	    cargo test --test integration -- tmux_survives_random_commands_for_long --ignored --nocapture

need-to-run:
	@.ci/install run

need-to-test:
	@.ci/install test

# The real agents in two versions, and xterm.js, at those of the lock files.
npm: fixtures/agents/node_modules/.package-lock.json fixtures/agents/newest/node_modules/.package-lock.json fixtures/agents/others/node_modules/.package-lock.json fixtures/xterm/node_modules/.package-lock.json

# The dashboard's types, format and unit tests. Cargo builds it into the program.
dashboard: static/node_modules/.package-lock.json
	cd static && npm run check && npm test

static/node_modules/.package-lock.json: static/package-lock.json | need-to-test
	cd static && npm ci --no-audit --no-fund
	@touch $@

# The dashboard in Chromium and Firefox, against daemons of its own.
browser: static/node_modules/.package-lock.json fixtures/agents/node_modules/.package-lock.json fixtures/agents/newest/node_modules/.package-lock.json | need-to-test
	@# The program as the other tests have it, so that nothing is compiled twice.
	cargo test --workspace --tests --no-run $(LOCKED)
	cd static && npm run browser

# Claude Code's binary comes with an install script.
fixtures/%/node_modules/.package-lock.json: fixtures/%/package-lock.json | need-to-test
	cd fixtures/$* && npm ci --ignore-scripts=false
	@touch $@
