// File systems store times, and the emulated boards of MicroPython 1.25 have no clock.

#include "py/mphal.h"
#include "lib/oofatfs/ff.h"

MP_WEAK uint64_t mp_hal_time_ns(void) {
    return 0;
}

// 1980-01-01, where FAT begins.
MP_WEAK DWORD get_fattime(void) {
    return 1 << 21 | 1 << 16;
}
