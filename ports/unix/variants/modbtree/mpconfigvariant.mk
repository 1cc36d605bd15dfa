# The standard variant without what needs a submodule or a library of the system.
FROZEN_MANIFEST ?= $(VARIANT_DIR)/manifest.py

MICROPY_PY_SSL = 0
MICROPY_SSL_MBEDTLS = 0
MICROPY_PY_FFI = 0

# MicroPython asks for this folder of a submodule although our manifest does not use it.
ifeq ($(wildcard $(MPY_LIB_DIR)/README.md),)
MPY_LIB_DIR = $(TOP)/lib
endif

# The port's makefile compiles faults.c, a module for tests.
LDFLAGS += -Wl,--wrap=gc_alloc -Wl,--wrap=gc_realloc
