# RV32IMAC: MicroPython's board of this name, with btree in Rust.
include boards/VIRT_RV32/mpconfigboard.mk

# GCC 12 finds the 32-bit libgcc only under this name, without _zicsr, which version 2.2 of
# the instruction set has anyway.
RV32_ARCH = rv32imac
CFLAGS += -misa-spec=2.2
AS = $(CROSS_COMPILE)as -misa-spec=2.2

MODBTREE_RUST_TARGET ?= riscv32imac-unknown-none-elf
# More only makes the garbage collector slow.
MICROPY_HEAP_SIZE ?= 8388608

include $(BOARD_DIR)/../common.mk
