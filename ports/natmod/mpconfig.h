// MicroPython's configuration as far as a native module needs it.

#ifdef __i386__
// The only 32-bit firmware of this kind is the unix port, which has 64-bit file positions.
#define mp_off_t mp_short_off_t
#endif

#ifdef MODBTREE_QSTRS
#include MODBTREE_QSTRS // made by mpy_ld.py: names, and the types below
#else
#include <stdint.h>
typedef uintptr_t mp_uint_t;
typedef intptr_t mp_int_t;
typedef uintptr_t mp_off_t;
#endif

#ifdef __i386__
#undef mp_off_t
typedef long long mp_off_t;
#endif
