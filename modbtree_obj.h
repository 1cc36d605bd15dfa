// What the other C files share.
//
// An exception in MicroPython is a long jump, and none may cross a Rust function. So
// between mp_btree_enter() and mp_btree_leave() nothing raises: memory comes from
// modbtree_alloc(), which returns NULL; the methods of the stream run under nlr_push(), and
// what they raised waits in the database object until mp_btree_leave() raises it again.
// Every way out of an operation thus passes mp_btree_leave(), which ends `busy`.
#ifndef MODBTREE_OBJ_H
#define MODBTREE_OBJ_H

#include <stdarg.h> // before mpprint.h, for mp_vprintf()
#include <string.h>

#if MICROPY_ENABLE_DYNRUNTIME
#include "py/dynruntime.h"
#else
#include "py/runtime.h"
#endif
#include "py/mperrno.h"
#include "py/objstr.h"
#include "py/objtuple.h"
#include "py/stream.h"

#include "modbtree.h"

#ifndef MODBTREE_EXTRAS
#define MODBTREE_EXTRAS (0)
#endif

#ifndef MODBTREE_CHECK
#define MODBTREE_CHECK (0)
#endif

#ifndef MODBTREE_JOURNAL
#define MODBTREE_JOURNAL (0)
#endif
#ifndef MODBTREE_MATCH
#define MODBTREE_MATCH (0)
#endif

#ifndef MP_NORETURN // MicroPython before 1.26
#define MP_NORETURN NORETURN
#endif

#if MICROPY_ENABLE_DYNRUNTIME
// A native module: qstrs have no constant value, types are filled in by mpy_init(), and
// these are missing in dynruntime.h.
#define MP_BTREE_CONST_ARGS const
#define MP_BTREE_TYPE mp_obj_full_type_t
#define m_malloc_maybe(n) m_realloc_maybe(NULL, (n), false)
#define mp_call_method_n_kw(n_args, n_kw, args) mp_fun_table.call_method_n_kw((n_args), (n_kw), (args))
#define mp_type_OSError (*(mp_obj_type_t *)mp_load_global(MP_QSTR_OSError))
#define mp_getiter(obj, iter_buf) mp_btree_native_getiter((obj), (iter_buf))
#define mp_iternext(iter) mp_fun_table.iternext((mp_obj_iter_buf_t *)MP_OBJ_TO_PTR(iter))
static inline mp_obj_t mp_btree_native_getiter(mp_obj_t obj, mp_obj_iter_buf_t *iter_buf) {
    mp_fun_table.getiter(obj, iter_buf);
    return MP_OBJ_FROM_PTR(iter_buf);
}
// Of dynruntime.h each file would have its own.
#undef mp_raise_OSError
#define mp_raise_OSError(err) mp_btree_raise_error((err), NULL)
// dynruntime.h looks the name up, and a program may have given it to something else.
#undef mp_type_bytes
#define mp_type_bytes (*mp_btree_type_bytes)
extern const mp_obj_type_t *mp_btree_type_bytes;
#else
#define MP_BTREE_CONST_ARGS static const
#define MP_BTREE_TYPE const mp_obj_type_t
#endif

// Whether Rust cannot read this memory: the flash of ESP8266 gives out whole words only. C compilers
// see to it, and memcpy() of MicroPython does.
#ifdef __XTENSA_CALL0_ABI__
#define MP_BTREE_WORDS_ONLY(ptr) ((uintptr_t)(ptr) - 0x40200000 < 0x100000)
#else
#define MP_BTREE_WORDS_ONLY(ptr) (false)
#endif

// INCL and DESC are known to Python, the others are not.
enum {
    FLAG_INCL = 0x01,
    FLAG_DESC = 0x02,
    FLAG_PREFIX = MODBTREE_EXTRAS ? 0x04 : 0, // the end is a prefix that all keys share
    FLAG_STARTED = 0x08, // the cursor has left the start
    FLAG_KEY = 0x10,     // return the key,
    FLAG_VALUE = 0x20,   // the value
    FLAG_ITEM = 0x30,    // or a tuple of both
    FLAG_SALVAGE = 0x40, // not a range but what is left of a damaged file
};

#define POS_UNKNOWN ((mp_off_t)-1)

// A buffer that Rust reads while methods of the stream run.
typedef struct _mp_btree_held_t {
    mp_obj_t obj;           // MP_OBJ_NULL: none
    mp_buffer_info_t info;
} mp_btree_held_t;

typedef struct _mp_obj_btree_t {
    mp_obj_base_t base;
    mp_obj_t stream;        // MP_OBJ_NULL: the database is in memory only
    btree_db_t *db;         // NULL: closed
    btree_cursor_t *cursor; // of seq(); NULL: not positioned yet
    mp_obj_t exc;           // raised by the stream, to be raised again by mp_btree_leave()
    size_t nomem;           // size of a block that could not be allocated
    mp_off_t pos;           // of the stream, or POS_UNKNOWN
    mp_btree_held_t held[2]; // arguments of the operation: the key, and the value or the end of a range
    byte busy;              // Rust is at work, or its result not yet copied
    byte closing;           // mp_btree_leave() is to let go of db
    byte atomic;            // a power cut undoes all that was not flushed (modbtree_journal.c)
    byte seeks;             // the stream is known to write where it was told to
} mp_obj_btree_t;

// modbtree_stream.c
// Raises OSError(err), or OSError(err, "page 5 offset 12: reason") if the fault has a reason.
MP_NORETURN void mp_btree_raise_error(int err, const btree_fault_t *fault);
void mp_btree_check_open(mp_obj_btree_t *self);
void mp_btree_enter(mp_obj_btree_t *self);
void mp_btree_hold(mp_obj_btree_t *self, unsigned i, mp_obj_t obj, const mp_buffer_info_t *info);
int mp_btree_leave(mp_obj_btree_t *self, int ret);
void *mp_btree_alloc0(mp_obj_btree_t *self, size_t size);
mp_obj_t mp_btree_new_bytes(mp_obj_btree_t *self, const btree_bytes_t *src, int *ret);
mp_obj_t mp_btree_text(const char *format, ...);
mp_obj_t mp_btree_fault_text(const char *prefix, const btree_fault_t *fault);

// modbtree.c
void *mp_btree_malloc0(size_t size);
mp_obj_btree_t *mp_btree_new(mp_obj_t stream);
void mp_btree_get_buffer(mp_obj_t obj, mp_buffer_info_t *bufinfo);
void mp_btree_enter_key(mp_obj_btree_t *self, mp_obj_t key_in, mp_buffer_info_t *key);
MP_NORETURN void mp_btree_raise_KeyError(void);
mp_obj_t mp_btree_seek_item(mp_obj_btree_t *self, unsigned where, const mp_buffer_info_t *key, bool keep, int *ret);
int mp_btree_store(mp_obj_btree_t *self, mp_obj_t key_in, mp_obj_t value_in, unsigned flags);
mp_obj_t mp_btree_subscr(mp_obj_t self_in, mp_obj_t index, mp_obj_t value);
mp_obj_t mp_btree_close(size_t n_args, const mp_obj_t *args);

// modbtree_iter.c
extern MP_BTREE_TYPE mp_type_btree_iter;
mp_obj_t mp_btree_step(mp_obj_btree_t *self, void *cursor, size_t flags, const mp_buffer_info_t *end, int *ret);
mp_obj_t mp_btree_iternext(mp_obj_t self_in);
mp_obj_t mp_btree_new_iter(mp_obj_t owner_in, mp_obj_t start, mp_obj_t end, size_t flags);
mp_obj_t mp_btree_getiter(mp_obj_t self_in, mp_obj_iter_buf_t *iter_buf);
MP_DECLARE_CONST_FUN_OBJ_KW(mp_btree_keys_obj);
MP_DECLARE_CONST_FUN_OBJ_KW(mp_btree_values_obj);
MP_DECLARE_CONST_FUN_OBJ_KW(mp_btree_items_obj);

#if MODBTREE_EXTRAS
// modbtree_dict.c
mp_obj_t mp_btree_unary_op(mp_unary_op_t op, mp_obj_t self_in);
MP_DECLARE_CONST_FUN_OBJ_1(mp_btree_first_obj);
MP_DECLARE_CONST_FUN_OBJ_1(mp_btree_last_obj);
MP_DECLARE_CONST_FUN_OBJ_VAR_BETWEEN(mp_btree_pop_obj);
MP_DECLARE_CONST_FUN_OBJ_1(mp_btree_popitem_obj);
MP_DECLARE_CONST_FUN_OBJ_VAR_BETWEEN(mp_btree_setdefault_obj);
MP_DECLARE_CONST_FUN_OBJ_KW(mp_btree_update_obj);
MP_DECLARE_CONST_FUN_OBJ_1(mp_btree_clear_obj);
MP_DECLARE_CONST_FUN_OBJ_1(mp_btree_stat_obj);
MP_DECLARE_CONST_FUN_OBJ_1(mp_btree___enter___obj);
MP_DECLARE_CONST_FUN_OBJ_VAR_BETWEEN(mp_btree___exit___obj);
#endif

#if MODBTREE_JOURNAL
// modbtree_journal.c
bool mp_btree_is_atomic(mp_obj_t stream);
// Shortens a stream that is atomic. Returns like a method of a stream, and may raise like one.
mp_uint_t mp_btree_cut(mp_obj_t stream, mp_uint_t size, int *err);
MP_DECLARE_CONST_FUN_OBJ_1(mp_btree_checkpoint_obj);
#endif

#if MODBTREE_CHECK
// modbtree_check.c
MP_DECLARE_CONST_FUN_OBJ_VAR_BETWEEN(mp_btree_check_obj);
MP_DECLARE_CONST_FUN_OBJ_2(mp_btree_compact_obj);
MP_DECLARE_CONST_FUN_OBJ_VAR_BETWEEN(mp_btree_salvage_obj);
#endif

#if MODBTREE_MATCH
// modbtree_json.c
// Names of fields in the order in which documents have them, to be shared by the dicts.
typedef struct _mp_btree_names_t {
    mp_obj_t names[16];     // MP_OBJ_NULL: not met yet
    size_t count;           // of those in the document at hand
    size_t fields;          // of the last document
} mp_btree_names_t;
void mp_btree_free_bytes(mp_obj_t bytes_in);
mp_obj_t mp_btree_json(const mp_buffer_info_t *text, mp_btree_names_t *names);
MP_DECLARE_CONST_FUN_OBJ_1(mp_btree_loads_obj);

// modbtree_match.c
MP_DECLARE_CONST_FUN_OBJ_3(mp_btree_match_obj);
MP_DECLARE_CONST_FUN_OBJ_VAR_BETWEEN(mp_btree_scan_obj);
#endif

#endif
