# Each target installs what it misses and then does its job.
#   make run     build Facteur and start a demo server on loopback
#   make test    everything: unit tests, foreign clients, crash tests, browser;
#                FACTEUR_PICTURES=DIR leaves pictures of the pages there
#   make test-long   some of these with larger numbers
#   make check   format, lints, licences
#   make crash   break a loaded server and check what it holds: ROUNDS=10
#                FAULT=kill|power|full|write|stop|backup FS=ext4|xfs (power, full: as root)
#                QUEUED=10000 with kill and power: while so many messages wait in the queue
#   make bench   Facteur beside Debian's Postfix and Dovecot (needs root); ROWS=smtp20,login
#   make build   the optimised program, target/release/facteur

# Caches outlive the clone, so that a second clone does not build RocksDB again.
CACHE ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/facteur
export CCACHE_DIR ?= $(CACHE)/ccache
export CARGO_TARGET_DIR ?= $(CACHE)/target

ARGS ?=

.PHONY: run test test-long check bench build crash setup-build setup-test setup-bench

run: setup-build
	cargo run --locked --package facteur -- demo $(ARGS)

test: setup-test
	cargo test --locked --workspace --no-fail-fast

test-long: setup-test
	ROUNDS=10000 cargo test --locked --package mail-store --test store -- collector
	LOOKS=all cargo test --locked --package facteur --test clients -- every_page schools_accounts no_letter
	PEOPLE=40000 cargo test --locked --package facteur --test operate -- --nocapture \
	  forty_thousand hashes_of_another_system
	PEOPLE=40000 cargo test --locked --package facteur --test clients -- --nocapture large_staff_file

check: setup-build
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	tools/setup.sh cargo-deny
	"$(CACHE)/tools/bin/cargo-deny" check --hide-inclusion-graph licenses bans sources

FAULT ?= kill
FS ?= ext4
ROUNDS ?= 10
QUEUED ?= 0
CRASH_ARGS ?=
crash: setup-test
	cargo build --locked --package facteur
	python3 tests/scripts/crash.py "$(CARGO_TARGET_DIR)/debug/facteur" \
	  --fault $(FAULT) --fs $(FS) --rounds $(ROUNDS) --queued $(QUEUED) $(CRASH_ARGS)

# All rows write docs/performance.md; chosen ones only show what they found.
ROWS ?=
bench: setup-bench
	cargo build --locked --release --package facteur --package bench
	"$(CARGO_TARGET_DIR)/release/bench" compare --facteur "$(CARGO_TARGET_DIR)/release/facteur" \
		$(if $(ROWS),--rows $(ROWS),--page docs/performance.md) $(ARGS)

build: setup-build
	cargo build --locked --release --package facteur

setup-build:
	@tools/setup.sh build

setup-bench:
	@tools/setup.sh bench

setup-test:
	@tools/setup.sh test
