# MicroPython's make ports read this file for USER_C_MODULES=<the top of this repository>.
# It puts modbtree.c and the Rust library in the place of the built-in btree module.
#
# To be set on the command line, or by a board or variant:
#   MODBTREE_RUST_TARGET  Rust target triple; empty: the machine that builds
#   MODBTREE_PROFILE      release, or firmware (small)
#   MODBTREE_FEATURES     any of extras, check, journal and match, see Cargo.toml
#   MODBTREE_CARGO        the cargo command, and MODBTREE_CARGO_FLAGS more arguments for it
#   MODBTREE_TARGET_DIR   where cargo builds

# extmod.mk, read later, would add the module we replace.
override MICROPY_PY_BTREE := 0

MODBTREE_TOP := $(patsubst %/,%,$(dir $(USERMOD_DIR)))
include $(MODBTREE_TOP)/micropython/rust.mk

SRC_USERMOD_C += $(addprefix $(MODBTREE_TOP)/,$(MODBTREE_SRC_C))
SRC_USERMOD_LIB_C += $(MODBTREE_TOP)/modbtree_aeabi.c
CFLAGS_USERMOD += $(MODBTREE_CFLAGS)
# One object, because ports differ in where they put archives on the command line of the linker.
PY_O += $(BUILD)/modbtree_core.o
# Linkers for several machines have to be told which one is meant.
MODBTREE_LDFLAGS = $(if $(filter riscv32%,$(MODBTREE_RUST_TARGET)),-m elf32lriscv)

ifneq ($(findstring esp8266,$(MODBTREE_RUST_TARGET)),)
# The linker script of the esp8266 port puts code that it does not know into RAM, which has no room
# for it, and constants into flash, where Rust cannot read single bytes as C compilers can.
MODBTREE_SECTIONS := --rename .text=.irom0.text --rename .rodata=.data.modbtree
CFLAGS_USERMOD += -fno-function-sections
$(MODBTREE_SRC_C:%.c=$(BUILD)/%.o): $(BUILD)/%.o: $(MODBTREE_TOP)/%.c
	$(call compile_c)
	$(Q)$(OBJCOPY) --rename-section .text=.irom0.text $@
endif

# Only our own part of the archive: memcpy() and the like are those of the firmware, which are
# smaller than Rust's. Nothing but btree_* stays visible, so nothing clashes with the firmware.
# Linker scripts have no place for ARM's unwind tables, which a library that aborts does not need;
# nor do microcontrollers need those of DWARF, which debuggers on a PC like to have.
$(BUILD)/modbtree_core.o: $(BUILD)/modbtree.a $(MODBTREE_TOP)/modbtree.h
	$(ECHO) "LD $@"
ifneq ($(findstring xtensa,$(MODBTREE_RUST_TARGET)),)
	$(Q)$(call modbtree-xtensa-object,$@,$(MODBTREE_SECTIONS))
else
	$(Q)cd $(@D) && $(RM) -f modbtree-*.o && $(AR) x $(abspath $<) $$($(AR) t $(abspath $<) | grep '^modbtree-')
	$(Q)$(LD) $(MODBTREE_LDFLAGS) -r --gc-sections $(addprefix -u ,$(MODBTREE_EXPORTS)) -e $(firstword $(MODBTREE_EXPORTS)) -o $@ $(@D)/modbtree-*.o
endif
	$(Q)$(OBJCOPY) -w --keep-global-symbol='btree_*' --remove-section='.ARM.exidx*' \
		--remove-section='.rel.ARM.exidx*' --remove-section='.ARM.extab*' \
		$(if $(MODBTREE_RUST_TARGET),--remove-section='.eh_frame' --remove-section='.rel*.eh_frame') $@

# MODBTREE_VERSION.
$(BUILD)/modbtree.o: $(MODBTREE_TOP)/Cargo.toml

# MicroPython numbers the strings of frozen code anew only if that code changes. A new name in
# modbtree.c shifts the numbers, too, and the next build would fail.
$(BUILD)/frozen_content.c: $(BUILD)/modbtree_names
$(BUILD)/modbtree_names: $(HEADER_BUILD)/qstrdefs.generated.h
	$(Q)$(RM) -f $(BUILD)/frozen_content.c
	$(Q)$(TOUCH) $@
