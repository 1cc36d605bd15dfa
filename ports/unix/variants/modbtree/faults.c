// For tests: the module _faults, which makes an allocation on MicroPython's heap fail.
// The linker leads calls of gc_alloc() and gc_realloc() here (mpconfigvariant.mk).

#include "py/gc.h"
#include "py/runtime.h"

void *__real_gc_alloc(size_t n_bytes, unsigned int flags);
void *__wrap_gc_alloc(size_t n_bytes, unsigned int flags);
void *__real_gc_realloc(void *ptr, size_t n_bytes, bool allow_move);
void *__wrap_gc_realloc(void *ptr, size_t n_bytes, bool allow_move);

static mp_int_t left = -1;  // allocations that still succeed; -1: all of them
static bool lasting;        // fail from then on, not only once

static bool fails(void) {
    if (left < 0) {
        return false;
    }
    if (left > 0) {
        left--;
        return false;
    }
    if (!lasting) {
        left = -1;
    }
    // As in a full heap: what is not referred to is gone.
    if (!gc_is_locked()) {
        gc_collect();
    }
    return true;
}

void *__wrap_gc_alloc(size_t n_bytes, unsigned int flags) {
    return fails() ? NULL : __real_gc_alloc(n_bytes, flags);
}

void *__wrap_gc_realloc(void *ptr, size_t n_bytes, bool allow_move) {
    // Zero bytes means giving it back.
    return n_bytes != 0 && fails() ? NULL : __real_gc_realloc(ptr, n_bytes, allow_move);
}

// alloc(n, for_good=False): lets n more allocations succeed and the next one fail, or all from
// then on; -1: all succeed. Returns the number that were left of those before; -1: one has failed.
static mp_obj_t faults_alloc(size_t n_args, const mp_obj_t *args) {
    mp_int_t before = left;
    left = mp_obj_get_int(args[0]);
    lasting = n_args > 1 && mp_obj_is_true(args[1]);
    return MP_OBJ_NEW_SMALL_INT(before);
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(faults_alloc_obj, 1, 2, faults_alloc);

static const mp_rom_map_elem_t faults_globals_table[] = {
    { MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR__faults) },
    { MP_ROM_QSTR(MP_QSTR_alloc), MP_ROM_PTR(&faults_alloc_obj) },
};
static MP_DEFINE_CONST_DICT(faults_globals, faults_globals_table);

const mp_obj_module_t mp_module_faults = {
    .base = { &mp_type_module },
    .globals = (mp_obj_dict_t *)&faults_globals,
};

MP_REGISTER_MODULE(MP_QSTR__faults, mp_module_faults);
