# What both boards add to MicroPython's: file systems and a large heap.

MODBTREE_PROFILE ?= firmware
FROZEN_MANIFEST ?=

MICROPY_VFS_FAT = 1
MICROPY_VFS_LFS2 = 1
CFLAGS += -DMICROPY_FATFS_ENABLE_LFN=1 -DMICROPY_FATFS_LFN_CODE_PAGE=437 -DMICROPY_FATFS_RPATH=2
SRC_C += shared/timeutils/timeutils.c ports/qemu/boards/clock.c
# Found also by a firmware without user modules.
vpath ports/%.c $(BOARD_DIR)/../../../..

LDFLAGS += -T $(BOARD_DIR)/heap.ld -Wl,-z,noexecstack
