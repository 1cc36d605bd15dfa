# The PC side: the command-line tool, Python packages for CPython, and records of BTrees as JSON.

PC_PACKAGES := python3-venv
# A server of its own is started by the tests.
PC_TEST_PACKAGES := postgresql
PC_VENV := $(OUT)/pc-venv
VENV_PYTHON := $(PC_VENV)/bin/python
WHEELS := $(OUT)/wheels
# As it is tested; make mpbtree builds it with optimizations.
MPBTREE_DEBUG := $(or $(CARGO_TARGET_DIR),$(ROOT)/target)/debug/mpbtree

.PHONY: pc-packages wheel test-pc bench-json

PC_STEPS := test-cli test-pc test-device
FUZZ_TARGETS += pickle json dump

pc-packages:
	@sh tools/packages.sh 'make wheel' $(BUILD_PACKAGES) $(PC_PACKAGES)

$(PC_VENV)/.installed: python/requirements.txt | pc-packages
	@echo '== a virtual environment for Python'
	@rm -rf '$(PC_VENV)'
	@python3 -m venv '$(PC_VENV)'
	@'$(VENV_PYTHON)' -m pip install --quiet --disable-pip-version-check --only-binary :all: -r python/requirements.txt
	@touch '$@'

wheel: $(PC_VENV)/.installed ## build the packages btree, btrees_json and microtetherdb for CPython
	@echo '== a wheel for CPython'
	@rm -rf '$(WHEELS)' python/microtetherdb
	@mkdir python/microtetherdb
	@cp microtetherdb/*.py python/microtetherdb
	@MAKEFLAGS= '$(PC_VENV)/bin/maturin' build --quiet --manifest-path python/Cargo.toml --interpreter '$(VENV_PYTHON)' --out '$(WHEELS)'
	@'$(VENV_PYTHON)' -m pip install --quiet --disable-pip-version-check --no-index --no-deps --force-reinstall \
		'$(WHEELS)'/*.whl
	@ls '$(WHEELS)'/*.whl

# Scripts for MicroPython run under CPython, too, but for those that need what it has not.
PC_SCRIPTS := tests/micropython/*.py tests/microtetherdb/*.py examples/*.py README.md FORMAT.md docs/*.md

# Stubs; tests of the packages, some of them against zodb-json-codec, BTrees, ZODB and PostgreSQL;
# scripts and examples. SEED=<number> makes other random trees.
test-pc: wheel unix mpbtree-tests ## the Python packages, with zodb-json-codec, ZODB, PostgreSQL, and scripts for MicroPython
	@sh tools/packages.sh 'make test-pc' $(PC_TEST_PACKAGES)
	@echo '== the Python packages'
	@cd '$(PC_VENV)' && bin/python -m mypy.stubtest --mypy-config-file /dev/null btree btrees_json modbtree
	@cd '$(PC_VENV)' && bin/python -m mypy --strict --config-file /dev/null '$(ROOT)/python/tests/typed.py' '$(ROOT)/python/modbtree/zodb.py'
	@MPBTREE='$(MPBTREE_DEBUG)' MICROPYTHON='$(UNIX)' '$(VENV_PYTHON)' -m unittest discover --start-directory python/tests
	@$(run-tests) --cpython tests/cpython/skipped.txt '$(VENV_PYTHON)' $(PC_SCRIPTS)

bench: bench-json
bench-json: wheel ## btrees_json against zodb-json-codec
	@'$(VENV_PYTHON)' python/bench/records.py

# The command-line tool. Its tests use Berkeley DB's own tools.
MPBTREE := $(ROOT)/target/release/mpbtree
CLI_PACKAGES := libdb1-compat db5.3-util

.PHONY: mpbtree mpbtree-tests test-cli test-device bench-cli cli-packages

# Files as trees in ZODB: those whose keys all differ, and are in order.
TREE_FILES := $(foreach file,$(wildcard tests/data/golden/*.db tests/data/golden_be/*.db), \
	$(if $(findstring cbug,$(file))$(findstring dups,$(file)),,$(file)))

mpbtree: ## build mpbtree, the command-line tool, and print where it is
	@echo '== mpbtree'
	@$(CARGO) build --quiet --release -p mpbtree
	@echo '$(MPBTREE)'

cli-packages:
	@sh tools/packages.sh 'make test-cli' $(CLI_PACKAGES)

mpbtree-tests:
	@echo '== mpbtree and its tests'
	@$(CARGO) test --quiet --no-run -p mpbtree -p btrees-json

test-cli: cli-packages wheel mpbtree-tests ## the command-line tool, also with Berkeley DB's tools, ZODB and PostgreSQL
	@sh tools/packages.sh 'make test-cli' $(PC_TEST_PACKAGES)
	@if cargo clippy --version >/dev/null 2>&1; then echo '== cargo clippy -p mpbtree -p btrees-json' && \
	$(CARGO) clippy --quiet -p mpbtree -p btrees-json --all-targets -- -D warnings; fi
	@echo '== cargo test -p mpbtree -p btrees-json'
	@$(CARGO) test --quiet -p mpbtree -p btrees-json
	@echo '== mpbtree with ZODB and PostgreSQL'
	@'$(VENV_PYTHON)' mpbtree/tests/zodb.py '$(MPBTREE_DEBUG)' $(TREE_FILES)
	@python3 mpbtree/tests/postgresql.py '$(MPBTREE_DEBUG)'

test-device: mpbtree-tests qemu-arm $(VENV_READY) ## the command-line tool with files of an emulated board
	@echo '== mpbtree and mpremote'
	@python3 tools/test-device.py '$(VENV)/bin/mpremote' '$(call firmware,arm)' '$(MPBTREE_DEBUG)'

bench: bench-cli
bench-cli: mpbtree cli-packages ## mpbtree dump against db_dump185, and how fast mpbtree check reads
	@python3 benches/mpbtree.py '$(MPBTREE)'
