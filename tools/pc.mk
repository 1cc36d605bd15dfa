# The PC side: the command-line tool, Python packages for CPython, and records of BTrees as JSON.

PC_PACKAGES := python3-venv
# A server of its own is started by the tests.
PC_TEST_PACKAGES := postgresql
PC_VENV := $(OUT)/pc-venv
VENV_PYTHON := $(PC_VENV)/bin/python
WHEELS := $(OUT)/wheels

.PHONY: pc-packages wheel test-pc bench-json

STEPS += test-pc
FUZZ_TARGETS += pickle json

pc-packages:
	@sh tools/packages.sh 'make wheel' $(BUILD_PACKAGES) $(PC_PACKAGES)

$(PC_VENV)/.installed: python/requirements.txt | pc-packages
	@echo '== a virtual environment for Python'
	@rm -rf '$(PC_VENV)'
	@python3 -m venv '$(PC_VENV)'
	@'$(VENV_PYTHON)' -m pip install --quiet --disable-pip-version-check --only-binary :all: -r python/requirements.txt
	@touch '$@'

wheel: $(PC_VENV)/.installed ## build the Python packages btree and btrees_json for CPython
	@echo '== a wheel for CPython'
	@rm -rf '$(WHEELS)'
	@'$(PC_VENV)/bin/maturin' build --quiet --manifest-path python/Cargo.toml --interpreter '$(VENV_PYTHON)' --out '$(WHEELS)'
	@'$(VENV_PYTHON)' -m pip install --quiet --disable-pip-version-check --no-index --no-deps --force-reinstall \
		'$(WHEELS)'/*.whl
	@ls '$(WHEELS)'/*.whl

# Scripts for MicroPython run under CPython, too, but for those that need what it has not.
PC_SCRIPTS := tests/micropython/*.py tests/microtetherdb/*.py examples/*.py README.md FORMAT.md docs/*.md

# Stubs; tests of the packages, some of them against zodb-json-codec, BTrees, ZODB and PostgreSQL;
# scripts and examples. SEED=<number> makes other random trees.
test-pc: wheel ## the Python packages, with zodb-json-codec, ZODB, PostgreSQL, and scripts for MicroPython
	@sh tools/packages.sh 'make test-pc' $(PC_TEST_PACKAGES)
	@echo '== the Python packages'
	@cd '$(PC_VENV)' && bin/python -m mypy.stubtest --mypy-config-file /dev/null btree btrees_json modbtree
	@cd '$(PC_VENV)' && bin/python -m mypy --strict --config-file /dev/null '$(ROOT)/python/tests/typed.py' '$(ROOT)/python/modbtree/zodb.py'
	@PYTHONPATH='$(ROOT)' '$(VENV_PYTHON)' -m unittest discover --start-directory python/tests
	@python3 tools/run-tests.py --cpython tests/cpython/skipped.txt --path '$(ROOT)' '$(VENV_PYTHON)' $(PC_SCRIPTS)

bench: bench-json
bench-json: wheel ## btrees_json against zodb-json-codec
	@'$(VENV_PYTHON)' python/bench/records.py

# The command-line tool. Its tests use Berkeley DB's own tools.
MPBTREE := $(ROOT)/target/release/mpbtree
CLI_PACKAGES := libdb1-compat db5.3-util

.PHONY: mpbtree test-cli bench-cli cli-packages

STEPS += test-cli

mpbtree: ## build mpbtree, the command-line tool, and print where it is
	@echo '== mpbtree'
	@cargo build --quiet --release -p mpbtree
	@echo '$(MPBTREE)'

cli-packages:
	@sh tools/packages.sh 'make test-cli' $(CLI_PACKAGES)

test-cli: cli-packages ## the command-line tool, also against Berkeley DB's tools
	@if cargo clippy --version >/dev/null 2>&1; then echo '== cargo clippy -p mpbtree' && \
	cargo clippy --quiet -p mpbtree --all-targets -- -D warnings; fi
	@echo '== cargo test -p mpbtree'
	@cargo test --quiet -p mpbtree

bench: bench-cli
bench-cli: mpbtree cli-packages ## mpbtree dump against db_dump185, and how fast mpbtree check reads
	@python3 benches/mpbtree.py '$(MPBTREE)'
