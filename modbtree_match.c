// Compiled queries on documents in JSON, for microtetherdb.

#include "modbtree_obj.h"

#if MODBTREE_MATCH

#define DEFAULT_WORK (8192)
#define KEY_PREFIX (1) // bytes of a key before the key of the document
#define BUILD_WORK (3) // what making objects of a byte of JSON costs, and how much larger they are, about

// The flags of scan() besides FLAG_DESC.
#define FLAG_COUNT (0x04)
#define FLAG_PLAIN (0x08)

// match(program, key, record): True, False, or None if that has to be found out in another way.
static mp_obj_t mp_btree_match(mp_obj_t program_in, mp_obj_t key_in, mp_obj_t record_in) {
    mp_buffer_info_t program, key, record;
    mp_btree_get_buffer(program_in, &program);
    mp_btree_get_buffer(key_in, &key);
    mp_btree_get_buffer(record_in, &record);
    int ret = btree_match(program.buf, program.len, key.buf, key.len, record.buf, record.len);
    if (ret < 0) {
        mp_raise_OSError(-ret);
    }
    return ret == BTREE_UNSURE ? mp_const_none : mp_obj_new_bool(ret == BTREE_MATCH);
}
MP_DEFINE_CONST_FUN_OBJ_3(mp_btree_match_obj, mp_btree_match);

// Whether a key on overflow pages lies beyond the end of a scan.
static bool mp_btree_beyond(const btree_scan_t *scan, mp_obj_t key_in) {
    const mp_obj_str_t *key = MP_OBJ_TO_PTR(key_in);
    if (scan->bound == NULL) {
        return false;
    }
    int cmp = memcmp(key->data, scan->bound, MIN(key->len, scan->bound_len));
    bool below = cmp < 0 || (cmp == 0 && key->len < scan->bound_len);
    return scan->backward ? below : !below;
}

// The bound with which a scan goes on behind a key.
static mp_obj_t mp_btree_next_bound(const btree_scan_t *scan, mp_obj_t key_in) {
    const mp_obj_str_t *key = MP_OBJ_TO_PTR(key_in);
    if (scan->backward) {
        return key_in;
    }
    byte *copy = m_new(byte, key->len + 1);
    memcpy(copy, key->data, key->len);
    copy[key->len] = 0;
    mp_obj_t bound = mp_obj_new_bytes(copy, key->len + 1);
    m_del(byte, copy, key->len + 1);
    return bound;
}

// What is in a record, which is freed then; or the record.
static mp_obj_t mp_btree_open_record(mp_obj_t record_in, bool strict, mp_btree_names_t *names) {
    mp_obj_str_t *record = MP_OBJ_TO_PTR(record_in);
    if (!strict && !btree_json_strict(record->data, record->len)) {
        return record_in;
    }
    mp_buffer_info_t text = { .buf = (void *)record->data, .len = record->len };
    mp_obj_t value = mp_btree_json(&text, names);
    if (value == MP_OBJ_NULL) {
        return record_in;
    }
    mp_btree_free_bytes(record_in);
    return value;
}

// scan(program, low, high[, work[, flags]]): (bound, items, examined, counted)
//
// Looks at the documents with low <= key < high until about `work` bytes are looked at, and so
// takes a bounded time. bound: the new low, or with DESC the new high, to go on with; None at the
// end. items: a list of (key, record, sure), with what loads() makes of the record. With flag 4, those
// that surely match are only counted; with flag 8, the dicts of those are in the list by themselves.
static mp_obj_t mp_btree_scan(size_t n_args, const mp_obj_t *args) {
    mp_obj_btree_t *self = MP_OBJ_TO_PTR(args[0]);
    mp_int_t work = n_args > 4 ? mp_obj_get_int(args[4]) : DEFAULT_WORK;
    mp_int_t flags = n_args > 5 ? mp_obj_get_int(args[5]) : 0;
    bool plain = (flags & FLAG_PLAIN) != 0;
    if (flags & ~(FLAG_DESC | FLAG_COUNT | FLAG_PLAIN)) {
        mp_raise_OSError(MP_EINVAL);
    }
    mp_btree_check_open(self);
    btree_scan_t scan = {
        .skip = KEY_PREFIX,
        .work = MAX(1, MIN(work, INT32_MAX)),
        .backward = (flags & FLAG_DESC) != 0,
        .count = (flags & FLAG_COUNT) != 0,
    };
    mp_btree_names_t names = { .fields = 0 };
    mp_obj_t list = mp_obj_new_list(0, NULL);
    mp_obj_t start_in = args[scan.backward ? 3 : 2];
    mp_obj_t bound_in = args[scan.backward ? 2 : 3];
    btree_cursor_t *cursor = NULL;
    mp_obj_t last;
    int ret;
    do {
        // Others may have moved these, in a method of the stream or in between.
        mp_buffer_info_t program, start, bound = { 0 };
        mp_btree_get_buffer(args[1], &program);
        mp_btree_get_buffer(start_in, &start);
        mp_btree_get_buffer(bound_in, &bound);
        scan.program = program.buf;
        scan.program_len = program.len;
        scan.bound = bound.len == 0 ? NULL : bound.buf;
        scan.bound_len = bound.len;

        mp_btree_enter(self);
        mp_btree_hold(self, 0, args[1], &program);
        mp_btree_hold(self, 1, bound_in, &bound);
        ret = 0;
        if (cursor == NULL) {
            cursor = mp_btree_alloc0(self, btree_cursor_size());
            ret = cursor == NULL ? -MP_ENOMEM
                : btree_seek(self->db, cursor, start.buf, start.len, scan.backward ? BTREE_LT : BTREE_GE);
        }
        btree_bytes_t bytes[2]; // key and value
        while (ret == 0) {
            ret = btree_scan(self->db, cursor, &scan, &bytes[0], &bytes[1]);
            if (ret != BTREE_SCRATCH) {
                break;
            }
            scan.scratch_len = 0; // nothing may be left of it if there is no memory
            scan.scratch = mp_btree_alloc0(self, bytes[1].len);
            scan.scratch_len = bytes[1].len;
            ret = scan.scratch == NULL ? -MP_ENOMEM : 0;
        }
        mp_obj_t items[3] = { mp_const_none, mp_const_none, mp_obj_new_bool(ret == BTREE_MATCH) };
        last = mp_const_none;
        if (ret >= 0 && ret != BTREE_NO_MATCH) {
            int err = 0;
            last = items[0] = mp_btree_new_bytes(self, &bytes[0], &err);
            if (err == 0 && bytes[0].ptr == NULL && mp_btree_beyond(&scan, items[0])) {
                ret = BTREE_NO_MATCH;
                last = mp_const_none;
            } else if (ret != BTREE_PAUSE) {
                items[1] = mp_btree_new_bytes(self, &bytes[1], &err);
            }
            if (err < 0) {
                ret = err;
            }
        }
        mp_btree_leave(self, MIN(ret, 0));
        if (ret == BTREE_MATCH || ret == BTREE_UNSURE) {
            scan.work -= MIN(scan.work, bytes[1].len * BUILD_WORK);
            mp_obj_t value = mp_btree_open_record(items[1], ret == BTREE_MATCH, &names);
            items[1] = value;
            bool alone = plain && ret == BTREE_MATCH && mp_obj_is_type(value, &mp_type_dict);
            mp_obj_list_append(list, alone ? value : mp_obj_new_tuple(3, items));
            if (alone && scan.work != 0) {
                mp_btree_free_bytes(last); // it is not the last one yet
            }
        }
    } while (scan.work != 0 && last != mp_const_none);
    btree_cursor_free(self->db, cursor);
    m_del(byte, cursor, btree_cursor_size());
    mp_obj_t result[4] = {
        last == mp_const_none ? last : mp_btree_next_bound(&scan, last),
        list,
        mp_obj_new_int_from_uint(scan.examined),
        mp_obj_new_int_from_uint(scan.matched),
    };
    return mp_obj_new_tuple(4, result);
}
MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(mp_btree_scan_obj, 4, 6, mp_btree_scan);

#endif // MODBTREE_MATCH
