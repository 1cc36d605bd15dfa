// What bindgen reads.
#include "py/mperrno.h"
#include "py/stream.h"
#include "../modbtree.h"

// bindgen evaluates no macro with a cast in it.
static const mp_uint_t stream_error = MP_STREAM_ERROR;
#undef MP_STREAM_ERROR
static const mp_uint_t MP_STREAM_ERROR = stream_error;
