# MicroPython's make ports read this file for USER_C_MODULES=<the top of this repository>.
# It puts modbtree.c and the Rust library in the place of the built-in btree module.
#
# To be set on the command line, or by a board or variant:
#   MODBTREE_RUST_TARGET  Rust target triple; empty: the machine that builds
#   MODBTREE_PROFILE      release, or firmware (small)
#   MODBTREE_FEATURES     any of extras, check, journal and match, see Cargo.toml
#   MODBTREE_CARGO        the cargo command, and MODBTREE_CARGO_FLAGS more arguments for it
#   MODBTREE_TARGET_DIR   where cargo builds

MODBTREE_RUST_TARGET ?=
MODBTREE_PROFILE ?= release
MODBTREE_FEATURES ?= extras check journal match
MODBTREE_CARGO ?= cargo
MODBTREE_CARGO_FLAGS ?=
MODBTREE_TARGET_DIR ?= $(BUILD)/modbtree

# extmod.mk, read later, would add the module we replace.
override MICROPY_PY_BTREE := 0

MODBTREE_TOP := $(patsubst %/,%,$(dir $(USERMOD_DIR)))
MODBTREE_VERSION := $(shell sed -n 's/^version = "\(.*\)"$$/\1/p' '$(MODBTREE_TOP)/Cargo.toml')
MODBTREE_EXPORTS := $(shell sed -n 's/^[a-z].* \**\(btree_[a-z_]*\)(.*);$$/\1/p' '$(MODBTREE_TOP)/modbtree.h')
MODBTREE_LIB = $(MODBTREE_TARGET_DIR)/$(addsuffix /,$(MODBTREE_RUST_TARGET))$(MODBTREE_PROFILE)/libmodbtree.a

SRC_USERMOD_C += $(addprefix $(MODBTREE_TOP)/,modbtree.c modbtree_check.c modbtree_dict.c \
	modbtree_journal.c modbtree_match.c modbtree_stream.c)
CFLAGS_USERMOD += -I$(MODBTREE_TOP) -DMODBTREE_VERSION=\"$(MODBTREE_VERSION)\"
ifneq ($(filter extras,$(MODBTREE_FEATURES)),)
CFLAGS_USERMOD += -DMODBTREE_EXTRAS=1
endif
ifneq ($(filter check,$(MODBTREE_FEATURES)),)
CFLAGS_USERMOD += -DMODBTREE_CHECK=1
endif
ifneq ($(filter journal,$(MODBTREE_FEATURES)),)
CFLAGS_USERMOD += -DMODBTREE_JOURNAL=1
endif
ifneq ($(filter match,$(MODBTREE_FEATURES)),)
CFLAGS_USERMOD += -DMODBTREE_MATCH=1
endif
# One object, because ports differ in where they put archives on the command line of the linker.
PY_O += $(BUILD)/modbtree_core.o

# What bindgen has to know of the flags of the C compiler: definitions without quotes, and
# directories, made absolute because bindgen runs elsewhere.
MODBTREE_DEFINES = $(foreach f,$(filter -D%,$(CFLAGS)),$(if $(findstring ",$f)$(findstring ',$f),,$f))
MODBTREE_INCLUDES = $(foreach d,$(patsubst -I%,%,$(filter -I%,$(CFLAGS))),-I$(abspath $d))
ifneq ($(MODBTREE_RUST_TARGET),)
# Nor does libclang know where a cross compiler has its headers.
MODBTREE_SYSTEM = $(addprefix -isystem,$(realpath $(shell \
	$(CC) $(filter -m% --specs=% -specs=%,$(CFLAGS)) -xc -E -v /dev/null 2>&1 >/dev/null | sed -n 's/^ \//\//p')))
endif

# cargo knows better than make what is up to date, and leaves the archive alone if it is.
# It is no part of make's job server, hence MAKEFLAGS.
$(MODBTREE_LIB): FORCE
	$(ECHO) "CARGO $@"
	$(Q)MAKEFLAGS= \
	MODBTREE_VERSION='$(MODBTREE_VERSION)' \
	MICROPYTHON_DIR='$(abspath $(TOP))' \
	MICROPYTHON_PORT_DIR='$(CURDIR)' \
	MICROPYTHON_VARIANT_DIR='$(abspath $(firstword $(VARIANT_DIR) $(BOARD_DIR)))' \
	MICROPYTHON_CFLAGS='$(MODBTREE_DEFINES) $(MODBTREE_INCLUDES) $(MODBTREE_SYSTEM)' \
	$(MODBTREE_CARGO) rustc --quiet --manifest-path '$(abspath $(MODBTREE_TOP))/Cargo.toml' \
		--lib --crate-type staticlib --profile '$(MODBTREE_PROFILE)' \
		--no-default-features --features 'micropython $(MODBTREE_FEATURES)' \
		--target-dir '$(abspath $(MODBTREE_TARGET_DIR))' \
		$(addprefix --target ,$(MODBTREE_RUST_TARGET)) $(MODBTREE_CARGO_FLAGS)

# The prebuilt core refers to symbols of std, and only dropping unused sections gets rid of
# that. Nothing but btree_* stays visible, so nothing clashes with the firmware. Linker
# scripts have no place for ARM's unwind tables, which a library that aborts does not need.
$(BUILD)/modbtree_core.o: $(MODBTREE_LIB) $(MODBTREE_TOP)/modbtree.h
	$(ECHO) "LD $@"
	$(Q)$(LD) -r --gc-sections $(addprefix -u ,$(MODBTREE_EXPORTS)) -e $(firstword $(MODBTREE_EXPORTS)) -o $@ $<
	$(Q)$(OBJCOPY) -w --keep-global-symbol='btree_*' --remove-section='.ARM.exidx*' \
		--remove-section='.rel.ARM.exidx*' --remove-section='.ARM.extab*' $@

# MODBTREE_VERSION.
$(BUILD)/modbtree.o: $(MODBTREE_TOP)/Cargo.toml

# MicroPython numbers the strings of frozen code anew only if that code changes. A new name in
# modbtree.c shifts the numbers, too, and the next build would fail.
$(BUILD)/frozen_content.c: $(BUILD)/modbtree_names
$(BUILD)/modbtree_names: $(HEADER_BUILD)/qstrdefs.generated.h
	$(Q)$(RM) -f $(BUILD)/frozen_content.c
	$(Q)$(TOUCH) $@
