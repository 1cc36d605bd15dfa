# Tests, benchmarks and the formatter.

# What runs with our interpreter: MicroPython's own tests of btree, unmodified, ours, and the
# examples, those in documents included.
TEST_SCRIPTS := '$(MPY)'/tests/extmod/btree*.py tests/micropython/*.py tests/microtetherdb/*.py examples/*.py README.md FORMAT.md docs/microtetherdb*.md
# By their names, but for those of MicroPython.
EACH_SCRIPT = $(foreach script,$(TEST_SCRIPTS),$(or $(wildcard $(script)),$(script)))

# What micropython-sys reads, here for cargo on its own.
BINDINGS_ENV = MICROPYTHON_DIR='$(MPY)' MICROPYTHON_PORT_DIR='$(MPY)/ports/unix' MICROPYTHON_VARIANT_DIR='$(UNIX_VARIANT)'
FIRMWARE_FEATURES := --no-default-features --features micropython,repack,shortcuts,duplicates,extras,check,journal,match

.PHONY: test test-packages fmt fmt-check clippy test-host host-tests test-bindings no-panic test-micropython test-corpus package test-package \
	bench bench-core bench-documents \
	fuzz fuzz-seeds fuzz-replay soak

# Each by its name if it fails; those that take long on one processor come first.
STEPS = fmt-check clippy test-host test-bindings no-panic test-micropython test-package $(PC_STEPS) $(NATMOD_STEPS) \
	$(ESP32_STEPS) fuzz-replay $(SIZE_STEPS) $(QEMU_BOARDS:%=test-qemu-%) test-corpus

# Steps run side by side, two more than there are processors, because some wait for cargo or a board. What
# a target prints is not mixed with others'. One failure does not hide another.
PASSED := $(OUT)/passed
test: ## everything: formatting, clippy, host tests, tests with MicroPython here and on emulated boards, size
	@rm -rf '$(PASSED)' && mkdir -p '$(PASSED)'
	+@start=$$(date +%s); export STEPS_TOGETHER=1 SCRIPT_JOBS=2; $(MAKE) --no-print-directory --keep-going \
		--output-sync=target $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$$(($(JOBS) + 2))) $(STEPS:%=passed-%); \
	code=$$?; failed=; for step in $(STEPS); do [ -e "$(PASSED)/$$step" ] || failed="$$failed $$step"; done; \
	echo "-- $$(($$(date +%s) - start)) s"; \
	if [ -n "$$failed" ]; then echo "make test: failed, or not run because of that:$$failed"; exit 1; fi; exit $$code

passed-%: %
	@touch '$(PASSED)/$*'; echo '-- $*: passed'

# So many scripts at a time, each with so many seconds when much else goes on, too.
SCRIPT_JOBS ?= $(JOBS)
run-tests = python3 tools/run-tests.py --jobs $(SCRIPT_JOBS) --timeout 600

test-packages:
	@sh tools/packages.sh 'make test' $(TEST_PACKAGES)

fmt-check:
	@if cargo fmt --version >/dev/null 2>&1; then echo '== cargo fmt --check'; \
	cargo fmt --all --check && cargo fmt --manifest-path fuzz/Cargo.toml --check; \
	else echo '== no rustfmt here: formatting not checked'; fi

clippy: $(MPY_READY)
	@if cargo clippy --version >/dev/null 2>&1; then echo '== cargo clippy' && \
	$(CARGO) clippy --quiet --all-targets -- -D warnings && \
	for features in '' repack,shortcuts,duplicates extras repack,shortcuts,duplicates,extras,check \
		repack,shortcuts,duplicates,extras,check,journal repack,shortcuts,duplicates,extras,check,journal,match; do \
	$(BINDINGS_ENV) $(CARGO) clippy --quiet --profile firmware --lib --no-default-features --features micropython,$$features \
		--target-dir '$(RUST_OUT)' -- -D warnings || exit 1; done; \
	else echo '== no clippy here: not run'; fi

# What a firmware can do without, as far as it takes another way then.
LESS_FEATURES := std,duplicates,extras,check,journal,match
LESS_TESTS := differential golden journal model spill

test-host: host-tests ## the tests that need no MicroPython
	@exit $$(cat '$(OUT)/host-tests')

# Others wait for the end of these, whether they fail or not.
host-tests: test-packages
	@mkdir -p '$(OUT)' && rm -f '$(OUT)/host-tests'
	@{ echo '== cargo test' && $(CARGO) test --quiet && \
	echo '== cargo test without repack and shortcuts' && \
	$(CARGO) test --quiet --no-default-features --features $(LESS_FEATURES) $(LESS_TESTS:%=--test %); }; \
	echo $$? >'$(OUT)/host-tests'

test-bindings: $(MPY_READY)
	@echo '== cargo test -p micropython-sys'
	@$(BINDINGS_ENV) $(CARGO) test --quiet --profile firmware -p micropython-sys --target-dir '$(RUST_OUT)'

# With the profile for microcontrollers, too; linked as micropython/micropython.mk does it.
EXPORTS = $(shell sed -n 's/^[a-z].* \**\(btree_[a-z_]*\)(.*);$$/\1/p' modbtree.h)

no-panic: unix
	@echo '== no panic in the library'
	@$(BINDINGS_ENV) $(CARGO) rustc --quiet --lib --crate-type staticlib --profile firmware $(FIRMWARE_FEATURES) \
		--target-dir '$(RUST_OUT)'
	@ld -r --gc-sections $(addprefix -u ,$(EXPORTS)) -e $(firstword $(EXPORTS)) -o '$(MPY_OUT)/firmware.o' \
		'$(RUST_OUT)/firmware/libmodbtree.a'
	@MAKEFLAGS= python3 tools/no-panic.py '$(dir $(UNIX))modbtree_core.o' '$(MPY_OUT)/firmware.o'

test-micropython: unix ## MicroPython's tests of btree, ours, and the examples
	@echo '== scripts under MicroPython'
	@$(run-tests) '$(UNIX)' $(TEST_SCRIPTS)

# What fuzzing starts from and has found, and some of the mutants of the test on the host.
CORPUS_IMAGES = $(SEEDS)/image $(wildcard $(ROOT)/fuzz/corpus/image $(ROOT)/target/tmp/mutants_sample)
CORPUS_OPS = $(SEEDS)/ops $(wildcard $(ROOT)/fuzz/corpus/ops)
colons = $(subst $(eval ) ,:,$(strip $(1)))

test-corpus: unix fuzz-seeds | $(if $(STEPS_TOGETHER),host-tests) ## the corpus of the fuzz targets, with MicroPython
	@echo '== the corpus of the fuzz targets under MicroPython'
	@CORPUS='$(call colons,$(CORPUS_IMAGES))' $(run-tests) '$(UNIX)' tests/micropython/mutants.py
	@CORPUS='$(call colons,$(CORPUS_OPS))' $(run-tests) '$(UNIX)' tests/micropython/model_small.py

# What `mpremote mip install` puts on a device, compiled; imported here before the frozen one.
PACKAGE = $(DIST)/microtetherdb_$(firstword $(subst ., ,$(MPY_ABI)))

package: mpy-cross ## microtetherdb as a package of .mpy files for mip, in dist/
	@echo '== microtetherdb as a package'
	@python3 tools/mip-install.py microtetherdb/package.json '$(PACKAGE)' --mpy-cross '$(MPY_CROSS)'

test-package: unix package
	@$(run-tests) --path '$(PACKAGE)' '$(UNIX)' tests/microtetherdb/*.py

bench: bench-core bench-documents ## our core against libdb1, and microtetherdb, on this machine

bench-core: test-packages
	cargo bench --bench libdb1
	@FIGURES=1 '$(UNIX)' -X heapsize=16m tests/micropython/flash_cost.py

bench-documents: unix
	@mkdir -p '$(OUT)/run'
	@cd '$(OUT)/run' && MICROPYPATH=.frozen '$(UNIX)' '$(ROOT)/benches/documents.py'

FUZZ_SECONDS ?= 60
FUZZ_TARGETS := image ops
SEEDS := $(OUT)/fuzz-seeds

fuzz-seeds:
	@python3 tools/fuzz-seeds.py '$(SEEDS)'

# On stable Rust the targets are built without what guides the search, and only read files.
fuzz-replay: fuzz-seeds ## run the fuzz targets over what they start from
	@echo '== fuzz targets over their seeds'
	@sh tools/packages.sh 'make fuzz-replay' g++
	@$(CARGO) build --quiet --manifest-path fuzz/Cargo.toml --target-dir '$(OUT)/fuzz'
	@for target in $(FUZZ_TARGETS); do '$(OUT)/fuzz/debug/'$$target '$(SEEDS)'/$$target/* >'$(OUT)/fuzz/'$$target.log 2>&1 || \
		{ echo "fuzz target $$target failed:"; tail -n 20 '$(OUT)/fuzz/'$$target.log; exit 1; }; done

fuzz: fuzz-seeds ## fuzzing for FUZZ_SECONDS (60) each, needs nightly Rust and cargo-fuzz
	@if ! cargo +nightly --version >/dev/null 2>&1; then \
		echo 'make fuzz: nightly Rust is missing: rustup toolchain install nightly' >&2; exit 1; fi
	@if ! cargo fuzz --version >/dev/null 2>&1; then \
		echo 'make fuzz: cargo-fuzz is missing: cargo install cargo-fuzz' >&2; exit 1; fi
	@for target in $(FUZZ_TARGETS); do mkdir -p fuzz/corpus/$$target; echo "== fuzzing $$target"; \
	cargo +nightly fuzz run $$target fuzz/corpus/$$target '$(SEEDS)'/$$target -- \
		-max_total_time=$(FUZZ_SECONDS) -max_len=32768 -timeout=20 -verbosity=0 -print_final_stats=1 || exit 1; done

soak: unix ## hundreds of thousands of mutants and power cuts, and an hour of fuzzing
	MUTANTS=$${MUTANTS:-1000000} cargo test --release --test mutants -- --nocapture
	CUTS=$${CUTS:-20} cargo test --release --test power_cut -- --nocapture
	CUTS=all FIGURES=1 '$(UNIX)' -X heapsize=64m tests/micropython/power_cut.py
	EACH=1 '$(UNIX)' -X heapsize=4m tests/microtetherdb/power_cut.py
	RUNS=$${RUNS:-1000} '$(UNIX)' -X heapsize=4m tests/microtetherdb/power_model.py
	$(MAKE) --no-print-directory fuzz FUZZ_SECONDS=1800

fmt: ## format the Rust sources
	cargo fmt --all
	cargo fmt --manifest-path fuzz/Cargo.toml
