# MicroPython's sources, mpy-cross and the unix port. Nothing is written into a tree given as
# MICROPYTHON_DIR, and each tree has a build directory of its own.

MICROPYTHON_VERSION := 1.25.0
MICROPYTHON_SHA256 := 7b25be99a502f070b2de81dafc08da7051d992325d6e67daa9045a918fffdbea

ifeq ($(MICROPYTHON_DIR),)
MPY := $(OUT)/micropython-$(MICROPYTHON_VERSION)
MPY_OUT := $(OUT)/mp-$(MICROPYTHON_VERSION)
MPY_READY := $(MPY)/.modbtree-unpacked
# Otherwise git finds our repository around the sources and takes its version for theirs.
MPY_ENV := MICROPY_GIT_TAG=v$(MICROPYTHON_VERSION)
else
MPY := $(abspath $(MICROPYTHON_DIR))
MPY_OUT := $(OUT)/mp-$(notdir $(MPY))-$(firstword $(shell printf %s '$(MPY)' | cksum))
MPY_READY := $(MPY)/py/mpconfig.h
MPY_ENV := GIT_CEILING_DIRECTORIES='$(patsubst %/,%,$(dir $(MPY)))'
endif
# Python's compiled files stay out of the sources, too.
MPY_ENV += PYTHONPYCACHEPREFIX='$(OUT)/pycache'

MPY_CROSS := $(MPY_OUT)/mpy-cross/mpy-cross
UNIX := $(MPY_OUT)/unix/micropython
UNIX_VARIANT := $(ROOT)/ports/unix/variants/modbtree
# What cargo builds for MicroPython, but for Xtensa, on the way: bindgen once, for all targets. What it
# makes is in the directory of each firmware, so that one build cannot take what is another's.
RUST_OUT := $(MPY_OUT)/rust
RUST_ENV := CARGO_BUILD_BUILD_DIR='$(RUST_OUT)'
# For Xtensa it takes features of cargo that are not stable, and what is built with these is not the same.
XTENSA_RUST_OUT := $(MPY_OUT)/rust-xtensa

# The end of a recipe whose output, but for error messages, is shown only if it fails.
log = >'$(MPY_OUT)/$(1).log' || { tail -n 20 '$(MPY_OUT)/$(1).log' >&2; exit 1; }

.PHONY: mpy-cross unix

$(OUT)/micropython-$(MICROPYTHON_VERSION)/.modbtree-unpacked: tools/fetch-micropython.sh | packages
	@sh $< '$(MICROPYTHON_VERSION)' '$(MICROPYTHON_SHA256)' '$(@D)'
	@touch '$@'

ifneq ($(MICROPYTHON_DIR),)
$(MPY_READY):
	@echo 'MICROPYTHON_DIR=$(MICROPYTHON_DIR) is no MicroPython source tree' >&2; exit 1
endif

mpy-cross: $(MPY_READY) | packages
	@echo '== mpy-cross'
	@mkdir -p '$(MPY_OUT)'
	+@$(MPY_ENV) $(submake) -C '$(MPY)/mpy-cross' BUILD='$(MPY_OUT)/mpy-cross' USER_C_MODULES= $(call log,mpy-cross)

unix: mpy-cross
	@echo '== MicroPython for this machine, with btree in Rust'
	+@$(RUST_ENV) $(MPY_ENV) $(submake) -C '$(MPY)/ports/unix' BUILD='$(MPY_OUT)/unix' VARIANT_DIR='$(UNIX_VARIANT)' \
		USER_C_MODULES='$(ROOT)' MICROPY_MPYCROSS='$(MPY_CROSS)' $(call log,unix)
