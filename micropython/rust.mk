# What user modules (micropython.mk) and native modules (ports/natmod) share: the Rust library,
# $(BUILD)/modbtree.a, and the C files with their flags. MODBTREE_TOP is the top of this repository;
# TOP, BUILD, CC, CFLAGS, Q, ECHO and the target FORCE are as in MicroPython's makefiles.

MODBTREE_RUST_TARGET ?=
MODBTREE_PROFILE ?= release
MODBTREE_FEATURES ?= repack shortcuts duplicates extras check journal match
MODBTREE_CARGO ?= cargo
MODBTREE_CARGO_FLAGS ?=
MODBTREE_TARGET_DIR ?= $(BUILD)/modbtree
# Arguments for the Rust compiler.
MODBTREE_RUSTC_FLAGS ?=

MODBTREE_VERSION := $(shell sed -n 's/^version = "\(.*\)"$$/\1/p' '$(MODBTREE_TOP)/Cargo.toml')
MODBTREE_EXPORTS := $(shell sed -n 's/^[a-z].* \**\(btree_[a-z_]*\)(.*);$$/\1/p' '$(MODBTREE_TOP)/modbtree.h')
# A description of a target, for Xtensa, has the name of the target.
MODBTREE_TRIPLE = $(notdir $(patsubst %.json,%,$(MODBTREE_RUST_TARGET)))
MODBTREE_LIB = $(MODBTREE_TARGET_DIR)/$(addsuffix /,$(MODBTREE_TRIPLE))$(MODBTREE_PROFILE)/libmodbtree.a

MODBTREE_SRC_C := modbtree.c modbtree_check.c modbtree_dict.c modbtree_iter.c modbtree_journal.c \
	modbtree_json.c modbtree_match.c modbtree_stream.c
MODBTREE_CFLAGS = -I$(MODBTREE_TOP) -DMODBTREE_VERSION=\"$(MODBTREE_VERSION)\" \
	$(patsubst %,-DMODBTREE_%=1,$(shell echo $(MODBTREE_FEATURES) | tr a-z- A-Z_))

# What bindgen has to know of the flags of the C compiler: definitions without quotes, and
# directories, made absolute because bindgen runs elsewhere.
MODBTREE_DEFINES = $(foreach f,$(filter -D%,$(CFLAGS)),$(if $(findstring ",$f)$(findstring ',$f),,$f))
MODBTREE_INCLUDES = $(foreach d,$(patsubst -I%,%,$(filter -I%,$(CFLAGS))),-I$(abspath $d))
ifneq ($(MODBTREE_RUST_TARGET),)
# Nor does libclang know where a cross compiler has its headers.
MODBTREE_SYSTEM = $(filter -isystem%,$(CFLAGS)) $(addprefix -isystem,$(realpath $(shell \
	$(CC) $(filter -m% --specs=% -specs=%,$(CFLAGS)) -xc -E -v /dev/null 2>&1 >/dev/null | sed -n 's/^ \//\//p')))
endif
ifneq ($(findstring xtensa,$(MODBTREE_RUST_TARGET)),)
# Most versions of it do not even know Xtensa; types have the same sizes there.
MODBTREE_SYSTEM += --target=riscv32-unknown-none-elf
# And what Rust makes has to be corrected. $(call modbtree-xtensa-object,object,options)
MODBTREE_RUSTC_FLAGS += --emit=asm
modbtree-xtensa-object = $(PYTHON) '$(MODBTREE_TOP)/micropython/xtensa-object.py' $(2) '$(MODBTREE_LIB)' '$(1)' $(CC)
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
		$(addprefix --target ,$(MODBTREE_RUST_TARGET)) $(MODBTREE_CARGO_FLAGS) \
		$(if $(MODBTREE_RUSTC_FLAGS),-- $(MODBTREE_RUSTC_FLAGS))

# The archive that cargo provides may be older than what was here before, if it was built for
# other features then.
$(BUILD)/modbtree.a: $(MODBTREE_LIB)
	$(Q)cmp -s $< $@ || $(CP) $< $@
