// The way to Rust and back, and what Rust calls: streams and memory.

#include "modbtree_obj.h"

#if !MICROPY_ENABLE_DYNRUNTIME && MICROPY_VFS_LFS2
#include "extmod/vfs_lfs.h"
#include "lib/littlefs/lfs2.h"
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

#if MICROPY_ENABLE_DYNRUNTIME
// The NLR buffer of the firmware may be larger than what we take it for: it may hold the
// state of setjmp(), which the firmware then provides, or of a pystack, or registers of an FPU.
typedef struct _mp_btree_nlr_t {
    nlr_buf_t nlr;
    void *spare[24];
} mp_btree_nlr_t;
typedef int (*mp_btree_setjmp_t)(void *);
#define NLR_PUSH(buf) (mp_fun_table.nlr_push(&(buf)->nlr) != 0 || \
    (mp_fun_table.setjmp_ != NULL && ((mp_btree_setjmp_t)mp_fun_table.setjmp_)((buf)->nlr.regs) != 0))
#define NLR_POP() mp_fun_table.nlr_pop()
#define NLR_VALUE(buf) MP_OBJ_FROM_PTR((buf)->nlr.ret_val)
#else
typedef nlr_buf_t mp_btree_nlr_t;
#define NLR_PUSH(buf) (nlr_push(buf) != 0)
#define NLR_POP() nlr_pop()
#define NLR_VALUE(buf) MP_OBJ_FROM_PTR((buf)->ret_val)
#endif

// Threads without a GIL may get here at the same time. A native module does not know whether
// there are any, and so takes care where that costs nothing.
#if (MICROPY_ENABLE_DYNRUNTIME || (MICROPY_PY_THREAD && !MICROPY_PY_THREAD_GIL)) && __GCC_ATOMIC_CHAR_LOCK_FREE == 2
#define BUSY_SET(self) __atomic_exchange_n(&(self)->busy, 1, __ATOMIC_ACQUIRE)
#define BUSY_CLEAR(self) __atomic_store_n(&(self)->busy, 0, __ATOMIC_RELEASE)
#else
#if MICROPY_PY_THREAD && !MICROPY_PY_THREAD_GIL // RP2040
#include "py/mphal.h"
#define BUSY_BEGIN() mp_uint_t state = MICROPY_BEGIN_ATOMIC_SECTION()
#define BUSY_END() MICROPY_END_ATOMIC_SECTION(state)
#else
#define BUSY_BEGIN()
#define BUSY_END()
#endif
static bool mp_btree_set_busy(mp_obj_btree_t *self) {
    BUSY_BEGIN();
    bool busy = self->busy;
    self->busy = 1;
    BUSY_END();
    return busy;
}
#define BUSY_SET(self) mp_btree_set_busy(self)
#define BUSY_CLEAR(self) ((self)->busy = 0)
#endif

/******************************************************************************/
// Called by Rust

enum { STREAM_READ, STREAM_WRITE, STREAM_IOCTL, STREAM_CUT };

// A stream written in Python may resize a bytearray that is the key or value at this moment.
// Its old memory must not be read any more.
static bool mp_btree_held_moved(mp_obj_btree_t *self) {
    for (size_t i = 0; i < MP_ARRAY_SIZE(self->held); i++) {
        mp_btree_held_t *held = &self->held[i];
        mp_buffer_info_t now;
        if (held->obj != MP_OBJ_NULL && (!mp_get_buffer(held->obj, &now, MP_BUFFER_READ)
                                         || now.len != held->info.len || (now.len != 0 && now.buf != held->info.buf
                                                                          && !MP_BTREE_WORDS_ONLY(now.buf)))) {
            return true;
        }
    }
    return false;
}

// Returns what the method of the stream returned or -errno. For STREAM_IOCTL, len is
// the request, for STREAM_CUT the new size.
static mp_int_t mp_btree_stream(mp_obj_btree_t *self, unsigned method, void *buf, mp_uint_t len) {
    if (self->exc != MP_OBJ_NULL) {
        return -MP_EIO; // the operation has failed already, leave the stream alone
    }
    mp_btree_nlr_t nlr;
    // The compiler does not know that what NLR_PUSH() calls may return twice.
    mp_obj_btree_t *volatile owner = self;
    if (NLR_PUSH(&nlr)) {
        KBD_INTR_OFF();
        owner->exc = NLR_VALUE(&nlr);
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
    #if MODBTREE_JOURNAL && !MICROPY_ENABLE_DYNRUNTIME
    } else if (method == STREAM_CUT) {
        ret = mp_btree_cut(self->stream, len, &err);
    #endif
    } else {
        ret = stream_p->ioctl(self->stream, len, (uintptr_t)buf, &err);
    }
    KBD_INTR_OFF();
    NLR_POP();
    if (mp_btree_held_moved(self)) {
        return -MP_EBUSY;
    }
    // A stream written in Python may claim to have moved more than it was asked to.
    if (ret == MP_STREAM_ERROR || (method < STREAM_IOCTL && ret > len)) {
        self->nomem = 0; // whatever follows is the fault of the stream
        return err > 0 ? -err : -MP_EIO;
    }
    return ret;
}

// littlefs 2.5 to 2.10.0 (MicroPython before 1.26) returns the data of another block if a read
// ended where a block ends and the next position is near the same place of the block behind it.
// It does not if it has been elsewhere in between.
#if defined(LFS2_VERSION) && LFS2_VERSION >= 0x00020005 && LFS2_VERSION <= 0x0002000a
#define SEEKS_BADLY(stream) (mp_obj_is_type((stream), &mp_type_vfs_lfs2_fileio) \
    || mp_obj_is_type((stream), &mp_type_vfs_lfs2_textio))
#elif MICROPY_ENABLE_DYNRUNTIME
// Native modules do not see which file system a file is of, nor of which version.
#define SEEKS_BADLY(stream) (mp_obj_get_type(stream)->name == MP_QSTR_FileIO)
#else
#define SEEKS_BADLY(stream) (false)
#endif

static int mp_btree_seek(mp_obj_btree_t *self, struct mp_stream_seek_t *seek) {
    self->pos = POS_UNKNOWN;
    if (SEEKS_BADLY(self->stream)) {
        struct mp_stream_seek_t start = { .offset = 0, .whence = MP_SEEK_SET };
        mp_int_t ret = mp_btree_stream(self, STREAM_IOCTL, &start, MP_STREAM_SEEK);
        if (ret < 0) {
            return ret;
        }
    }
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
            self->pos = POS_UNKNOWN;
            return ret;
        }
        if (ret == 0) {
            break;
        }
        done += ret;
    }
    if (self->pos != POS_UNKNOWN) {
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

int modbtree_size(void *ctx, uint64_t *size) {
    mp_obj_btree_t *self = ctx;
    struct mp_stream_seek_t seek = { .offset = 0, .whence = MP_SEEK_END };
    int ret = mp_btree_seek(self, &seek);
    *size = sizeof(mp_off_t) < sizeof(*size) ? (uint32_t)seek.offset : (uint64_t)seek.offset;
    return ret;
}

int modbtree_write(void *ctx, uint64_t offset, const uint8_t *buf, size_t len) {
    mp_obj_btree_t *self = ctx;
    // A file in mode "a+b" ignores its position and appends. That shows by its size as soon
    // as a run of writes begins elsewhere than at its end, and before anything is lost.
    uint64_t size = offset;
    int ret;
    if (!self->seeks && self->pos != (mp_off_t)offset) {
        ret = modbtree_size(self, &size);
        if (ret < 0) {
            return ret;
        }
    }
    ret = mp_btree_seek_to(self, offset);
    if (ret < 0) {
        return ret;
    }
    ret = mp_btree_transfer(self, STREAM_WRITE, (uint8_t *)buf, len);
    if (ret < 0) {
        return ret;
    }
    if ((size_t)ret != len) {
        return -MP_ENOSPC;
    }
    if (size != offset) {
        uint64_t new_size;
        ret = modbtree_size(self, &new_size);
        if (ret < 0) {
            return ret;
        }
        if (new_size != MAX(size, offset + len)) {
            return -MP_ESPIPE;
        }
        self->seeks = 1;
    }
    return 0;
}

int modbtree_sync(void *ctx) {
    mp_int_t ret = mp_btree_stream(ctx, STREAM_IOCTL, NULL, MP_STREAM_FLUSH);
    return ret < 0 ? ret : 0;
}

#if MODBTREE_JOURNAL && !MICROPY_ENABLE_DYNRUNTIME
int modbtree_atomic(void *ctx) {
    mp_obj_btree_t *self = ctx;
    return self->atomic;
}

int modbtree_truncate(void *ctx, uint64_t size) {
    mp_obj_btree_t *self = ctx;
    self->pos = POS_UNKNOWN;
    return mp_btree_stream(self, STREAM_CUT, NULL, size);
}
#endif

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
// Calling Rust

void mp_btree_check_open(mp_obj_btree_t *self) {
    if (self->db == NULL) {
        mp_raise_ValueError(MP_ERROR_TEXT("database closed"));
    }
}

// Where Python code could get at the database while Rust works on it: in a method of the
// stream, in a finaliser run by the garbage collector, in another thread.
void mp_btree_enter(mp_obj_btree_t *self) {
    if (BUSY_SET(self)) {
        mp_raise_OSError(MP_EBUSY);
    }
    if (self->db == NULL) {
        BUSY_CLEAR(self);
        mp_btree_check_open(self);
    }
    self->pos = POS_UNKNOWN; // others may have moved the stream since
    self->held[0].obj = MP_OBJ_NULL;
    self->held[1].obj = MP_OBJ_NULL;
    self->nomem = 0;
    KBD_INTR_OFF();
}

// Watches an argument of the operation begun with mp_btree_enter().
void mp_btree_hold(mp_obj_btree_t *self, unsigned i, mp_obj_t obj, const mp_buffer_info_t *info) {
    self->held[i].obj = obj;
    self->held[i].info = *info;
}

// Zeroed memory, NULL if there is none.
void *mp_btree_alloc0(mp_obj_btree_t *self, size_t size) {
    void *ptr = modbtree_alloc(self, size);
    if (ptr != NULL) {
        memset(ptr, 0, size);
    }
    return ptr;
}

// A new bytes object, MP_OBJ_NULL if *ret is or becomes an error.
mp_obj_t mp_btree_new_bytes(mp_obj_btree_t *self, const btree_bytes_t *src, int *ret) {
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

// A str, cut off where it gets too long.
mp_obj_t mp_btree_text(const char *format, ...) {
    mp_btree_text_t text;
    text.len = 0;
    mp_print_t print = { &text, mp_btree_text_add };
    va_list args;
    va_start(args, format);
    mp_vprintf(&print, format, args);
    va_end(args);
    return mp_obj_new_str(text.buf, text.len);
}

// "page 5 offset 12: reason", behind a prefix.
mp_obj_t mp_btree_fault_text(const char *prefix, const btree_fault_t *fault) {
    return mp_btree_text("%spage %u offset %u: %s", prefix, (unsigned)fault->page, (unsigned)fault->offset, fault->reason);
}

MP_NORETURN void mp_btree_raise_error(int err, const btree_fault_t *fault) {
    mp_obj_t args[2] = { MP_OBJ_NEW_SMALL_INT(err) };
    size_t n_args = 1;
    if (fault != NULL && fault->reason != NULL) {
        args[n_args++] = mp_btree_fault_text("", fault);
    }
    nlr_raise(mp_call_function_n_kw(MP_OBJ_FROM_PTR(&mp_type_OSError), n_args, 0, args));
}

// Ends what mp_btree_enter() began and raises if there is a reason to. Returns ret, 0 or 1.
int mp_btree_leave(mp_obj_btree_t *self, int ret) {
    mp_obj_t exc = self->exc;
    size_t nomem = self->nomem;
    btree_fault_t fault = { 0 };
    if (ret < 0) {
        btree_fault(self->db, &fault);
    }
    self->exc = MP_OBJ_NULL;
    self->held[0].obj = MP_OBJ_NULL; // nothing is kept alive for longer than needed
    self->held[1].obj = MP_OBJ_NULL;
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
        mp_btree_raise_error(-ret, &fault);
    }
    return ret;
}
