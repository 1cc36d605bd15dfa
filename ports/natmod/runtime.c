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

#ifdef __XTENSA_CALL0_ABI__
// ESP8266 has no instructions for these, and Debian's libgcc leaves them to its ROM.

static uint32_t divide(uint32_t n, uint32_t by, uint32_t *rest) {
    uint32_t quotient = 0;
    uint32_t r = 0;
    for (int bit = 31; bit >= 0; bit--) {
        uint32_t carry = r >> 31;
        r = r << 1 | (n >> bit & 1);
        if (carry || r >= by) {
            r -= by;
            quotient |= (uint32_t)1 << bit;
        }
    }
    *rest = r;
    return quotient;
}

uint32_t __udivsi3(uint32_t n, uint32_t by) {
    uint32_t rest;
    return divide(n, by, &rest);
}

uint32_t __umodsi3(uint32_t n, uint32_t by) {
    uint32_t rest;
    divide(n, by, &rest);
    return rest;
}

uint64_t __muldi3(uint64_t a, uint64_t b) {
    uint32_t a0 = a;
    uint32_t b0 = b;
    uint32_t low = (a0 & 0xffff) * (b0 & 0xffff);
    uint32_t cross_a = (a0 & 0xffff) * (b0 >> 16);
    uint32_t cross_b = (a0 >> 16) * (b0 & 0xffff);
    uint32_t middle = (low >> 16) + (cross_a & 0xffff) + (cross_b & 0xffff);
    uint32_t high = (a0 >> 16) * (b0 >> 16) + (cross_a >> 16) + (cross_b >> 16) + (middle >> 16)
        + (uint32_t)(a >> 32) * b0 + a0 * (uint32_t)(b >> 32);
    return (uint64_t)high << 32 | (uint64_t)(middle << 16) | (low & 0xffff);
}
#endif
