# Cortex-M3: MicroPython's board of this name, with btree in Rust.
include boards/MPS2_AN385/mpconfigboard.mk

MODBTREE_RUST_TARGET ?= thumbv7m-none-eabi
# More only makes the garbage collector slow.
MICROPY_HEAP_SIZE ?= 8388608

include $(BOARD_DIR)/../common.mk
