# Cortex-M3: MicroPython's board of this name, with btree in Rust.
include boards/MPS2_AN385/mpconfigboard.mk

MODBTREE_RUST_TARGET ?= thumbv7m-none-eabi
# All of the memory at 0x21000000.
MICROPY_HEAP_SIZE ?= 16777216

include $(BOARD_DIR)/../common.mk
