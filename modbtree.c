// The Python side of the btree module: types, methods, arguments and results.
// Everything below the btree_*() functions of modbtree.h is Rust (src/).

#include "modbtree_obj.h"

#if MICROPY_PY_BTREE
#error "build with MICROPY_PY_BTREE=0: this module takes the place of extmod/modbtree.c"
#endif

extern MP_BTREE_TYPE mp_type_btree;

MP_NORETURN void mp_btree_raise_KeyError(void) {
    nlr_raise(mp_obj_new_exception(&mp_type_KeyError));
}

// The bytes of a key or value given by the caller.
void mp_btree_get_buffer(mp_obj_t obj, mp_buffer_info_t *bufinfo) {
    mp_get_buffer_raise(obj, bufinfo, MP_BUFFER_READ);
    if (bufinfo->len == 0) {
        bufinfo->buf = ""; // an empty bytearray may have NULL here
    }
    if (MP_BTREE_WORDS_ONLY(bufinfo->buf)) {
        byte *copy = m_new(byte, bufinfo->len);
        memcpy(copy, bufinfo->buf, bufinfo->len);
        bufinfo->buf = copy;
    }
}

// Begins an operation on one item.
void mp_btree_enter_key(mp_obj_btree_t *self, mp_obj_t key_in, mp_buffer_info_t *key) {
    mp_btree_check_open(self);
    mp_btree_get_buffer(key_in, key);
    mp_btree_enter(self);
    mp_btree_hold(self, 0, key_in, key);
}

/******************************************************************************/
// Databases

// Begins an operation and looks for a key.
static int mp_btree_find(mp_obj_btree_t *self, mp_obj_t key_in, btree_bytes_t *bytes) {
    mp_buffer_info_t key;
    mp_btree_enter_key(self, key_in, &key);
    return btree_get(self->db, key.buf, key.len, bytes);
}

// Returns the value of a key or MP_OBJ_NULL.
static mp_obj_t mp_btree_load(mp_obj_btree_t *self, mp_obj_t key_in) {
    btree_bytes_t bytes;
    int ret = mp_btree_find(self, key_in, &bytes);
    mp_obj_t value = mp_btree_new_bytes(self, &bytes, &ret);
    return mp_btree_leave(self, ret) == 0 ? value : MP_OBJ_NULL;
}

// Returns 1 if flags are BTREE_NOOVERWRITE (with extras) and the key exists, otherwise 0.
int mp_btree_store(mp_obj_btree_t *self, mp_obj_t key_in, mp_obj_t value_in, unsigned flags) {
    mp_btree_check_open(self);
    mp_buffer_info_t key, value;
    mp_btree_get_buffer(value_in, &value);
    mp_btree_enter_key(self, key_in, &key);
    mp_btree_hold(self, 1, value_in, &value);
    return mp_btree_leave(self, btree_put(self->db, key.buf, key.len, value.buf, value.len, flags));
}

mp_obj_t mp_btree_subscr(mp_obj_t self_in, mp_obj_t index, mp_obj_t value) {
    mp_obj_btree_t *self = MP_OBJ_TO_PTR(self_in);
    if (value == MP_OBJ_SENTINEL) {
        value = mp_btree_load(self, index);
        if (value == MP_OBJ_NULL) {
            mp_btree_raise_KeyError();
        }
        return value;
    }
    if (value != MP_OBJ_NULL) {
        mp_btree_store(self, index, value, 0);
        return mp_const_none;
    }
    mp_buffer_info_t key;
    mp_btree_enter_key(self, index, &key);
    if (mp_btree_leave(self, btree_delete(self->db, key.buf, key.len)) != 0) {
        mp_btree_raise_KeyError();
    }
    return mp_const_none;
}

static mp_obj_t mp_btree_get(size_t n_args, const mp_obj_t *args) {
    mp_obj_t value = mp_btree_load(MP_OBJ_TO_PTR(args[0]), args[1]);
    if (value == MP_OBJ_NULL) {
        value = n_args > 2 ? args[2] : mp_const_none;
    }
    return value;
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(mp_btree_get_obj, 2, 3, mp_btree_get);

// The C module takes an argument more than it needs; programs may pass it.
static mp_obj_t mp_btree_put(size_t n_args, const mp_obj_t *args) {
    (void)n_args;
    mp_btree_store(MP_OBJ_TO_PTR(args[0]), args[1], args[2], 0);
    return MP_OBJ_NEW_SMALL_INT(0);
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(mp_btree_put_obj, 3, 4, mp_btree_put);

// A cursor that starts in a new place, kept only if there is an item. key may be NULL.
mp_obj_t mp_btree_seek_item(mp_obj_btree_t *self, unsigned where, const mp_buffer_info_t *key, bool keep, int *ret) {
    btree_cursor_t *cursor = mp_btree_alloc0(self, btree_cursor_size());
    if (cursor == NULL) {
        *ret = -MP_ENOMEM;
        return MP_OBJ_NULL;
    }
    *ret = btree_seek(self->db, cursor, key->buf, key->len, where);
    mp_obj_t item = mp_btree_step(self, cursor, where == BTREE_LAST ? FLAG_ITEM | FLAG_DESC : FLAG_ITEM, NULL, ret);
    if (keep && *ret == 0) {
        btree_cursor_t *old = self->cursor;
        self->cursor = cursor;
        cursor = old;
    }
    if (cursor != NULL) {
        btree_cursor_free(self->db, cursor);
        m_del(byte, cursor, btree_cursor_size());
    }
    return item;
}

static mp_obj_t mp_btree_seq(size_t n_args, const mp_obj_t *args) {
    mp_obj_btree_t *self = MP_OBJ_TO_PTR(args[0]);
    mp_btree_check_open(self);
    mp_buffer_info_t key = { 0 };
    unsigned where = BTREE_FIRST;
    bool move = false;
    size_t flags = FLAG_ITEM;
    switch (mp_obj_is_small_int(args[1]) ? MP_OBJ_SMALL_INT_VALUE(args[1]) : 0) {
        case 1: // R_CURSOR
            if (n_args < 3) {
                goto invalid;
            }
            mp_btree_get_buffer(args[2], &key);
            where = BTREE_GE;
            break;
        case 3: // R_FIRST
            break;
        case 6: // R_LAST
            where = BTREE_LAST;
            break;
        case 7: // R_NEXT
            move = self->cursor != NULL;
            break;
        case 9: // R_PREV
            move = self->cursor != NULL;
            where = BTREE_LAST;
            flags |= FLAG_DESC;
            break;
        default:
        invalid:
            mp_raise_OSError(MP_EINVAL);
    }
    mp_btree_enter(self);
    int ret = 0;
    mp_obj_t item;
    // The cursor copies the key before the stream is used.
    if (move) {
        item = mp_btree_step(self, self->cursor, flags, NULL, &ret);
    } else {
        item = mp_btree_seek_item(self, where, &key, true, &ret);
    }
    return mp_btree_leave(self, ret) == 0 ? item : mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(mp_btree_seq_obj, 2, 4, mp_btree_seq);

static mp_obj_t mp_btree_flush(mp_obj_t self_in) {
    mp_obj_btree_t *self = MP_OBJ_TO_PTR(self_in);
    mp_btree_enter(self);
    return MP_OBJ_NEW_SMALL_INT(mp_btree_leave(self, btree_flush(self->db)));
}
static MP_DEFINE_CONST_FUN_OBJ_1(mp_btree_flush_obj, mp_btree_flush);

mp_obj_t mp_btree_close(size_t n_args, const mp_obj_t *args) {
    (void)n_args; // as __exit__() there are more
    mp_obj_btree_t *self = MP_OBJ_TO_PTR(args[0]);
    if (self->db == NULL) {
        return MP_OBJ_NEW_SMALL_INT(0);
    }
    mp_btree_enter(self);
    // This closes it even if an exception follows, but never the stream.
    int ret = btree_close(self->db);
    self->stream = MP_OBJ_NULL;
    self->cursor = NULL;
    self->closing = 1;
    mp_btree_leave(self, ret);
    return MP_OBJ_NEW_SMALL_INT(0);
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(mp_btree_close_obj, 1, 1, mp_btree_close);

static mp_obj_t mp_btree_binary_op(mp_binary_op_t op, mp_obj_t lhs_in, mp_obj_t rhs_in) {
    mp_obj_btree_t *self = MP_OBJ_TO_PTR(lhs_in);
    if (op != MP_BINARY_OP_EQUAL) {
        mp_btree_check_open(self);
    }
    if (op != MP_BINARY_OP_CONTAINS) {
        return MP_OBJ_NULL; // op not supported
    }
    btree_bytes_t bytes;
    return mp_obj_new_bool(mp_btree_leave(self, mp_btree_find(self, rhs_in, &bytes)) == 0);
}

static void mp_btree_print(const mp_print_t *print, mp_obj_t self_in, mp_print_kind_t kind) {
    (void)kind;
    mp_obj_btree_t *self = MP_OBJ_TO_PTR(self_in);
    mp_printf(print, "<btree %p>", self->db);
}

static uint32_t mp_btree_option(mp_int_t value) {
    return MIN((mp_uint_t)value, UINT32_MAX);
}

// Zeroed memory; raises if there is none.
void *mp_btree_malloc0(size_t size) {
    return memset(m_malloc(size), 0, size);
}

// A closed database. stream may be MP_OBJ_NULL.
mp_obj_btree_t *mp_btree_new(mp_obj_t stream) {
    mp_obj_btree_t *self = mp_btree_malloc0(sizeof(*self));
    self->base.type = (const mp_obj_type_t *)&mp_type_btree;
    self->stream = stream;
    self->pos = POS_UNKNOWN;
    #if MODBTREE_JOURNAL && !MICROPY_ENABLE_DYNRUNTIME
    self->atomic = mp_btree_is_atomic(stream);
    #endif
    return self;
}

static mp_obj_t mp_btree_open(size_t n_args, const mp_obj_t *args, mp_map_t *kwargs) {
    enum { ARG_flags, ARG_pagesize, ARG_cachesize, ARG_minkeypage };
    MP_BTREE_CONST_ARGS mp_arg_t allowed_args[] = {
        { MP_QSTR_flags, MP_ARG_KW_ONLY | MP_ARG_INT, { .u_int = 0 } },
        { MP_QSTR_pagesize, MP_ARG_KW_ONLY | MP_ARG_INT, { .u_int = 0 } },
        { MP_QSTR_cachesize, MP_ARG_KW_ONLY | MP_ARG_INT, { .u_int = 0 } },
        { MP_QSTR_minkeypage, MP_ARG_KW_ONLY | MP_ARG_INT, { .u_int = 0 } },
    };
    #if MODBTREE_EXTRAS
    bool memory = args[0] == mp_const_none;
    #else
    const bool memory = false;
    #endif
    if (!memory) {
        mp_get_stream_raise(args[0], MP_STREAM_OP_READ | MP_STREAM_OP_WRITE | MP_STREAM_OP_IOCTL);
    }
    mp_arg_val_t arg[MP_ARRAY_SIZE(allowed_args)];
    mp_arg_parse_all(n_args - 1, args + 1, kwargs, MP_ARRAY_SIZE(allowed_args), allowed_args, arg);
    if ((arg[ARG_flags].u_int | arg[ARG_pagesize].u_int | arg[ARG_minkeypage].u_int) < 0) {
        mp_raise_OSError(MP_EINVAL);
    }
    btree_options_t options = {
        .flags = mp_btree_option(arg[ARG_flags].u_int),
        .pagesize = mp_btree_option(arg[ARG_pagesize].u_int),
        // Any size is taken, the library makes the best of it.
        .cachesize = mp_btree_option(MAX(arg[ARG_cachesize].u_int, 0)),
        .minkeypage = mp_btree_option(arg[ARG_minkeypage].u_int),
        .memory = memory,
    };

    mp_obj_btree_t *self = mp_btree_new(memory ? MP_OBJ_NULL : args[0]);
    self->db = mp_btree_malloc0(btree_db_size());
    mp_btree_enter(self);
    mp_btree_leave(self, btree_open(self->db, self, &options));
    return MP_OBJ_FROM_PTR(self);
}
static MP_DEFINE_CONST_FUN_OBJ_KW(mp_btree_open_obj, 1, mp_btree_open);

/******************************************************************************/
// The types and the module

#if MODBTREE_EXTRAS
#define MP_BTREE_EXTRA_METHODS(METHOD) \
    METHOD(MP_QSTR_first, mp_btree_first_obj) \
    METHOD(MP_QSTR_last, mp_btree_last_obj) \
    METHOD(MP_QSTR_pop, mp_btree_pop_obj) \
    METHOD(MP_QSTR_popitem, mp_btree_popitem_obj) \
    METHOD(MP_QSTR_setdefault, mp_btree_setdefault_obj) \
    METHOD(MP_QSTR_update, mp_btree_update_obj) \
    METHOD(MP_QSTR_clear, mp_btree_clear_obj) \
    METHOD(MP_QSTR_stat, mp_btree_stat_obj) \
    METHOD(MP_QSTR___enter__, mp_btree___enter___obj) \
    METHOD(MP_QSTR___exit__, mp_btree___exit___obj)
#define MP_BTREE_EXTRA_SLOTS unary_op, mp_btree_unary_op,
#else
#define MP_BTREE_EXTRA_METHODS(METHOD)
#define MP_BTREE_EXTRA_SLOTS
#endif

#if MODBTREE_CHECK
#define MP_BTREE_CHECK_METHODS(METHOD) \
    METHOD(MP_QSTR_check, mp_btree_check_obj) \
    METHOD(MP_QSTR_compact, mp_btree_compact_obj)
#else
#define MP_BTREE_CHECK_METHODS(METHOD)
#endif

#if MODBTREE_JOURNAL
#define MP_BTREE_JOURNAL_METHODS(METHOD) METHOD(MP_QSTR_checkpoint, mp_btree_checkpoint_obj)
#else
#define MP_BTREE_JOURNAL_METHODS(METHOD)
#endif
#if MODBTREE_MATCH
#define MP_BTREE_MATCH_METHODS(METHOD) \
    METHOD(MP_QSTR_scan, mp_btree_scan_obj)
#else
#define MP_BTREE_MATCH_METHODS(METHOD)
#endif

#define MP_BTREE_METHODS(METHOD) \
    METHOD(MP_QSTR_close, mp_btree_close_obj) \
    METHOD(MP_QSTR_flush, mp_btree_flush_obj) \
    METHOD(MP_QSTR_get, mp_btree_get_obj) \
    METHOD(MP_QSTR_put, mp_btree_put_obj) \
    METHOD(MP_QSTR_seq, mp_btree_seq_obj) \
    METHOD(MP_QSTR_keys, mp_btree_keys_obj) \
    METHOD(MP_QSTR_values, mp_btree_values_obj) \
    METHOD(MP_QSTR_items, mp_btree_items_obj) \
    MP_BTREE_EXTRA_METHODS(METHOD) \
    MP_BTREE_CHECK_METHODS(METHOD) \
    MP_BTREE_JOURNAL_METHODS(METHOD) \
    MP_BTREE_MATCH_METHODS(METHOD)

#if MICROPY_ENABLE_DYNRUNTIME

#define METHOD_NAME(name, obj) name,
#define METHOD_OBJ(name, obj) MP_ROM_PTR(&obj),

// These must not be static: a native module can address its own data only by way of a table.
const mp_obj_type_t *mp_btree_type_bytes;
const mp_module_context_t *mp_btree_context;
mp_obj_full_type_t mp_type_btree;
mp_obj_full_type_t mp_type_btree_iter;
static const mp_rom_obj_t mp_btree_methods[] = { MP_BTREE_METHODS(METHOD_OBJ) };
mp_map_elem_t mp_btree_locals_dict_table[MP_ARRAY_SIZE(mp_btree_methods)];
static MP_DEFINE_CONST_DICT(mp_btree_locals_dict, mp_btree_locals_dict_table);

mp_obj_t mpy_init(mp_obj_fun_bc_t *self, size_t n_args, size_t n_kw, mp_obj_t *args) {
    MP_DYNRUNTIME_INIT_ENTRY

    // Keeps the names alive for what outlives the module: its functions, and open databases.
    mp_btree_context = self->context;
    mp_btree_type_bytes = mp_load_global(MP_QSTR_bytes);
    const uint16_t names[] = { MP_BTREE_METHODS(METHOD_NAME) };
    for (size_t i = 0; i < MP_ARRAY_SIZE(names); i++) {
        mp_btree_locals_dict_table[i].key = MP_OBJ_NEW_QSTR(names[i]);
        mp_btree_locals_dict_table[i].value = (mp_obj_t)mp_btree_methods[i];
    }

    mp_type_btree.base.type = &mp_type_type;
    mp_type_btree.flags = MP_TYPE_FLAG_ITER_IS_GETITER;
    mp_type_btree.name = MP_QSTR_btree;
    MP_OBJ_TYPE_SET_SLOT(&mp_type_btree, print, mp_btree_print, 0);
    MP_OBJ_TYPE_SET_SLOT(&mp_type_btree, binary_op, mp_btree_binary_op, 1);
    MP_OBJ_TYPE_SET_SLOT(&mp_type_btree, subscr, mp_btree_subscr, 2);
    MP_OBJ_TYPE_SET_SLOT(&mp_type_btree, iter, mp_btree_getiter, 3);
    MP_OBJ_TYPE_SET_SLOT(&mp_type_btree, locals_dict, (mp_obj_dict_t *)&mp_btree_locals_dict, 4);
    #if MODBTREE_EXTRAS
    MP_OBJ_TYPE_SET_SLOT(&mp_type_btree, unary_op, mp_btree_unary_op, 5);
    #endif

    mp_type_btree_iter.base.type = &mp_type_type;
    mp_type_btree_iter.flags = MP_TYPE_FLAG_ITER_IS_ITERNEXT;
    mp_type_btree_iter.name = MP_QSTR_iterator;
    MP_OBJ_TYPE_SET_SLOT(&mp_type_btree_iter, iter, mp_btree_iternext, 0);

    #ifdef MODBTREE_VERSION
    mp_store_global(MP_QSTR___version__, mp_obj_new_str(MODBTREE_VERSION, sizeof(MODBTREE_VERSION) - 1));
    #endif
    mp_store_global(MP_QSTR_open, MP_OBJ_FROM_PTR(&mp_btree_open_obj));
    #if MODBTREE_CHECK
    mp_store_global(MP_QSTR_salvage, MP_OBJ_FROM_PTR(&mp_btree_salvage_obj));
    #endif
    #if MODBTREE_JOURNAL
    mp_store_global(MP_QSTR_JOURNAL, MP_OBJ_NEW_SMALL_INT(BTREE_JOURNAL));
    mp_store_global(MP_QSTR_DISCARD, MP_OBJ_NEW_SMALL_INT(BTREE_DISCARD));
    #endif
    #if MODBTREE_MATCH
    mp_store_global(MP_QSTR_match, MP_OBJ_FROM_PTR(&mp_btree_match_obj));
    mp_store_global(MP_QSTR_loads, MP_OBJ_FROM_PTR(&mp_btree_loads_obj));
    #endif
    mp_store_global(MP_QSTR_INCL, MP_OBJ_NEW_SMALL_INT(FLAG_INCL));
    mp_store_global(MP_QSTR_DESC, MP_OBJ_NEW_SMALL_INT(FLAG_DESC));

    MP_DYNRUNTIME_INIT_EXIT
}

#else

#define ROM_METHOD(name, obj) { MP_ROM_QSTR(name), MP_ROM_PTR(&obj) },

static const mp_rom_map_elem_t mp_btree_locals_dict_table[] = {
    MP_BTREE_METHODS(ROM_METHOD)
};
static MP_DEFINE_CONST_DICT(mp_btree_locals_dict, mp_btree_locals_dict_table);

MP_DEFINE_CONST_OBJ_TYPE(
    mp_type_btree,
    MP_QSTR_btree,
    MP_TYPE_FLAG_ITER_IS_GETITER,
    MP_BTREE_EXTRA_SLOTS
    print, mp_btree_print,
    binary_op, mp_btree_binary_op,
    subscr, mp_btree_subscr,
    iter, mp_btree_getiter,
    locals_dict, &mp_btree_locals_dict
    );

MP_DEFINE_CONST_OBJ_TYPE(
    mp_type_btree_iter,
    MP_QSTR_iterator,
    MP_TYPE_FLAG_ITER_IS_ITERNEXT,
    iter, mp_btree_iternext
    );

#ifdef MODBTREE_VERSION
static const MP_DEFINE_STR_OBJ(mp_btree_version_obj, MODBTREE_VERSION);
#endif

static const mp_rom_map_elem_t mp_module_btree_globals_table[] = {
    { MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR_btree) },
    #ifdef MODBTREE_VERSION
    { MP_ROM_QSTR(MP_QSTR___version__), MP_ROM_PTR(&mp_btree_version_obj) },
    #endif
    { MP_ROM_QSTR(MP_QSTR_open), MP_ROM_PTR(&mp_btree_open_obj) },
    #if MODBTREE_CHECK
    { MP_ROM_QSTR(MP_QSTR_salvage), MP_ROM_PTR(&mp_btree_salvage_obj) },
    #endif
    #if MODBTREE_JOURNAL
    { MP_ROM_QSTR(MP_QSTR_JOURNAL), MP_ROM_INT(BTREE_JOURNAL) },
    { MP_ROM_QSTR(MP_QSTR_DISCARD), MP_ROM_INT(BTREE_DISCARD) },
    #endif
    #if MODBTREE_MATCH
    { MP_ROM_QSTR(MP_QSTR_match), MP_ROM_PTR(&mp_btree_match_obj) },
    { MP_ROM_QSTR(MP_QSTR_loads), MP_ROM_PTR(&mp_btree_loads_obj) },
    #endif
    { MP_ROM_QSTR(MP_QSTR_INCL), MP_ROM_INT(FLAG_INCL) },
    { MP_ROM_QSTR(MP_QSTR_DESC), MP_ROM_INT(FLAG_DESC) },
};
static MP_DEFINE_CONST_DICT(mp_module_btree_globals, mp_module_btree_globals_table);

const mp_obj_module_t mp_module_btree = {
    .base = { &mp_type_module },
    .globals = (mp_obj_dict_t *)&mp_module_btree_globals,
};

MP_REGISTER_MODULE(MP_QSTR_btree, mp_module_btree);

#endif
