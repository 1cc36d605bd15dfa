// What Rust calls on ARM to copy and fill memory, by way of the firmware's own functions: those
// that come with Rust take 4 KiB. Firmware without the C library has none of these names.

#include <string.h>

#if defined(__arm__)

#define WEAK __attribute__((weak))

// The numbers promise an alignment, which the firmware's functions find out themselves.
#define COPY(name, function) \
    WEAK void __aeabi_##name(void *to, const void *from, size_t n); \
    WEAK void __aeabi_##name(void *to, const void *from, size_t n) { \
        function(to, from, n); \
    }
#define FILL(name) \
    WEAK void __aeabi_##name(void *to, size_t n, int value); \
    WEAK void __aeabi_##name(void *to, size_t n, int value) { \
        memset(to, value, n); \
    }
#define CLEAR(name) \
    WEAK void __aeabi_##name(void *to, size_t n); \
    WEAK void __aeabi_##name(void *to, size_t n) { \
        memset(to, 0, n); \
    }

COPY(memcpy, memcpy)
COPY(memcpy4, memcpy)
COPY(memcpy8, memcpy)
COPY(memmove, memmove)
COPY(memmove4, memmove)
COPY(memmove8, memmove)
FILL(memset)
FILL(memset4)
FILL(memset8)
CLEAR(memclr)
CLEAR(memclr4)
CLEAR(memclr8)

#endif
