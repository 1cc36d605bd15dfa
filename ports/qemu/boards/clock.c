// Time since the emulated board was started; it has no calendar. MicroPython 1.25 has no clock
// for these boards, and where a later version has one, that is taken.

#include "py/mphal.h"
#include "lib/oofatfs/ff.h"

#if defined(__arm__)

// A counter at 20 MHz, divided by 20.
#define COUNTER (*(volatile uint32_t *)0x40028018)
#define PRESCALE (*(volatile uint32_t *)0x4002801c)

static uint64_t microseconds(void) {
    static uint64_t time;
    PRESCALE = 19;
    // It has 32 bits, which is more than an hour.
    time += (uint32_t)(COUNTER - (uint32_t)time);
    return time;
}

#else

// The processor's timer, at 10 MHz.
#define MTIME ((volatile uint32_t *)0x0200bff8)

static uint64_t microseconds(void) {
    uint32_t high, low;
    do {
        high = MTIME[1];
        low = MTIME[0];
    } while (high != MTIME[1]);
    return ((uint64_t)high << 32 | low) / 10;
}

#endif

MP_WEAK mp_uint_t mp_hal_ticks_us(void) {
    return microseconds();
}

MP_WEAK mp_uint_t mp_hal_ticks_ms(void) {
    return microseconds() / 1000;
}

MP_WEAK mp_uint_t mp_hal_ticks_cpu(void) {
    return microseconds();
}

MP_WEAK uint64_t mp_hal_time_ns(void) {
    return microseconds() * 1000;
}

MP_WEAK void mp_hal_delay_us(mp_uint_t us) {
    uint64_t start = microseconds();
    while (microseconds() - start < us) {
    }
}

MP_WEAK void mp_hal_delay_ms(mp_uint_t ms) {
    uint64_t start = microseconds();
    while (microseconds() - start < (uint64_t)ms * 1000) {
    }
}

// File systems store times: 1980-01-01, where FAT begins.
MP_WEAK DWORD get_fattime(void) {
    return 1 << 21 | 1 << 16;
}
