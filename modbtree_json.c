// Objects made of JSON text, for microtetherdb.

#include "modbtree_obj.h"

#if MODBTREE_MATCH

#if MICROPY_ENABLE_DYNRUNTIME
// dynruntime.h looks the names up, and a program may have given them to something else.
#undef mp_type_int
#undef mp_type_float
#define mp_type_int (*mp_obj_get_type(MP_OBJ_NEW_SMALL_INT(0)))
#define mp_type_float (*mp_obj_get_type(mp_obj_new_float_from_f(0)))
#define ALL_INTS (1) // as far as can be known
#define ALL_FLOATS (1)
#else
#define ALL_INTS (MICROPY_LONGINT_IMPL == MICROPY_LONGINT_IMPL_MPZ)
#define ALL_FLOATS (MICROPY_PY_BUILTINS_FLOAT)
#endif

// Lists and dicts in each other.
#define MAX_DEPTH (20)

// Gives the memory of a bytes object or str, which no one else knows, back at once.
void mp_btree_free_bytes(mp_obj_t bytes_in) {
    mp_obj_str_t *bytes = MP_OBJ_TO_PTR(bytes_in);
    m_del(byte, (byte *)bytes->data, bytes->len + 1);
    m_del(mp_obj_str_t, bytes, 1);
}

// Values are many and rarely qstrs, so they are not looked for among these.
static mp_obj_t mp_btree_json_value(const byte *data, size_t len) {
    if (len == 0) {
        return mp_obj_new_str((const char *)data, len);
    }
    mp_obj_t str = mp_obj_new_bytes(data, len);
    ((mp_obj_str_t *)MP_OBJ_TO_PTR(str))->base.type = &mp_type_str;
    return str;
}

static mp_obj_t mp_btree_json_number(const btree_json_t *json, bool whole) {
    const mp_obj_type_t *type = NULL;
    #if ALL_INTS
    if (whole) {
        type = &mp_type_int;
    }
    #endif
    #if ALL_FLOATS
    if (!whole) {
        type = &mp_type_float;
    }
    #endif
    if (type == NULL) {
        return MP_OBJ_NULL; // this firmware does not have all numbers
    }
    mp_obj_t text = mp_btree_json_value(json->part, json->part_len);
    mp_obj_t number = mp_call_function_n_kw(MP_OBJ_FROM_PTR(type), 1, 0, &text);
    mp_btree_free_bytes(text);
    return number;
}

static mp_obj_t mp_btree_json_str(const btree_json_t *json, bool escaped) {
    if (!escaped) {
        return mp_btree_json_value(json->part, json->part_len);
    }
    byte *buf = mp_btree_malloc0(json->part_len);
    size_t len = btree_json_unescape(json->part, json->part_len, buf);
    mp_obj_t str = mp_btree_json_value(buf, len);
    m_del(byte, buf, json->part_len);
    return str;
}

// The name of a field. Documents are alike, so the one in the same place of the last may do.
static mp_obj_t mp_btree_json_name(const btree_json_t *json, bool escaped, mp_btree_names_t *names) {
    if (escaped || names->count == MP_ARRAY_SIZE(names->names)) {
        return mp_btree_json_str(json, escaped);
    }
    mp_obj_t *name = &names->names[names->count++];
    if (*name != MP_OBJ_NULL) {
        size_t len;
        const char *data = mp_obj_str_get_data(*name, &len);
        if (len == json->part_len && memcmp(data, json->part, len) == 0) {
            return *name;
        }
    }
    return *name = mp_obj_new_str((const char *)json->part, json->part_len);
}

// What a text stands for, which btree_json_strict() is known to accept; MP_OBJ_NULL: json.loads() has to
// be asked. The caller keeps the text alive.
mp_obj_t mp_btree_json(const mp_buffer_info_t *text, mp_btree_names_t *names) {
    btree_json_t json = { .text = text->buf, .text_len = text->len };
    mp_obj_t outer[MAX_DEPTH]; // what `top` is in
    size_t depth = 0;
    mp_obj_t top = MP_OBJ_NULL;
    mp_obj_t name = MP_OBJ_NULL;
    names->count = 0;
    for (;;) {
        int token = btree_json(&json);
        bool in_dict = top != MP_OBJ_NULL && mp_obj_is_type(top, &mp_type_dict);
        mp_obj_t value = MP_OBJ_NULL;
        switch (token) {
            case '"':
            case '\\':
                if (in_dict && name == MP_OBJ_NULL) {
                    name = mp_btree_json_name(&json, token == '\\', names);
                    continue;
                }
                value = mp_btree_json_str(&json, token == '\\');
                break;
            case '0':
                value = MP_OBJ_NEW_SMALL_INT(json.number);
                break;
            case '9':
            case '.':
                value = mp_btree_json_number(&json, token == '9');
                break;
            case 'n':
                value = mp_const_none;
                break;
            case 't':
                value = mp_const_true;
                break;
            case 'f':
                value = mp_const_false;
                break;
            case '{':
                value = mp_obj_new_dict(depth == 0 ? MIN(names->fields, text->len / 8) : 0);
                break;
            case '[':
                value = mp_obj_new_list(0, NULL);
                break;
            case '}':
            case ']':
                if (depth <= 1) {
                    if (token == '}') {
                        names->fields = mp_obj_dict_get_map(top)->used;
                    }
                    return top;
                }
                top = outer[--depth];
                continue;
        }
        if (value == MP_OBJ_NULL) {
            return value;
        }
        if (in_dict) {
            if (name == MP_OBJ_NULL) {
                return name;
            }
            mp_obj_dict_store(top, name, value);
            name = MP_OBJ_NULL;
        } else if (top != MP_OBJ_NULL) {
            mp_obj_list_append(top, value);
        }
        if (token == '{' || token == '[') {
            if (depth == MAX_DEPTH) {
                return MP_OBJ_NULL;
            }
            outer[depth++] = top;
            top = value;
        } else if (top == MP_OBJ_NULL) {
            return value;
        }
    }
}

// loads(record): what json.loads() makes of it, or the record itself if only json.loads() can tell.
static mp_obj_t mp_btree_loads(mp_obj_t record_in) {
    mp_buffer_info_t record;
    mp_btree_get_buffer(record_in, &record);
    mp_btree_names_t names = { .count = 0 };
    mp_obj_t value = MP_OBJ_NULL;
    if (btree_json_strict(record.buf, record.len)) {
        value = mp_btree_json(&record, &names);
    }
    return value == MP_OBJ_NULL ? record_in : value;
}
MP_DEFINE_CONST_FUN_OBJ_1(mp_btree_loads_obj, mp_btree_loads);

#endif // MODBTREE_MATCH
