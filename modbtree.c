// The Python side of the btree module: objects, arguments, streams and exceptions.
// Everything below the btree_*() functions of modbtree.h is Rust (src/).
//
// An exception in MicroPython is a long jump, and none may cross a Rust function. So
// between mp_btree_enter() and mp_btree_leave() nothing raises: memory comes from
// modbtree_alloc(), which returns NULL, the methods of the stream run under nlr_push(),
// and what they raised waits in the database object until mp_btree_leave() raises it again.
// As a result every way out of an operation passes mp_btree_leave(), which ends `busy`.

#include <string.h>

#include "py/mperrno.h"
#include "py/objstr.h"
#include "py/objtuple.h"
#include "py/runtime.h"
#include "py/stream.h"

#include "modbtree.h"

#if MICROPY_PY_BTREE
#error "build with MICROPY_PY_BTREE=0: this module takes the place of extmod/modbtree.c"
#endif

#ifndef MODBTREE_EXTRAS
#define MODBTREE_EXTRAS (0)
#endif

#ifndef MP_NORETURN // MicroPython before 1.26
#define MP_NORETURN NORETURN
#endif

#if MICROPY_ASYNC_KBD_INTR
// Here a signal handler raises KeyboardInterrupt wherever the program happens to be.
// Put it off while Rust runs; let it through while a method of the stream runs.
#include <signal.h>
static void mp_btree_kbd_intr(int how) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    pthread_sigmask(how, &set, NULL);
}
#define KBD_INTR_OFF() mp_btree_kbd_intr(SIG_BLOCK)
#define KBD_INTR_ON() mp_btree_kbd_intr(SIG_UNBLOCK)
#else
#define KBD_INTR_OFF()
#define KBD_INTR_ON()
#endif

#if MICROPY_PY_THREAD && !MICROPY_PY_THREAD_GIL
#define BUSY_SET(self) __atomic_exchange_n(&(self)->busy, 1, __ATOMIC_ACQUIRE)
#define BUSY_CLEAR(self) __atomic_store_n(&(self)->busy, 0, __ATOMIC_RELEASE)
#else
#define BUSY_SET(self) ((self)->busy++ ? ((self)->busy = 1) : 0)
#define BUSY_CLEAR(self) ((self)->busy = 0)
#endif

// INCL and DESC are known to Python, the others are not.
enum {
    FLAG_INCL = 0x01,
    FLAG_DESC = 0x02,
    FLAG_PREFIX = 0x04,  // the end is a prefix that all keys share
    FLAG_STARTED = 0x08, // the cursor has left the start
    FLAG_KEY = 0x10,     // return the key,
    FLAG_VALUE = 0x20,   // the value
    FLAG_ITEM = 0x30,    // or a tuple of both
};

typedef struct _mp_obj_btree_t {
    mp_obj_base_t base;
    mp_obj_t stream;        // MP_OBJ_NULL: the database is in memory only
    btree_db_t *db;         // NULL: closed
    btree_cursor_t *cursor; // of seq(); NULL: not positioned yet
    mp_obj_t exc;           // raised by the stream, to be raised again by mp_btree_leave()
    size_t nomem;           // size of a block that could not be allocated
    mp_off_t pos;           // of the stream, -1: not known
    byte busy;              // Rust is at work, or its result not yet copied
    byte closing;           // mp_btree_leave() is to let go of db
} mp_obj_btree_t;

typedef struct _mp_obj_btree_iter_t {
    mp_obj_base_t base;
    mp_obj_btree_t *owner;  // NULL: exhausted
    mp_obj_t start;
    mp_obj_t end;
    size_t flags;
    void *cursor[];         // a btree_cursor_t
} mp_obj_btree_iter_t;

static const mp_obj_type_t mp_type_btree;
static const mp_obj_type_t mp_type_btree_iter;

/******************************************************************************/
// Streams and memory, called by Rust

enum { STREAM_READ, STREAM_WRITE, STREAM_IOCTL };

// Returns what the method of the stream returned or -errno. For STREAM_IOCTL, len is the request.
static mp_int_t mp_btree_stream(mp_obj_btree_t *self, unsigned method, void *buf, mp_uint_t len) {
    if (self->exc != MP_OBJ_NULL) {
        return -MP_EIO; // the operation has failed already, leave the stream alone
    }
    nlr_buf_t nlr;
    if (nlr_push(&nlr) != 0) {
        KBD_INTR_OFF();
        self->exc = MP_OBJ_FROM_PTR(nlr.ret_val);
        return -MP_EIO;
    }
    KBD_INTR_ON();
    const mp_stream_p_t *stream_p = mp_get_stream(self->stream);
    int err = 0;
    mp_uint_t ret;
    if (method == STREAM_READ) {
        ret = stream_p->read(self->stream, buf, len, &err);
    } else if (method == STREAM_WRITE) {
        ret = stream_p->write(self->stream, buf, len, &err);
    } else {
        ret = stream_p->ioctl(self->stream, len, (uintptr_t)buf, &err);
    }
    KBD_INTR_OFF();
    nlr_pop();
    // A stream written in Python may claim to have moved more than it was asked to.
    if (ret == MP_STREAM_ERROR || (method != STREAM_IOCTL && ret > len)) {
        self->nomem = 0; // whatever follows is the fault of the stream
        return err > 0 ? -err : -MP_EIO;
    }
    return ret;
}

static int mp_btree_seek(mp_obj_btree_t *self, struct mp_stream_seek_t *seek) {
    self->pos = -1;
    mp_int_t ret = mp_btree_stream(self, STREAM_IOCTL, seek, MP_STREAM_SEEK);
    if (ret < 0) {
        return ret;
    }
    self->pos = seek->offset;
    return 0;
}

// Moves the stream only if it is not there yet: littlefs and flash like long runs of writes.
static int mp_btree_seek_to(mp_obj_btree_t *self, uint64_t offset) {
    // Absolute positions are unsigned, see mp_stream_seek_t.
    mp_off_t pos = (mp_off_t)offset;
    if (sizeof(mp_off_t) < sizeof(offset) && offset > UINT32_MAX) {
        return -MP_EFBIG;
    }
    if (pos == self->pos) {
        return 0;
    }
    struct mp_stream_seek_t seek = { .offset = pos, .whence = MP_SEEK_SET };
    int ret = mp_btree_seek(self, &seek);
    if (ret == 0 && self->pos != pos) {
        ret = -MP_EIO; // FAT reports that it could not get there by the position only
    }
    return ret;
}

// Reads or writes until all is done, or a method returns 0. Returns the number of bytes.
static int mp_btree_transfer(mp_obj_btree_t *self, unsigned method, uint8_t *buf, size_t len) {
    size_t done = 0;
    while (done < len) {
        mp_int_t ret = mp_btree_stream(self, method, buf + done, len - done);
        if (ret < 0) {
            self->pos = -1;
            return ret;
        }
        if (ret == 0) {
            break;
        }
        done += ret;
    }
    if (self->pos != -1) {
        self->pos += done;
    }
    return done;
}

int modbtree_read_here(void *ctx, uint8_t *buf, size_t len) {
    return mp_btree_transfer(ctx, STREAM_READ, buf, len);
}

int modbtree_read(void *ctx, uint64_t offset, uint8_t *buf, size_t len) {
    int ret = mp_btree_seek_to(ctx, offset);
    return ret < 0 ? ret : mp_btree_transfer(ctx, STREAM_READ, buf, len);
}

int modbtree_write(void *ctx, uint64_t offset, const uint8_t *buf, size_t len) {
    int ret = mp_btree_seek_to(ctx, offset);
    if (ret == 0) {
        ret = mp_btree_transfer(ctx, STREAM_WRITE, (uint8_t *)buf, len);
        if (ret >= 0) {
            ret = (size_t)ret == len ? 0 : -MP_ENOSPC;
        }
    }
    return ret;
}

int modbtree_size(void *ctx, uint64_t *size) {
    mp_obj_btree_t *self = ctx;
    struct mp_stream_seek_t seek = { .offset = 0, .whence = MP_SEEK_END };
    int ret = mp_btree_seek(self, &seek);
    *size = sizeof(mp_off_t) < sizeof(*size) ? (uint32_t)seek.offset : (uint64_t)seek.offset;
    return ret;
}

int modbtree_sync(void *ctx) {
    mp_int_t ret = mp_btree_stream(ctx, STREAM_IOCTL, NULL, MP_STREAM_FLUSH);
    return ret < 0 ? ret : 0;
}

void *modbtree_alloc(void *ctx, size_t size) {
    mp_obj_btree_t *self = ctx;
    void *ptr = m_malloc_maybe(size);
    if (ptr == NULL) {
        self->nomem = size;
    }
    return ptr;
}

void modbtree_free(void *ctx, void *ptr, size_t size) {
    (void)ctx;
    m_del(byte, ptr, size);
}

/******************************************************************************/
// Helpers for all methods

static void mp_btree_check_open(mp_obj_btree_t *self) {
    if (self->db == NULL) {
        mp_raise_ValueError(MP_ERROR_TEXT("database closed"));
    }
}

// Where Python code could get at the database while Rust works on it: in a method of the
// stream, in a finaliser run by the garbage collector, in another thread.
static void mp_btree_enter(mp_obj_btree_t *self) {
    if (BUSY_SET(self)) {
        mp_raise_OSError(MP_EBUSY);
    }
    if (self->db == NULL) {
        BUSY_CLEAR(self);
        mp_btree_check_open(self);
    }
    self->pos = -1; // others may have moved the stream since
    self->nomem = 0;
    KBD_INTR_OFF();
}

typedef struct _mp_btree_text_t {
    size_t len;
    char buf[96];
} mp_btree_text_t;

static void mp_btree_text_add(void *data, const char *str, size_t len) {
    mp_btree_text_t *text = data;
    while (len-- && text->len < sizeof(text->buf)) {
        text->buf[text->len++] = *str++;
    }
}

// Raises OSError(err, "page 5 offset 12: reason").
static MP_NORETURN void mp_btree_raise_fault(int err, const btree_fault_t *fault) {
    mp_btree_text_t text;
    text.len = 0;
    mp_print_t print = { &text, mp_btree_text_add };
    mp_printf(&print, "page %u offset %u: %s", (unsigned)fault->page, (unsigned)fault->offset, fault->reason);
    mp_obj_t args[2] = { MP_OBJ_NEW_SMALL_INT(err), mp_obj_new_str(text.buf, text.len) };
    nlr_raise(mp_call_function_n_kw(MP_OBJ_FROM_PTR(&mp_type_OSError), 2, 0, args));
}

static MP_NORETURN void mp_btree_raise_KeyError(void) {
    nlr_raise(mp_obj_new_exception(&mp_type_KeyError));
}

// Ends what mp_btree_enter() began and raises if there is a reason to. Returns ret, 0 or 1.
static int mp_btree_leave(mp_obj_btree_t *self, int ret) {
    mp_obj_t exc = self->exc;
    size_t nomem = self->nomem;
    btree_fault_t fault = { 0 };
    if (ret < 0) {
        btree_fault(self->db, &fault);
    }
    self->exc = MP_OBJ_NULL;
    if (self->closing) {
        m_del(byte, self->db, btree_db_size());
        self->db = NULL;
    }
    BUSY_CLEAR(self);
    KBD_INTR_ON();
    if (exc != MP_OBJ_NULL) {
        nlr_raise(exc);
    }
    if (ret < 0) {
        if (ret == -MP_ENOMEM && nomem != 0) {
            m_malloc_fail(nomem);
        }
        if (fault.reason != NULL) {
            mp_btree_raise_fault(-ret, &fault);
        }
        mp_raise_OSError(-ret);
    }
    return ret;
}

// The bytes of a key or value given by the caller.
static void mp_btree_get_buffer(mp_obj_t obj, mp_buffer_info_t *bufinfo) {
    mp_get_buffer_raise(obj, bufinfo, MP_BUFFER_READ);
    if (bufinfo->len == 0) {
        bufinfo->buf = ""; // an empty bytearray may have NULL here
    }
}

// Zeroed memory, NULL if there is none.
static void *mp_btree_alloc0(mp_obj_btree_t *self, size_t size) {
    void *ptr = modbtree_alloc(self, size);
    if (ptr != NULL) {
        memset(ptr, 0, size);
    }
    return ptr;
}

// A new bytes object, MP_OBJ_NULL if *ret is or becomes an error.
static mp_obj_t mp_btree_new_bytes(mp_obj_btree_t *self, const btree_bytes_t *src, int *ret) {
    if (*ret != 0) {
        return MP_OBJ_NULL;
    }
    // mp_obj_new_bytes() raises, and would need a second copy of what is not in one piece.
    mp_obj_str_t *o = mp_btree_alloc0(self, sizeof(*o));
    uint8_t *data = modbtree_alloc(self, (size_t)src->len + 1);
    if (o == NULL || data == NULL) {
        *ret = -MP_ENOMEM;
        return MP_OBJ_NULL;
    }
    if (src->ptr != NULL) {
        memcpy(data, src->ptr, src->len);
    } else if (src->len != 0) {
        *ret = btree_fetch(self->db, src, data);
    }
    data[src->len] = 0;
    o->base.type = &mp_type_bytes;
    o->len = src->len; // hash 0: not computed yet
    o->data = data;
    return MP_OBJ_FROM_PTR(o);
}

static const uint8_t *mp_btree_bytes_data(mp_obj_t bytes) {
    return ((mp_obj_str_t *)MP_OBJ_TO_PTR(bytes))->data;
}

// Whether a key lies behind the end of a range.
static bool mp_btree_at_end(const mp_buffer_info_t *end, size_t flags, const uint8_t *key, size_t len) {
    int cmp = memcmp(key, end->buf, MIN(len, end->len));
    if (cmp == 0) {
        if (flags & FLAG_PREFIX) {
            return len < end->len;
        }
        if (len == end->len) {
            return !(flags & FLAG_INCL);
        }
        cmp = len < end->len ? -1 : 1;
    }
    // With a prefix, any other key means that the cursor is past the last one.
    return (flags & FLAG_PREFIX) || (flags & FLAG_DESC ? cmp < 0 : cmp > 0);
}

// Moves a cursor and returns what flags ask for. MP_OBJ_NULL if *ret is or becomes not 0.
static mp_obj_t mp_btree_step(mp_obj_btree_t *self, void *cursor, size_t flags, const mp_buffer_info_t *end, int *ret) {
    btree_bytes_t bytes[2];
    if (*ret == 0) {
        *ret = btree_step(self->db, cursor, (flags & FLAG_DESC) != 0, &bytes[0], &bytes[1]);
    }
    if (*ret != 0) {
        return MP_OBJ_NULL;
    }
    mp_obj_t items[2] = { MP_OBJ_NULL, MP_OBJ_NULL };
    const uint8_t *key = bytes[0].ptr;
    if ((flags & FLAG_KEY) || (end != NULL && key == NULL)) {
        items[0] = mp_btree_new_bytes(self, &bytes[0], ret);
        if (*ret != 0) {
            return MP_OBJ_NULL;
        }
        key = mp_btree_bytes_data(items[0]);
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

/******************************************************************************/
// Iterators

static mp_obj_t mp_btree_iternext(mp_obj_t self_in) {
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
    void *cursor = self->cursor;
    int ret = 0;
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

static MP_DEFINE_CONST_OBJ_TYPE(
    mp_type_btree_iter,
    MP_QSTR_iterator,
    MP_TYPE_FLAG_ITER_IS_ITERNEXT,
    iter, mp_btree_iternext
    );

static mp_obj_t mp_btree_new_iter(mp_obj_t owner_in, mp_obj_t start, mp_obj_t end, size_t flags) {
    size_t words = (btree_cursor_size() + sizeof(void *) - 1) / sizeof(void *);
    mp_obj_btree_iter_t *o = mp_obj_malloc_var(mp_obj_btree_iter_t, cursor, void *, words, &mp_type_btree_iter);
    o->owner = MP_OBJ_TO_PTR(owner_in);
    o->start = start;
    o->end = end;
    o->flags = flags;
    memset(o->cursor, 0, words * sizeof(void *));
    return MP_OBJ_FROM_PTR(o);
}

static mp_obj_t mp_btree_getiter(mp_obj_t self_in, mp_obj_iter_buf_t *iter_buf) {
    (void)iter_buf;
    return mp_btree_new_iter(self_in, mp_const_none, mp_const_none, FLAG_KEY);
}

static mp_obj_t mp_btree_range(size_t n_args, const mp_obj_t *args, mp_map_t *kwargs, size_t what) {
    enum { ARG_start, ARG_end, ARG_flags, ARG_prefix };
    static const mp_arg_t allowed_args[] = {
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
static MP_DEFINE_CONST_FUN_OBJ_KW(mp_btree_keys_obj, 1, mp_btree_keys);

static mp_obj_t mp_btree_values(size_t n_args, const mp_obj_t *args, mp_map_t *kwargs) {
    return mp_btree_range(n_args, args, kwargs, FLAG_VALUE);
}
static MP_DEFINE_CONST_FUN_OBJ_KW(mp_btree_values_obj, 1, mp_btree_values);

static mp_obj_t mp_btree_items(size_t n_args, const mp_obj_t *args, mp_map_t *kwargs) {
    return mp_btree_range(n_args, args, kwargs, FLAG_ITEM);
}
static MP_DEFINE_CONST_FUN_OBJ_KW(mp_btree_items_obj, 1, mp_btree_items);

/******************************************************************************/
// Databases

// Returns the value of a key or MP_OBJ_NULL.
static mp_obj_t mp_btree_load(mp_obj_btree_t *self, mp_obj_t key_in) {
    mp_btree_check_open(self);
    mp_buffer_info_t key;
    mp_btree_get_buffer(key_in, &key);
    mp_btree_enter(self);
    btree_bytes_t bytes;
    int ret = btree_get(self->db, key.buf, key.len, &bytes);
    mp_obj_t value = mp_btree_new_bytes(self, &bytes, &ret);
    return mp_btree_leave(self, ret) == 0 ? value : MP_OBJ_NULL;
}

// Returns 1 if flags are BTREE_NOOVERWRITE and the key exists, otherwise 0.
static int mp_btree_store(mp_obj_btree_t *self, mp_obj_t key_in, mp_obj_t value_in, unsigned flags) {
    mp_btree_check_open(self);
    mp_buffer_info_t key, value;
    mp_btree_get_buffer(key_in, &key);
    mp_btree_get_buffer(value_in, &value);
    mp_btree_enter(self);
    return mp_btree_leave(self, btree_put(self->db, key.buf, key.len, value.buf, value.len, flags));
}

static mp_obj_t mp_btree_subscr(mp_obj_t self_in, mp_obj_t index, mp_obj_t value) {
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
    mp_btree_check_open(self);
    mp_buffer_info_t key;
    mp_btree_get_buffer(index, &key);
    mp_btree_enter(self);
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
static mp_obj_t mp_btree_seek_item(mp_obj_btree_t *self, unsigned where, const mp_buffer_info_t *key, bool keep, int *ret) {
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

static mp_obj_t mp_btree_close(size_t n_args, const mp_obj_t *args) {
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
    mp_buffer_info_t key;
    mp_btree_get_buffer(rhs_in, &key);
    mp_btree_enter(self);
    btree_bytes_t bytes;
    int ret = btree_get(self->db, key.buf, key.len, &bytes);
    return mp_obj_new_bool(mp_btree_leave(self, ret) == 0);
}

static void mp_btree_print(const mp_print_t *print, mp_obj_t self_in, mp_print_kind_t kind) {
    (void)kind;
    mp_obj_btree_t *self = MP_OBJ_TO_PTR(self_in);
    mp_printf(print, "<btree %p>", self->db);
}

/******************************************************************************/
// What dict has and the C module has not

#if MODBTREE_EXTRAS

static mp_obj_t mp_btree_unary_op(mp_unary_op_t op, mp_obj_t self_in) {
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
static MP_DEFINE_CONST_FUN_OBJ_1(mp_btree_first_obj, mp_btree_first);

static mp_obj_t mp_btree_last(mp_obj_t self_in) {
    return mp_btree_end_item(self_in, BTREE_LAST, false);
}
static MP_DEFINE_CONST_FUN_OBJ_1(mp_btree_last_obj, mp_btree_last);

static mp_obj_t mp_btree_popitem(mp_obj_t self_in) {
    return mp_btree_end_item(self_in, BTREE_LAST, true);
}
static MP_DEFINE_CONST_FUN_OBJ_1(mp_btree_popitem_obj, mp_btree_popitem);

static mp_obj_t mp_btree_pop(size_t n_args, const mp_obj_t *args) {
    mp_obj_btree_t *self = MP_OBJ_TO_PTR(args[0]);
    mp_btree_check_open(self);
    mp_buffer_info_t key;
    mp_btree_get_buffer(args[1], &key);
    mp_btree_enter(self);
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
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(mp_btree_pop_obj, 2, 3, mp_btree_pop);

static mp_obj_t mp_btree_setdefault(size_t n_args, const mp_obj_t *args) {
    mp_obj_btree_t *self = MP_OBJ_TO_PTR(args[0]);
    mp_btree_store(self, args[1], n_args > 2 ? args[2] : mp_const_empty_bytes, BTREE_NOOVERWRITE);
    return mp_btree_subscr(args[0], args[1], MP_OBJ_SENTINEL);
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(mp_btree_setdefault_obj, 2, 3, mp_btree_setdefault);

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
        mp_obj_t iter = mp_getiter(pairs, NULL);
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
static MP_DEFINE_CONST_FUN_OBJ_KW(mp_btree_update_obj, 1, mp_btree_update);

static mp_obj_t mp_btree_clear(mp_obj_t self_in) {
    mp_obj_btree_t *self = MP_OBJ_TO_PTR(self_in);
    mp_btree_enter(self);
    mp_btree_leave(self, btree_clear(self->db));
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(mp_btree_clear_obj, mp_btree_clear);

static mp_obj_t mp_btree_stat(mp_obj_t self_in) {
    mp_obj_btree_t *self = MP_OBJ_TO_PTR(self_in);
    mp_btree_enter(self);
    btree_stat_t stat;
    mp_btree_leave(self, btree_stat(self->db, &stat));
    mp_obj_t dict = mp_obj_new_dict(6);
    mp_obj_dict_store(dict, MP_OBJ_NEW_QSTR(MP_QSTR_pagesize), mp_obj_new_int_from_uint(stat.pagesize));
    mp_obj_dict_store(dict, MP_OBJ_NEW_QSTR(MP_QSTR_pages), mp_obj_new_int_from_uint(stat.pages));
    mp_obj_dict_store(dict, MP_OBJ_NEW_QSTR(MP_QSTR_depth), mp_obj_new_int_from_uint(stat.depth));
    mp_obj_dict_store(dict, MP_OBJ_NEW_QSTR(MP_QSTR_free), mp_obj_new_int_from_uint(stat.free));
    mp_obj_dict_store(dict, MP_OBJ_NEW_QSTR(MP_QSTR_cached), mp_obj_new_int_from_uint(stat.cached));
    mp_obj_dict_store(dict, MP_OBJ_NEW_QSTR(MP_QSTR_dirty), mp_obj_new_int_from_uint(stat.dirty));
    return dict;
}
static MP_DEFINE_CONST_FUN_OBJ_1(mp_btree_stat_obj, mp_btree_stat);

static mp_obj_t mp_btree___enter__(mp_obj_t self_in) {
    return self_in;
}
static MP_DEFINE_CONST_FUN_OBJ_1(mp_btree___enter___obj, mp_btree___enter__);

static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(mp_btree___exit___obj, 4, 4, mp_btree_close);

#define MP_TYPE_BTREE_UNARY_OP unary_op, mp_btree_unary_op,
#else
#define MP_TYPE_BTREE_UNARY_OP
#endif // MODBTREE_EXTRAS

/******************************************************************************/
// The type and the module

static const mp_rom_map_elem_t mp_btree_locals_dict_table[] = {
    { MP_ROM_QSTR(MP_QSTR_close), MP_ROM_PTR(&mp_btree_close_obj) },
    { MP_ROM_QSTR(MP_QSTR_flush), MP_ROM_PTR(&mp_btree_flush_obj) },
    { MP_ROM_QSTR(MP_QSTR_get), MP_ROM_PTR(&mp_btree_get_obj) },
    { MP_ROM_QSTR(MP_QSTR_put), MP_ROM_PTR(&mp_btree_put_obj) },
    { MP_ROM_QSTR(MP_QSTR_seq), MP_ROM_PTR(&mp_btree_seq_obj) },
    { MP_ROM_QSTR(MP_QSTR_keys), MP_ROM_PTR(&mp_btree_keys_obj) },
    { MP_ROM_QSTR(MP_QSTR_values), MP_ROM_PTR(&mp_btree_values_obj) },
    { MP_ROM_QSTR(MP_QSTR_items), MP_ROM_PTR(&mp_btree_items_obj) },
    #if MODBTREE_EXTRAS
    { MP_ROM_QSTR(MP_QSTR_first), MP_ROM_PTR(&mp_btree_first_obj) },
    { MP_ROM_QSTR(MP_QSTR_last), MP_ROM_PTR(&mp_btree_last_obj) },
    { MP_ROM_QSTR(MP_QSTR_pop), MP_ROM_PTR(&mp_btree_pop_obj) },
    { MP_ROM_QSTR(MP_QSTR_popitem), MP_ROM_PTR(&mp_btree_popitem_obj) },
    { MP_ROM_QSTR(MP_QSTR_setdefault), MP_ROM_PTR(&mp_btree_setdefault_obj) },
    { MP_ROM_QSTR(MP_QSTR_update), MP_ROM_PTR(&mp_btree_update_obj) },
    { MP_ROM_QSTR(MP_QSTR_clear), MP_ROM_PTR(&mp_btree_clear_obj) },
    { MP_ROM_QSTR(MP_QSTR_stat), MP_ROM_PTR(&mp_btree_stat_obj) },
    { MP_ROM_QSTR(MP_QSTR___enter__), MP_ROM_PTR(&mp_btree___enter___obj) },
    { MP_ROM_QSTR(MP_QSTR___exit__), MP_ROM_PTR(&mp_btree___exit___obj) },
    #endif
};
static MP_DEFINE_CONST_DICT(mp_btree_locals_dict, mp_btree_locals_dict_table);

static MP_DEFINE_CONST_OBJ_TYPE(
    mp_type_btree,
    MP_QSTR_btree,
    MP_TYPE_FLAG_ITER_IS_GETITER,
    MP_TYPE_BTREE_UNARY_OP
    print, mp_btree_print,
    binary_op, mp_btree_binary_op,
    subscr, mp_btree_subscr,
    iter, mp_btree_getiter,
    locals_dict, &mp_btree_locals_dict
    );

static uint32_t mp_btree_option(mp_int_t value) {
    if (value < 0) {
        mp_raise_OSError(MP_EINVAL);
    }
    return MIN((mp_uint_t)value, UINT32_MAX);
}

static mp_obj_t mp_btree_open(size_t n_args, const mp_obj_t *args, mp_map_t *kwargs) {
    enum { ARG_flags, ARG_pagesize, ARG_cachesize, ARG_minkeypage };
    static const mp_arg_t allowed_args[] = {
        { MP_QSTR_flags, MP_ARG_KW_ONLY | MP_ARG_INT, { .u_int = 0 } },
        { MP_QSTR_pagesize, MP_ARG_KW_ONLY | MP_ARG_INT, { .u_int = 0 } },
        { MP_QSTR_cachesize, MP_ARG_KW_ONLY | MP_ARG_INT, { .u_int = 0 } },
        { MP_QSTR_minkeypage, MP_ARG_KW_ONLY | MP_ARG_INT, { .u_int = 0 } },
    };
    bool memory = args[0] == mp_const_none;
    if (!memory) {
        mp_get_stream_raise(args[0], MP_STREAM_OP_READ | MP_STREAM_OP_WRITE | MP_STREAM_OP_IOCTL);
    }
    mp_arg_val_t arg[MP_ARRAY_SIZE(allowed_args)];
    mp_arg_parse_all(n_args - 1, args + 1, kwargs, MP_ARRAY_SIZE(allowed_args), allowed_args, arg);
    btree_options_t options = {
        .flags = mp_btree_option(arg[ARG_flags].u_int),
        .pagesize = mp_btree_option(arg[ARG_pagesize].u_int),
        // Any size is taken, the library makes the best of it.
        .cachesize = mp_btree_option(MAX(arg[ARG_cachesize].u_int, 0)),
        .minkeypage = mp_btree_option(arg[ARG_minkeypage].u_int),
        .memory = memory,
    };

    mp_obj_btree_t *self = mp_obj_malloc(mp_obj_btree_t, &mp_type_btree);
    self->stream = memory ? MP_OBJ_NULL : args[0];
    self->cursor = NULL;
    self->exc = MP_OBJ_NULL;
    self->busy = 0;
    self->closing = 0;
    self->db = m_malloc(btree_db_size());
    memset(self->db, 0, btree_db_size());
    mp_btree_enter(self);
    mp_btree_leave(self, btree_open(self->db, self, &options));
    return MP_OBJ_FROM_PTR(self);
}
static MP_DEFINE_CONST_FUN_OBJ_KW(mp_btree_open_obj, 1, mp_btree_open);

static const mp_rom_map_elem_t mp_module_btree_globals_table[] = {
    { MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR_btree) },
    { MP_ROM_QSTR(MP_QSTR_open), MP_ROM_PTR(&mp_btree_open_obj) },
    { MP_ROM_QSTR(MP_QSTR_INCL), MP_ROM_INT(FLAG_INCL) },
    { MP_ROM_QSTR(MP_QSTR_DESC), MP_ROM_INT(FLAG_DESC) },
};
static MP_DEFINE_CONST_DICT(mp_module_btree_globals, mp_module_btree_globals_table);

const mp_obj_module_t mp_module_btree = {
    .base = { &mp_type_module },
    .globals = (mp_obj_dict_t *)&mp_module_btree_globals,
};

MP_REGISTER_MODULE(MP_QSTR_btree, mp_module_btree);
