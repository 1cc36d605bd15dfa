# Tests, benchmarks and the formatter.

# What runs with our interpreter: MicroPython's own tests of btree, unmodified, ours, and the
# examples, those in documents included.
TEST_SCRIPTS := '$(MPY)'/tests/extmod/btree*.py tests/micropython/*.py examples/*.py README.md FORMAT.md

# What micropython-sys reads, here for cargo on its own.
BINDINGS_ENV = MICROPYTHON_DIR='$(MPY)' MICROPYTHON_PORT_DIR='$(MPY)/ports/unix' MICROPYTHON_VARIANT_DIR='$(UNIX_VARIANT)'
FIRMWARE_FEATURES := --no-default-features --features micropython,extras

.PHONY: test test-packages fmt fmt-check clippy test-host test-bindings test-micropython bench

STEPS := fmt-check clippy test-host test-bindings test-micropython

# One failure does not hide another.
test: unix test-packages ## everything: formatting, clippy, host tests, tests with MicroPython
	+@failed=; for step in $(STEPS); do $(MAKE) --no-print-directory $$step || failed="$$failed $$step"; done; \
	if [ -n "$$failed" ]; then echo "make test: failed:$$failed"; exit 1; fi

test-packages:
	@sh tools/packages.sh 'make test' $(TEST_PACKAGES)

fmt-check:
	@if cargo fmt --version >/dev/null 2>&1; then echo '== cargo fmt --check'; cargo fmt --all --check; \
	else echo '== no rustfmt here: formatting not checked'; fi

clippy: $(MPY_READY)
	@if cargo clippy --version >/dev/null 2>&1; then echo '== cargo clippy' && \
	cargo clippy --quiet --all-targets -- -D warnings && \
	$(BINDINGS_ENV) cargo clippy --quiet --release --lib $(FIRMWARE_FEATURES) --target-dir '$(RUST_OUT)' -- -D warnings; \
	else echo '== no clippy here: not run'; fi

test-host: ## the tests that need no MicroPython
	@echo '== cargo test'
	@cargo test --quiet

test-bindings: $(MPY_READY)
	@echo '== cargo test -p micropython-sys'
	@$(BINDINGS_ENV) cargo test --quiet --release -p micropython-sys --target-dir '$(RUST_OUT)'

test-micropython: unix ## MicroPython's tests of btree, ours, and the examples
	@echo '== scripts under MicroPython'
	@python3 tools/run-tests.py '$(UNIX)' $(TEST_SCRIPTS)

bench: test-packages ## our core against libdb1 on this machine
	cargo bench --bench libdb1

fmt: ## format the Rust sources
	cargo fmt --all
