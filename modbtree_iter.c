// Ranges of a database: cursors, what they return, and iterators.

#include "modbtree_obj.h"

typedef struct _mp_obj_btree_iter_t {
    mp_obj_base_t base;
    mp_obj_btree_t *owner;  // NULL: exhausted
    mp_obj_t start;
    mp_obj_t end;
    size_t flags;
    void *cursor[];         // a btree_cursor_t
} mp_obj_btree_iter_t;

// Whether a key lies behind the end of a range.
static bool mp_btree_at_end(const mp_buffer_info_t *end, size_t flags, const uint8_t *key, size_t len) {
    int cmp = memcmp(key, end->buf, MIN(len, end->len));
    if (flags & FLAG_PREFIX) {
        // Any other key means that the cursor is past the last one.
        return cmp != 0 || len < end->len;
    }
    if (cmp == 0) {
        if (len == end->len) {
            return !(flags & FLAG_INCL);
        }
        cmp = len < end->len ? -1 : 1;
    }
    return flags & FLAG_DESC ? cmp < 0 : cmp > 0;
}

// Objects for an item as flags ask for. MP_OBJ_NULL if *ret becomes not 0.
static mp_obj_t mp_btree_new_item(mp_obj_btree_t *self, const btree_bytes_t *bytes, size_t flags, const mp_buffer_info_t *end, int *ret) {
    mp_obj_t items[2] = { MP_OBJ_NULL, MP_OBJ_NULL };
    const uint8_t *key = bytes[0].ptr;
    if ((flags & FLAG_KEY) || (end != NULL && key == NULL)) {
        items[0] = mp_btree_new_bytes(self, &bytes[0], ret);
        if (*ret != 0) {
            return MP_OBJ_NULL;
        }
        key = ((mp_obj_str_t *)MP_OBJ_TO_PTR(items[0]))->data;
    }
    if (end != NULL && mp_btree_at_end(end, flags, key, bytes[0].len)) {
        *ret = 1;
        return MP_OBJ_NULL;
    }
    if (!(flags & FLAG_VALUE)) {
        return items[0];
    }
    items[1] = mp_btree_new_bytes(self, &bytes[1], ret);
    if (!(flags & FLAG_KEY) || *ret != 0) {
        return items[1];
    }
    mp_obj_tuple_t *tuple = modbtree_alloc(self, sizeof(mp_obj_tuple_t) + sizeof(items));
    if (tuple == NULL) {
        *ret = -MP_ENOMEM;
        return MP_OBJ_NULL;
    }
    tuple->base.type = &mp_type_tuple;
    tuple->len = 2;
    tuple->items[0] = items[0];
    tuple->items[1] = items[1];
    return MP_OBJ_FROM_PTR(tuple);
}

// Moves a cursor and returns the item there. MP_OBJ_NULL if *ret is or becomes not 0.
mp_obj_t mp_btree_step(mp_obj_btree_t *self, void *cursor, size_t flags, const mp_buffer_info_t *end, int *ret) {
    btree_bytes_t bytes[2]; // key and value
    bool back = (flags & FLAG_DESC) != 0;
    #if MODBTREE_CHECK
    if (flags & FLAG_SALVAGE) {
        if (*ret == 0) {
            *ret = btree_salvage_next(self->db, &bytes[0], &bytes[1]);
        }
        return mp_btree_new_item(self, bytes, flags, NULL, ret);
    }
    #endif
    if (*ret == 0) {
        *ret = btree_step(self->db, cursor, back, &bytes[0], &bytes[1]);
    }
    if (*ret != 0) {
        return MP_OBJ_NULL;
    }
    mp_obj_t item = mp_btree_new_item(self, bytes, flags, end, ret);
    if (*ret < 0) {
        btree_again(cursor, back); // the next attempt is to find the same item
    }
    return item;
}

/******************************************************************************/
// Iterators

mp_obj_t mp_btree_iternext(mp_obj_t self_in) {
    mp_obj_btree_iter_t *self = MP_OBJ_TO_PTR(self_in);
    mp_obj_btree_t *owner = self->owner;
    if (owner == NULL) {
        return MP_OBJ_STOP_ITERATION;
    }
    mp_btree_check_open(owner);
    mp_buffer_info_t start = { 0 };
    mp_buffer_info_t end = { 0 };
    if (self->start != mp_const_none) {
        mp_btree_get_buffer(self->start, &start);
    }
    if (self->end != mp_const_none) {
        mp_btree_get_buffer(self->end, &end);
    }
    mp_btree_enter(owner);
    if (end.buf != NULL) {
        mp_btree_hold(owner, 1, self->end, &end);
    }
    void *cursor = self->cursor;
    int ret = self->owner == NULL; // another thread may have been first
    if (!(self->flags & FLAG_STARTED)) {
        unsigned where;
        if (self->flags & FLAG_DESC) {
            where = start.buf == NULL ? BTREE_LAST : self->flags & FLAG_PREFIX ? BTREE_PREFIX_LAST : BTREE_LE;
        } else {
            where = start.buf == NULL ? BTREE_FIRST : BTREE_GE;
        }
        ret = btree_seek(owner->db, cursor, start.buf, start.len, where);
        if (ret == 0) {
            self->start = mp_const_none;
            self->flags |= FLAG_STARTED;
        }
    }
    mp_obj_t item = mp_btree_step(owner, cursor, self->flags, end.buf == NULL ? NULL : &end, &ret);
    if (ret == 1) {
        btree_cursor_free(owner->db, cursor);
        self->owner = NULL;
    }
    if (mp_btree_leave(owner, ret) != 0) {
        return MP_OBJ_STOP_ITERATION;
    }
    return item;
}

mp_obj_t mp_btree_new_iter(mp_obj_t owner_in, mp_obj_t start, mp_obj_t end, size_t flags) {
    mp_obj_btree_iter_t *o = mp_btree_malloc0(sizeof(*o) + btree_cursor_size());
    o->base.type = (const mp_obj_type_t *)&mp_type_btree_iter;
    o->owner = MP_OBJ_TO_PTR(owner_in);
    o->start = start;
    o->end = end;
    o->flags = flags;
    return MP_OBJ_FROM_PTR(o);
}

mp_obj_t mp_btree_getiter(mp_obj_t self_in, mp_obj_iter_buf_t *iter_buf) {
    (void)iter_buf;
    return mp_btree_new_iter(self_in, mp_const_none, mp_const_none, FLAG_KEY);
}

static mp_obj_t mp_btree_range(size_t n_args, const mp_obj_t *args, mp_map_t *kwargs, size_t what) {
    enum { ARG_start, ARG_end, ARG_flags, ARG_prefix };
    MP_BTREE_CONST_ARGS mp_arg_t allowed_args[] = {
        { MP_QSTR_start, MP_ARG_OBJ, { .u_rom_obj = MP_ROM_NONE } },
        { MP_QSTR_end, MP_ARG_OBJ, { .u_rom_obj = MP_ROM_NONE } },
        { MP_QSTR_flags, MP_ARG_INT, { .u_int = 0 } },
        #if MODBTREE_EXTRAS
        { MP_QSTR_prefix, MP_ARG_KW_ONLY | MP_ARG_OBJ, { .u_rom_obj = MP_ROM_NONE } },
        #endif
    };
    mp_arg_val_t arg[MP_ARRAY_SIZE(allowed_args)];
    mp_arg_parse_all(n_args - 1, args + 1, kwargs, MP_ARRAY_SIZE(allowed_args), allowed_args, arg);
    mp_int_t flags = arg[ARG_flags].u_int;
    if (flags & ~(FLAG_INCL | FLAG_DESC)) {
        mp_raise_OSError(MP_EINVAL);
    }
    mp_obj_t start = arg[ARG_start].u_obj;
    mp_obj_t end = arg[ARG_end].u_obj;
    #if MODBTREE_EXTRAS
    if (arg[ARG_prefix].u_obj != mp_const_none) {
        if (start != mp_const_none || end != mp_const_none) {
            mp_raise_TypeError(MP_ERROR_TEXT("prefix excludes start and end"));
        }
        start = end = arg[ARG_prefix].u_obj;
        flags |= FLAG_PREFIX;
    }
    #endif
    return mp_btree_new_iter(args[0], start, end, flags | what);
}

static mp_obj_t mp_btree_keys(size_t n_args, const mp_obj_t *args, mp_map_t *kwargs) {
    return mp_btree_range(n_args, args, kwargs, FLAG_KEY);
}
MP_DEFINE_CONST_FUN_OBJ_KW(mp_btree_keys_obj, 1, mp_btree_keys);

static mp_obj_t mp_btree_values(size_t n_args, const mp_obj_t *args, mp_map_t *kwargs) {
    return mp_btree_range(n_args, args, kwargs, FLAG_VALUE);
}
MP_DEFINE_CONST_FUN_OBJ_KW(mp_btree_values_obj, 1, mp_btree_values);

static mp_obj_t mp_btree_items(size_t n_args, const mp_obj_t *args, mp_map_t *kwargs) {
    return mp_btree_range(n_args, args, kwargs, FLAG_ITEM);
}
MP_DEFINE_CONST_FUN_OBJ_KW(mp_btree_items_obj, 1, mp_btree_items);
