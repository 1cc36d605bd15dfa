# modbtree: `make help` lists the targets.

.DEFAULT_GOAL := all
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules

ROOT := $(CURDIR)
ifneq ($(words $(ROOT)),1)
$(error make cannot work in a directory with a space in its path: $(ROOT))
endif

# Everything that is built goes here, except what cargo builds for this machine (target/).
OUT := $(ROOT)/build
JOBS ?= $(shell nproc)
# Sub-makes use the job server if there is one already (make -j). They end with their first error.
submake = $(MAKE) --no-print-directory --no-keep-going $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(JOBS))

# It is no part of make's job server.
CARGO := MAKEFLAGS= cargo

VERSION := $(shell sed -n 's/^version = "\(.*\)"$$/\1/p' Cargo.toml)

# Debian packages, installed if missing.
BUILD_PACKAGES := gcc libc6-dev make python3 xz-utils $(if $(LIBCLANG_PATH),,libclang-dev)
# Berkeley DB 1.85 itself, to read what we write.
TEST_PACKAGES := libdb1-compat

include tools/unix.mk
include tools/qemu.mk
include tools/natmod.mk
include tools/esp32.mk
include tools/checks.mk
include tools/pc.mk

.PHONY: all run repl where help packages clean distclean

all: unix ## (default) build MicroPython for this machine with our btree module

run: unix ## build, then run the example of the documentation of btree
	@mkdir -p '$(OUT)/run'
	@echo '== running examples/docs.py'
	@cd '$(OUT)/run' && '$(UNIX)' '$(ROOT)/examples/docs.py'

repl: unix ## build, then start MicroPython interactively
	@'$(UNIX)'

where: ## print the path of the interpreter
	@echo '$(UNIX)'

help: ## list the targets
	@echo 'make [target] [MICROPYTHON_DIR=<a MicroPython tree of your own, 1.25 or later>]'
	@sed -n 's/^\([a-z0-9-]*\):.* ## /\1\t/p' $(MAKEFILE_LIST) | expand -t 18 | sed 's/^/  /'

packages:
	@sh tools/packages.sh 'make' $(BUILD_PACKAGES)

clean: ## remove what was built, but not the fetched sources
	rm -rf '$(OUT)'/mp-* '$(OUT)/run' dist target

distclean: ## remove everything that is not source
	rm -rf '$(OUT)' dist target
