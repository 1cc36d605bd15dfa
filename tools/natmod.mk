# Native modules: btree.mpy for firmware that is there already, and its tests.

include ports/natmod/archs.mk
NATMOD_ARCHS := x64 x86 armv6m armv7m armv7emsp armv7emdp rv32imc xtensa xtensawin
NATMOD_PACKAGES_x86 := gcc-multilib
$(foreach arch,$(filter arm%,$(NATMOD_ARCHS)),\
	$(eval NATMOD_PACKAGES_$(arch) := gcc-arm-none-eabi libnewlib-arm-none-eabi))
NATMOD_PACKAGES_rv32imc := gcc-riscv64-unknown-elf picolibc-riscv64-unknown-elf
NATMOD_PACKAGES_xtensa := gcc-xtensa-lx106 picolibc-riscv64-unknown-elf

DIST := $(ROOT)/dist
# Of .mpy files, in the names of directories there.
MPY_ABI = $(shell sed -n 's/^MPY_\(SUB_\)\?VERSION = //p' '$(MPY)/tools/mpy_ld.py' | paste -sd.)
NATMOD_FEATURES := repack shortcuts duplicates extras check journal match
# $(call natmod-dir,armv7m): where it is built.
natmod-dir = $(MPY_OUT)/natmod-$(1)

# What MicroPython's linker for native modules imports. Debian has the module venv in a package.
VENV := $(OUT)/venv
VENV_READY := $(VENV)/.modbtree-$(shell cksum < tools/requirements.txt | cut -d ' ' -f 1)

$(VENV_READY): tools/requirements.txt
	@python3 -c 'import ensurepip' 2>/dev/null || sh tools/packages.sh 'make natmods' python3-venv
	@echo '== installing the Python packages of $<'
	@rm -rf '$(VENV)' && python3 -m venv '$(VENV)' && '$(VENV)/bin/pip' install --quiet -r '$<'
	@touch '$@'

$(foreach arch,$(filter-out xtensa%,$(NATMOD_ARCHS)),$(eval NATMOD_ENV_$(arch) := $$(RUST_ENV)))
# Debian's C compiler for ESP8266 has no headers.
NATMOD_OPTIONS_xtensa := CFLAGS_EXTRA=-isystem/usr/lib/picolibc/riscv64-unknown-elf/include \
	MODBTREE_TARGET_DIR='$(XTENSA_RUST_OUT)'
NATMOD_OPTIONS_xtensawin := MODBTREE_TARGET_DIR='$(XTENSA_RUST_OUT)'
# For ESP32 there is Espressif's compiler, or ours, under its name.
ifeq ($(shell command -v xtensa-esp32-elf-gcc),)
NATMOD_PACKAGES_xtensawin = $(ESP32_PACKAGES_xtensa)
XTENSA_BIN := $(OUT)/xtensa-esp32
NATMOD_ENV_xtensawin := PATH='$(XTENSA_BIN)':"$$PATH"
natmod-xtensawin: $(XTENSA_BIN)
$(XTENSA_BIN): tools/xtensa-cc
	@mkdir -p '$@'
	@ln -sf '$(abspath $<)' '$@/xtensa-esp32-elf-gcc'
	@ln -sf /usr/bin/xtensa-lx106-elf-ld '$@/xtensa-esp32-elf-ld'
	@touch '$@'
endif

# $(call make-natmod,armv7m,directory,features)
make-natmod = rust=$$(sh tools/rust-target.sh '$(NATMOD_RUST_$(1))' '$(XTENSA_RUST_OUT)') && eval "set -- $$rust" && \
	$(NATMOD_ENV_$(1)) $(MPY_ENV) $(submake) -C ports/natmod ARCH='$(1)' MPY_DIR='$(MPY)' BUILD='$(2)' PYTHON='$(VENV)/bin/python' \
	MODBTREE_RUST_TARGET='$(NATMOD_RUST_$(1))' MODBTREE_FEATURES='$(3)' $(NATMOD_OPTIONS_$(1)) "$$@"

.PHONY: natmod natmods $(NATMOD_ARCHS:%=natmod-%)

natmod: ## btree.mpy for one architecture: make natmod ARCH=armv7m
ifeq ($(filter $(ARCH),$(NATMOD_ARCHS)),)
	@echo 'make natmod ARCH=<one of: $(NATMOD_ARCHS)>' >&2; exit 1
else
	+@$(submake) natmod-$(ARCH)
endif

natmods: $(NATMOD_ARCHS:%=natmod-%) ## btree.mpy for all architectures, in dist/

$(NATMOD_ARCHS:%=natmod-%): natmod-%: $(MPY_READY) $(VENV_READY) | packages
	@$(if $(NATMOD_PACKAGES_$*),sh tools/packages.sh 'make $@' $(NATMOD_PACKAGES_$*))
	@echo '== btree.mpy for $*'
	@mkdir -p '$(MPY_OUT)'
	+@$(call make-natmod,$*,$(call natmod-dir,$*),$(NATMOD_FEATURES)) $(call log,natmod-$*)
	@python3 tools/natmod_dist.py '$(VERSION)' '$(DIST)' '$(call natmod-dir,$*)/btree.mpy'

# Firmware without a module of this name, to import it.
PLAIN := x64 setjmp x86 arm riscv
plain = $(MPY_OUT)/plain-$(1)
WITHOUT_BTREE := USER_C_MODULES= MICROPY_PY_BTREE=0
# Exceptions as in the esp32 port. MicroPython itself has one place with a warning then.
PLAIN_OPTIONS_setjmp := CFLAGS_EXTRA='-DMICROPY_NLR_SETJMP=1 -Wno-clobbered'
PLAIN_OPTIONS_x86 := MICROPY_FORCE_32BIT=1

.PHONY: $(PLAIN:%=plain-%)

plain-x64 plain-setjmp plain-x86: plain-%: mpy-cross
	@$(if $(NATMOD_PACKAGES_$*),sh tools/packages.sh 'make $@' $(NATMOD_PACKAGES_$*))
	@echo '== MicroPython for this machine without btree ($*)'
	+@$(MPY_ENV) $(submake) -C '$(MPY)/ports/unix' BUILD='$(call plain,$*)' VARIANT_DIR='$(UNIX_VARIANT)' \
		MICROPY_MPYCROSS='$(MPY_CROSS)' $(WITHOUT_BTREE) $(PLAIN_OPTIONS_$*) $(call log,plain-$*)

plain-arm plain-riscv: plain-%: mpy-cross
	@sh tools/packages.sh 'make $@' $(QEMU_PACKAGES_$*)
	@echo '== firmware for $(QEMU_BOARD_$*) without btree'
	+@$(call make-qemu,$*,$(call plain,$*),$(WITHOUT_BTREE)) $(call log,plain-$*)

# Streams in Python are told where to go by a structure in memory, whose numbers have 64 bits in a
# unix port of 32 bits. These take them for smaller.
LONG_SEEKS := $(shell grep -l uctypes tests/micropython/*.py examples/*.py)
NATMOD_SCRIPTS := '$(MPY)'/tests/extmod/btree*.py $(wildcard tests/micropython/*.py examples/*.py) README.md FORMAT.md
# These take long and run on the same boards with the module in the firmware.
LONG_SCRIPTS := $(patsubst %,tests/micropython/%.py,flash_cost heap_sweep io_sweep model_big model_small mutants \
	power_cut sizes_big) examples/copy.py examples/reader.py

# These have littlefs disks that are too small for a journal that cannot be cut off, and count what is written.
SEEN_LFS2 := $(patsubst %,tests/microtetherdb/%.py,file retries)

NATMOD_TESTS := x64 setjmp x86 armv6m armv7m rv32imc
NATMOD_STEPS := $(NATMOD_TESTS:%=test-natmod-%) test-natmod-least test-mip test-natmod-name $(NATMOD_ARCHS:%=natmod-%)
NATMOD_ARCH_setjmp := x64
# How to run the tests, and what to leave out. With x64 it is nearly all.
NATMOD_RUN_x64 = '$(call plain,x64)/micropython'
NATMOD_RUN_setjmp = '$(call plain,setjmp)/micropython'
NATMOD_RUN_x86 = --heapsize 2m '$(call plain,x86)/micropython'
NATMOD_RUN_armv6m = --qemu arm $(ON_LFS2) '$(call plain,arm)/firmware.elf'
NATMOD_RUN_armv7m = $(NATMOD_RUN_armv6m)
NATMOD_RUN_rv32imc = --qemu riscv $(ON_LFS2) '$(call plain,riscv)/firmware.elf'
NATMOD_NOT_x64 = $(SEEN_LFS2) $(filter %/power_cut.py %/power_model.py,$(wildcard tests/*/*.py))
NATMOD_NOT_x86 = $(LONG_SEEKS)
NATMOD_NOT_setjmp = $(LONG_SCRIPTS)
NATMOD_NOT_armv6m = $(LONG_SCRIPTS)
NATMOD_NOT_armv7m = $(LONG_SCRIPTS)
NATMOD_NOT_rv32imc = $(LONG_SCRIPTS)
natmod-scripts = $(filter-out $(NATMOD_NOT_$(1)),$(if $(filter x64,$(1)),\
	$(EACH_SCRIPT),$(NATMOD_SCRIPTS)))

.PHONY: test-natmod $(NATMOD_TESTS:%=test-natmod-%) test-natmod-least test-natmod-name test-mip

test-natmod: $(NATMOD_STEPS) ## the tests with MicroPython, with native modules

test-natmod-x64: natmod-x64 plain-x64
test-natmod-setjmp: natmod-x64 plain-setjmp
test-natmod-x86: natmod-x86 plain-x86
test-natmod-armv6m: natmod-armv6m plain-arm
test-natmod-armv7m: natmod-armv7m plain-arm
test-natmod-rv32imc: natmod-rv32imc plain-riscv

$(NATMOD_TESTS:%=test-natmod-%): test-natmod-%:
	@echo '== scripts under MicroPython with btree.mpy ($*)'
	@$(if $(NATMOD_NOT_$*),echo 'not run: $(notdir $(NATMOD_NOT_$*))')
	@$(run-tests) --native '$(call natmod-dir,$(or $(NATMOD_ARCH_$*),$*))' \
		$(NATMOD_RUN_$*) $(call natmod-scripts,$*) tests/natmod/unloaded.py

# With no features at all: these use what is missing then, or files with duplicate keys.
NEED_FEATURES := $(patsubst %,tests/micropython/%.py,args_open bug_lfs2_seek duplicates finalise flash_cost heap_sweep \
	io_sweep journal mutants power_cut)

test-natmod-least: plain-x64 size-natmod-x64
	@echo '== scripts under MicroPython with the least btree.mpy'
	@$(run-tests) --native '$(call mpy-dir,x64,none)' '$(call plain,x64)/micropython' \
		'$(MPY)'/tests/extmod/btree*.py $(filter-out $(NEED_FEATURES),$(wildcard tests/micropython/*.py)) examples/docs.py

# As where the firmware has a btree of its own.
test-natmod-name: natmod-x64 unix
	@echo '== modbtree.mpy beside a built-in btree'
	@$(run-tests) --native '$(DIST)/x64_$(MPY_ABI)' '$(UNIX)' tests/natmod/second_name.py

# A terminal takes its time, so most of it is with the least module.
MIP_LEAST := $(MPY_OUT)/mip

test-mip: natmod-armv7m size-natmod-armv7m plain-arm package ## mpremote's mip, with an emulated board
	@echo '== mpremote mip install'
	@python3 tools/natmod_dist.py '$(VERSION)' '$(MIP_LEAST)' '$(call mpy-dir,armv7m,none)/btree.mpy' >/dev/null
	@python3 tools/test-mip.py '$(VENV)/bin/mpremote' '$(call plain,arm)/firmware.elf' '$(DIST)/armv7m_$(MPY_ABI)' \
		'$(PACKAGE)/package.json' '$(MIP_LEAST)/armv7m_$(MPY_ABI)'

# What native modules take: those with the API of the C module, with all that this one has more, and with the
# queries of microtetherdb.
MPY_ARCHS := armv6m armv7m rv32imc x64
MPY_SETS := none all all+match
MPY_FEATURES_none :=
MPY_FEATURES_all := repack shortcuts duplicates extras check journal
# $(call mpy-dir,armv7m,none): with `match`, too, it is the one that is for all.
mpy-dir = $(if $(filter all+match,$(2)),$(natmod-dir),$(MPY_OUT)/size-natmod-$(1)-$(2))

.PHONY: size-mpy $(MPY_ARCHS:%=size-natmod-%)

$(MPY_ARCHS:%=size-natmod-%): size-natmod-%: natmod-%
	@echo '== btree.mpy for $*, with less features'
	+@{ $(foreach set,none all,( $(call make-natmod,$*,$(call mpy-dir,$*,$(set)),$(MPY_FEATURES_$(set))) ) &&) true; } \
		$(call log,size-natmod-$*)

size-mpy: $(MPY_ARCHS:%=size-natmod-%)
	@echo '== figures for native modules'
	@python3 tools/figures.py $(WRITE) mpy tests/figures/mpy.json \
		$(foreach set,$(MPY_SETS),$(foreach arch,$(MPY_ARCHS),'$(set)=$(call mpy-dir,$(arch),$(set))/btree.mpy'))
