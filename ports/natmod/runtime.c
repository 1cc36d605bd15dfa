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
