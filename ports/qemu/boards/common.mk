# What both boards add to MicroPython's: file systems, time, asyncio and a large heap.

MODBTREE_PROFILE ?= firmware
FROZEN_MANIFEST ?= $(BOARD_DIR)/../manifest.py

# MicroPython asks for this folder of a submodule although our manifest does not use it.
ifeq ($(wildcard $(MPY_LIB_DIR)/README.md),)
MPY_LIB_DIR = $(TOP)/lib
endif

CFLAGS += -DMP_CONFIGFILE='<mpconfigboard.h>' -I$(BOARD_DIR)/..

MICROPY_VFS_FAT = 1
MICROPY_VFS_LFS2 = 1
CFLAGS += -DMICROPY_FATFS_ENABLE_LFN=1 -DMICROPY_FATFS_LFN_CODE_PAGE=437 -DMICROPY_FATFS_RPATH=2
SRC_C += shared/timeutils/timeutils.c ports/qemu/boards/clock.c
# Found also by a firmware without user modules.
vpath ports/%.c $(BOARD_DIR)/../../../..

LDFLAGS += -T $(BOARD_DIR)/heap.ld -Wl,-z,noexecstack
