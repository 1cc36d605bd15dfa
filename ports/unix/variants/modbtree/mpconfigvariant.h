// As in the standard variant.
#define MICROPY_CONFIG_ROM_LEVEL (MICROPY_CONFIG_ROM_LEVEL_EXTRA_FEATURES)

// Found in the directory of the port.
#include "variants/mpconfigvariant_common.h"

// With asynchronous interrupts a signal handler jumps out of whatever runs, be it the garbage
// collector or Rust; the module can only hold signals back, at the price of two system calls
// an operation. Without them Ctrl-C still raises KeyboardInterrupt, between two bytecodes.
#undef MICROPY_ASYNC_KBD_INTR
#define MICROPY_ASYNC_KBD_INTR (0)
