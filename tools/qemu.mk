# MicroPython's qemu port: firmware for emulated boards, and what runs there.

QEMU_BOARDS := arm riscv
QEMU_BOARD_arm := MPS2_AN385
QEMU_BOARD_riscv := VIRT_RV32
QEMU_RUST_arm := thumbv7m-none-eabi
QEMU_RUST_riscv := riscv32imac-unknown-none-elf
QEMU_PACKAGES_arm := gcc-arm-none-eabi libnewlib-arm-none-eabi qemu-system-arm
QEMU_PACKAGES_riscv := gcc-riscv64-unknown-elf picolibc-riscv64-unknown-elf qemu-system-misc

# $(call firmware,arm)
firmware = $(MPY_OUT)/qemu-$(1)/firmware.elf
# A make of MicroPython's qemu port: $(call make-qemu,arm,build directory,variables). A board of
# ours is MicroPython's with file systems.
# MicroPython's makefiles do not notice when a board changes.
make-qemu = if [ -n "$$(find ports/qemu/boards -newer '$(2)/firmware.elf' 2>/dev/null)" ]; then rm -rf '$(2)'; fi; \
	$(RUST_ENV) $(MPY_ENV) $(submake) -C '$(MPY)/ports/qemu' BOARD='$(QEMU_BOARD_$(1))' \
	BOARD_DIR='$(ROOT)/ports/qemu/boards/$(QEMU_BOARD_$(1))' BUILD='$(2)' USER_C_MODULES='$(ROOT)' \
	MICROPY_MPYCROSS='$(MPY_CROSS)' MICROPY_MPYCROSS_DEPENDENCY='$(MPY_CROSS)' $(3)

# Before a script: a RAM disk with a file system.
ON_LFS2 := --begin ports/qemu/ramdisk.py --begin ports/qemu/lfs2.py
ON_FAT := --begin ports/qemu/ramdisk.py --begin ports/qemu/fat.py
# These use files.
FILE_SCRIPTS := tests/micropython/stream_file.py tests/micropython/stream_rb.py \
	tests/micropython/bug_append_mode.py examples/docs.py README.md

.PHONY: qemu $(QEMU_BOARDS:%=qemu-%) test-qemu $(QEMU_BOARDS:%=test-qemu-%)

# Runs a target for each board: $(call each,test-qemu). A failure of one does not hide another.
each = failed=; for board in $(QEMU_BOARDS); do $(MAKE) --no-print-directory $(1)-$$board || failed=1; done; test -z "$$failed"

qemu: $(QEMU_BOARDS:%=qemu-%) ## firmware for emulated boards: Cortex-M3 and RISC-V

qemu-arm: ## firmware for QEMU's mps2-an385 (Cortex-M3)
qemu-riscv: ## firmware for QEMU's virt (RV32IMAC)

$(QEMU_BOARDS:%=qemu-%): qemu-%: mpy-cross
	@sh tools/packages.sh 'make $@' $(QEMU_PACKAGES_$*)
	@echo '== firmware for $(QEMU_BOARD_$*)'
	+@rust=$$(sh tools/rust-target.sh '$(QEMU_RUST_$*)') && \
	eval "set -- $$rust" && $(call make-qemu,$*,$(MPY_OUT)/qemu-$*,"$$@") $(call log,qemu-$*)

test-qemu: ## the tests with MicroPython on emulated boards
	+@$(call each,test-qemu)

$(QEMU_BOARDS:%=test-qemu-%): test-qemu-%: qemu-%
	@echo '== scripts under MicroPython on $(QEMU_BOARD_$*), files on littlefs'
	@$(run-tests) --qemu $* $(ON_LFS2) '$(call firmware,$*)' $(TEST_SCRIPTS)
	@echo '== scripts under MicroPython on $(QEMU_BOARD_$*), files on FAT'
	@$(run-tests) --qemu $* $(ON_FAT) '$(call firmware,$*)' $(FILE_SCRIPTS)

# What the module costs: its code with less than all features, and with all what it does, too.
# The last but one lacks `match`; only the one with all has microtetherdb frozen in it.
SIZE_SETS := none extras extras+check extras+check+journal
SIZE_FEATURES_none :=
SIZE_FEATURES_extras := repack shortcuts duplicates extras
SIZE_FEATURES_extras+check := $(SIZE_FEATURES_extras) check
SIZE_FEATURES_extras+check+journal := $(SIZE_FEATURES_extras+check) journal
size-dir = $(MPY_OUT)/size-$(1)
size-firmware = $(size-dir)/$(2).elf
# They are measured and not run, so MicroPython's own part, with all names, is that of the firmware with all.
begin-size = rm -rf '$(size-dir)' && cp -Rp '$(MPY_OUT)/qemu-$(1)' '$(size-dir)' && rm -rf '$(size-dir)'/frozen_*
make-size = rm -f '$(size-dir)'/modbtree*.[ao] && \
	{ $(call make-qemu,$(1),$(size-dir),MODBTREE_FEATURES='$(SIZE_FEATURES_$(2))' \
	FROZEN_MANIFEST='$(MPY)/extmod/asyncio/manifest.py' "$$@"); } $(call log,size-$(1)) && \
	for end in elf map; do cp "$(size-dir)/firmware.$$end" "$(basename $(size-firmware)).$$end"; done

SIZE_STEPS := $(QEMU_BOARDS:%=size-%) size-mpy

.PHONY: size size-baseline $(QEMU_BOARDS:%=size-%)

size: ## code, heap, stack and instructions on the boards, native modules: compared with tests/figures
	+@failed=; for what in $(SIZE_STEPS); do $(MAKE) --no-print-directory $$what || failed=1; done; \
	test -z "$$failed"

size-baseline: ## the figures of this tree become those that make size compares with
	+@$(MAKE) --no-print-directory size WRITE=--write

$(QEMU_BOARDS:%=size-%): size-%: qemu-%
	@echo '== figures for $(QEMU_BOARD_$*)'
	+@rust=$$(sh tools/rust-target.sh '$(QEMU_RUST_$*)') && eval "set -- $$rust" && $(call begin-size,$*) \
	$(foreach set,$(SIZE_SETS),&& $(call make-size,$*,$(set)))
	@python3 tools/figures.py $(WRITE) $* tests/figures/$*.json \
		$(foreach set,$(SIZE_SETS),'$(set)=$(call size-firmware,$*,$(set))') 'all=$(call firmware,$*)'
