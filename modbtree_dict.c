// What dict has and the C module has not.

#include "modbtree_obj.h"

#if MODBTREE_EXTRAS

mp_obj_t mp_btree_unary_op(mp_unary_op_t op, mp_obj_t self_in) {
    mp_obj_btree_t *self = MP_OBJ_TO_PTR(self_in);
    switch (op) {
        case MP_UNARY_OP_BOOL: // always True, empty or not, as without len()
            return mp_const_true;
        case MP_UNARY_OP_HASH:
            return MP_OBJ_NEW_SMALL_INT((mp_uint_t)self_in);
        case MP_UNARY_OP_LEN: {
            mp_btree_enter(self);
            uint32_t count;
            mp_btree_leave(self, btree_count(self->db, &count));
            return mp_obj_new_int_from_uint(count);
        }
        default:
            return MP_OBJ_NULL; // op not supported
    }
}

// The first or last item; removes it if asked to.
static mp_obj_t mp_btree_end_item(mp_obj_t self_in, unsigned where, bool remove) {
    mp_obj_btree_t *self = MP_OBJ_TO_PTR(self_in);
    mp_btree_enter(self);
    mp_buffer_info_t none = { 0 };
    int ret;
    mp_obj_t item = mp_btree_seek_item(self, where, &none, false, &ret);
    if (remove && ret == 0) {
        mp_obj_str_t *key = MP_OBJ_TO_PTR(((mp_obj_tuple_t *)MP_OBJ_TO_PTR(item))->items[0]);
        ret = btree_delete(self->db, key->data, key->len);
    }
    if (mp_btree_leave(self, ret) != 0) {
        mp_btree_raise_KeyError();
    }
    return item;
}

static mp_obj_t mp_btree_first(mp_obj_t self_in) {
    return mp_btree_end_item(self_in, BTREE_FIRST, false);
}
MP_DEFINE_CONST_FUN_OBJ_1(mp_btree_first_obj, mp_btree_first);

static mp_obj_t mp_btree_last(mp_obj_t self_in) {
    return mp_btree_end_item(self_in, BTREE_LAST, false);
}
MP_DEFINE_CONST_FUN_OBJ_1(mp_btree_last_obj, mp_btree_last);

static mp_obj_t mp_btree_popitem(mp_obj_t self_in) {
    return mp_btree_end_item(self_in, BTREE_LAST, true);
}
MP_DEFINE_CONST_FUN_OBJ_1(mp_btree_popitem_obj, mp_btree_popitem);

static mp_obj_t mp_btree_pop(size_t n_args, const mp_obj_t *args) {
    mp_obj_btree_t *self = MP_OBJ_TO_PTR(args[0]);
    mp_buffer_info_t key;
    mp_btree_enter_key(self, args[1], &key);
    btree_bytes_t bytes;
    int ret = btree_get(self->db, key.buf, key.len, &bytes);
    mp_obj_t value = mp_btree_new_bytes(self, &bytes, &ret);
    if (ret == 0) {
        ret = btree_delete(self->db, key.buf, key.len);
    }
    if (mp_btree_leave(self, ret) != 0) {
        if (n_args < 3) {
            mp_btree_raise_KeyError();
        }
        value = args[2];
    }
    return value;
}
MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(mp_btree_pop_obj, 2, 3, mp_btree_pop);

static mp_obj_t mp_btree_setdefault(size_t n_args, const mp_obj_t *args) {
    mp_obj_btree_t *self = MP_OBJ_TO_PTR(args[0]);
    mp_obj_t value_in = n_args > 2 ? args[2] : mp_const_empty_bytes;
    mp_btree_check_open(self);
    mp_buffer_info_t key, value;
    mp_btree_get_buffer(value_in, &value);
    mp_btree_enter_key(self, args[1], &key);
    mp_btree_hold(self, 1, value_in, &value);
    btree_bytes_t bytes;
    int ret = btree_get(self->db, key.buf, key.len, &bytes);
    bool missing = ret == 1;
    if (missing) {
        bytes.ptr = value.buf;
        bytes.len = value.len;
        ret = 0;
    }
    // The result comes first: if there is no memory for it, nothing is stored.
    mp_obj_t result = mp_btree_new_bytes(self, &bytes, &ret);
    if (missing && ret == 0) {
        ret = btree_put(self->db, key.buf, key.len, value.buf, value.len, BTREE_NOOVERWRITE);
    }
    mp_btree_leave(self, ret);
    return result;
}
MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(mp_btree_setdefault_obj, 2, 3, mp_btree_setdefault);

static mp_obj_t mp_btree_update(size_t n_args, const mp_obj_t *args, mp_map_t *kwargs) {
    mp_arg_check_num(n_args, 0, 1, 2, true);
    mp_obj_btree_t *self = MP_OBJ_TO_PTR(args[0]);
    mp_btree_check_open(self);
    if (n_args > 1) {
        // A dict or a database has items(), anything else has to consist of pairs.
        mp_obj_t pairs = args[1];
        mp_obj_t method[2];
        mp_load_method_maybe(pairs, MP_QSTR_items, method);
        if (method[0] != MP_OBJ_NULL) {
            pairs = mp_call_method_n_kw(0, 0, method);
        }
        mp_obj_iter_buf_t iter_buf;
        mp_obj_t iter = mp_getiter(pairs, &iter_buf);
        mp_obj_t pair;
        while ((pair = mp_iternext(iter)) != MP_OBJ_STOP_ITERATION) {
            size_t len;
            mp_obj_t *items;
            mp_obj_get_array(pair, &len, &items);
            if (len != 2) {
                mp_raise_ValueError(NULL);
            }
            mp_btree_store(self, items[0], items[1], 0);
        }
    }
    for (size_t i = 0; i < kwargs->alloc; i++) {
        if (mp_map_slot_is_filled(kwargs, i)) {
            mp_btree_store(self, kwargs->table[i].key, kwargs->table[i].value, 0);
        }
    }
    return mp_const_none;
}
MP_DEFINE_CONST_FUN_OBJ_KW(mp_btree_update_obj, 1, mp_btree_update);

static mp_obj_t mp_btree_clear(mp_obj_t self_in) {
    mp_obj_btree_t *self = MP_OBJ_TO_PTR(self_in);
    mp_btree_enter(self);
    mp_btree_leave(self, btree_clear(self->db));
    return mp_const_none;
}
MP_DEFINE_CONST_FUN_OBJ_1(mp_btree_clear_obj, mp_btree_clear);

static mp_obj_t mp_btree_stat(mp_obj_t self_in) {
    mp_obj_btree_t *self = MP_OBJ_TO_PTR(self_in);
    mp_btree_enter(self);
    btree_stat_t stat;
    mp_btree_leave(self, btree_stat(self->db, &stat));
    const struct {
        qstr name;
        uint32_t value;
    } entries[] = {
        { MP_QSTR_pagesize, stat.pagesize },
        { MP_QSTR_pages, stat.pages },
        { MP_QSTR_depth, stat.depth },
        { MP_QSTR_free, stat.free },
        { MP_QSTR_cached, stat.cached },
        { MP_QSTR_dirty, stat.dirty },
    };
    mp_obj_t dict = mp_obj_new_dict(MP_ARRAY_SIZE(entries));
    for (size_t i = 0; i < MP_ARRAY_SIZE(entries); i++) {
        mp_obj_dict_store(dict, MP_OBJ_NEW_QSTR(entries[i].name), mp_obj_new_int_from_uint(entries[i].value));
    }
    return dict;
}
MP_DEFINE_CONST_FUN_OBJ_1(mp_btree_stat_obj, mp_btree_stat);

static mp_obj_t mp_btree___enter__(mp_obj_t self_in) {
    return self_in;
}
MP_DEFINE_CONST_FUN_OBJ_1(mp_btree___enter___obj, mp_btree___enter__);

MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(mp_btree___exit___obj, 4, 4, mp_btree_close);

#endif // MODBTREE_EXTRAS
