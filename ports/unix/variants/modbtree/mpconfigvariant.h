// As in the standard variant.
#define MICROPY_CONFIG_ROM_LEVEL (MICROPY_CONFIG_ROM_LEVEL_EXTRA_FEATURES)

// Found in the directory of the port.
#include "variants/mpconfigvariant_common.h"
