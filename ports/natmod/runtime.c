// What compilers take for granted. MicroPython gives native modules memmove() and memset(), and
// these stand in for the larger ones that come with Rust.

#include "py/dynruntime.h"

void *memcpy(void *dst, const void *src, size_t n) {
    return mp_fun_table.memmove_(dst, src, n);
}

void *memmove(void *dst, const void *src, size_t n) {
    return mp_fun_table.memmove_(dst, src, n);
}

void *memset(void *dst, int c, size_t n) {
    return mp_fun_table.memset_(dst, c, n);
}

int memcmp(const void *a, const void *b, size_t n) {
    const byte *p = a;
    const byte *q = b;
    for (; n != 0; n--, p++, q++) {
        if (*p != *q) {
            return *p - *q;
        }
    }
    return 0;
}

// Rust compares with it where the order does not matter.
int bcmp(const void *a, const void *b, size_t n) {
    return memcmp(a, b, n);
}

#ifdef __arm__
// The names of the ABI of ARM. The numbers promise an alignment that memmove() finds by itself.
#define COPY(name) void name(void *dst, const void *src, size_t n) { mp_fun_table.memmove_(dst, src, n); }
#define SET(name) void name(void *dst, size_t n, int c) { mp_fun_table.memset_(dst, c, n); }
#define CLEAR(name) void name(void *dst, size_t n) { mp_fun_table.memset_(dst, 0, n); }
COPY(__aeabi_memcpy)
COPY(__aeabi_memcpy4)
COPY(__aeabi_memcpy8)
COPY(__aeabi_memmove)
COPY(__aeabi_memmove4)
COPY(__aeabi_memmove8)
SET(__aeabi_memset)
SET(__aeabi_memset4)
SET(__aeabi_memset8)
CLEAR(__aeabi_memclr)
CLEAR(__aeabi_memclr4)
CLEAR(__aeabi_memclr8)
#endif
