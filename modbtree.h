// The contract between the MicroPython module (modbtree.c) and the Rust library (src/ffi.rs).
//
// Rust never calls MicroPython: it calls only the modbtree_* functions at the end of this
// file, and those must return normally (they catch every exception, see DESIGN.md).
#ifndef MODBTREE_H
#define MODBTREE_H

#include <stddef.h>
#include <stdint.h>

// Opaque, owned by the caller: memory of btree_db_size() and btree_cursor_size() bytes,
// zeroed, pointer-aligned, and kept where the garbage collector finds it. Everything
// else hangs off these blocks by pointers to the start of blocks from modbtree_alloc().
typedef struct _btree_db_t btree_db_t;
typedef struct _btree_cursor_t btree_cursor_t;

// A key or value in the database. ptr != NULL: len bytes in the page cache, valid until
// the next call with this db other than btree_fetch(). ptr == NULL and len != 0: a chain of
// overflow pages starting at `page`, to be copied out with btree_fetch().
typedef struct _btree_bytes_t {
    const uint8_t *ptr;
    uint32_t len;
    uint32_t page;
} btree_bytes_t;

typedef struct _btree_options_t {
    uint32_t flags;      // BTREE_DUP or 0, and one of the others or none
    uint32_t pagesize;   // bytes, 512..65536, even; 0: default
    uint32_t cachesize;  // bytes; 0: the minimum
    uint32_t minkeypage; // 0 (means 2) or at least 2
    uint8_t memory;      // 1: no stream at all, the pages live only in memory
} btree_options_t;

typedef struct _btree_stat_t {
    uint32_t pagesize;   // bytes
    uint32_t pages;      // in the file once everything is flushed, page 0 included
    uint32_t depth;      // levels, 1: the root is a leaf
    uint32_t free;       // pages on the free list
    uint32_t cached;     // pages in memory
    uint32_t dirty;      // of these, changed since the last flush
} btree_stat_t;

// Where and why the last call failed with a damaged file.
typedef struct _btree_fault_t {
    uint32_t page;
    uint32_t offset;     // bytes from the start of the page
    const char *reason;  // static, zero-terminated; NULL: the last error has no place
} btree_fault_t;

// Something that btree_check() found.
typedef struct _btree_finding_t {
    btree_fault_t fault;
    uint8_t warning;     // 1: odd, but does no harm
} btree_finding_t;

// What btree_scan() looks for, and how far it got.
typedef struct _btree_scan_t {
    const uint8_t *program; // a query as byte code, see docs/microtetherdb-format.md
    size_t program_len;
    const uint8_t *bound;   // where to stop: at the first key >= it, backward at the first key < it; NULL: nowhere
    size_t bound_len;
    size_t skip;            // bytes of a key before the key of the document
    uint8_t *scratch;       // for values on overflow pages; its bytes are initialised
    size_t scratch_len;
    uint32_t work;          // bytes yet to be looked at, about; counted down
    uint32_t examined;      // items looked at; counted up
    uint32_t matched;       // items that match and were only counted
    uint8_t backward;
    uint8_t count;          // 1: do not return at items that match, count them
} btree_scan_t;

// A JSON text that is read token by token.
typedef struct _btree_json_t {
    const uint8_t *text;    // what is left of it
    size_t text_len;
    const uint8_t *part;    // of a string, the bytes between its quotes; of a number, all
    size_t part_len;
    int32_t number;
} btree_json_t;

enum {
    BTREE_DUP = 1,           // btree_options_t.flags: keys may occur more than once
    BTREE_JOURNAL = 0x10,    // feature "journal": flush to a journal
    BTREE_DISCARD = 0x20,    // feature "journal": throw away a journal that is there
    BTREE_NOOVERWRITE = 8,   // feature "extras": btree_put is to leave an existing key alone and return 1
};

// Where btree_seek() puts a cursor. The next btree_step() in the direction named returns ...
enum {
    BTREE_FIRST,         // forward: the first item
    BTREE_LAST,          // backward: the last item
    BTREE_GE,            // forward: the first item with a key >= the given one
    BTREE_GT,            // forward: the first item with a key > the given one
    BTREE_LE,            // backward: the last item with a key <= the given one
    BTREE_LT,            // backward: the last item with a key < the given one
    BTREE_PREFIX_LAST,   // backward: the last item whose key, cut to the given length, is <= the given one
};

// What btree_match() and btree_scan() return.
enum {
    BTREE_MATCH,         // it matches
    BTREE_NO_MATCH,      // it does not; or there are no more items
    BTREE_UNSURE,        // that has to be found out in another way
    BTREE_PAUSE,         // the work is used up; the item reported was the last one looked at
    BTREE_SCRATCH,       // the next value needs a scratch of value->len bytes
};

// All functions returning int: 0 success, 1 "no such key" / "no more items", negative -errno.
size_t btree_db_size(void);
size_t btree_cursor_size(void);
int btree_open(btree_db_t *db, void *ctx, const btree_options_t *options);
// Flushes, ends the journal and gives all memory back, also if the first fails.
int btree_close(btree_db_t *db);
int btree_flush(btree_db_t *db);
int btree_get(btree_db_t *db, const uint8_t *key, size_t klen, btree_bytes_t *value);
// Copies src->len bytes of an overflow chain to dst.
int btree_fetch(btree_db_t *db, const btree_bytes_t *src, uint8_t *dst);
int btree_put(btree_db_t *db, const uint8_t *key, size_t klen, const uint8_t *value, size_t vlen, unsigned flags);
int btree_delete(btree_db_t *db, const uint8_t *key, size_t klen);
// key may be NULL for BTREE_FIRST and BTREE_LAST. Does no more than remember where to go.
int btree_seek(btree_db_t *db, btree_cursor_t *cursor, const uint8_t *key, size_t klen, unsigned where);
// Moves past one item and reports it. Changes of the tree between two steps are allowed:
// the cursor goes on from the last key it reported. At an end it returns 1 and stays.
int btree_step(btree_db_t *db, btree_cursor_t *cursor, int backward, btree_bytes_t *key, btree_bytes_t *value);
// Moves a cursor back before the item it reported last: btree_step() in that direction will
// report it again. For a caller that could not do anything with it, for want of memory.
void btree_again(btree_cursor_t *cursor, int backward);
// Gives back the memory of a cursor (its copy of the last key). Optional: the garbage collector does, too.
void btree_cursor_free(btree_db_t *db, btree_cursor_t *cursor);
void btree_fault(const btree_db_t *db, btree_fault_t *fault);
// Feature "journal": flushes and writes what is in the journal to its place.
int btree_checkpoint(btree_db_t *db);
// Feature "extras":
int btree_count(btree_db_t *db, uint32_t *count);
int btree_clear(btree_db_t *db);
int btree_stat(btree_db_t *db, btree_stat_t *stat);
// Feature "check": verifies the whole file. Stores up to max findings, and the numbers of all
// errors and warnings. Damage is no failure of this function.
int btree_check(btree_db_t *db, btree_finding_t *findings, uint32_t max, uint32_t *errors, uint32_t *warnings);
// Copies all items to a new database `to` on the stream of ctx, which must be empty (or -EEXIST).
// It needs btree_db_size() bytes for it, as btree_open(), and leaves it closed.
int btree_compact(btree_db_t *db, btree_db_t *to, void *ctx, uint32_t *count);
// Opens a damaged file for btree_salvage_next() and btree_fetch() only. pagesize 0: find out.
int btree_salvage(btree_db_t *db, void *ctx, uint32_t pagesize);
// The next item that can be read; whatever this returns, the next call goes on behind it.
int btree_salvage_next(btree_db_t *db, btree_bytes_t *key, btree_bytes_t *value);

// Feature "match":
// Whether a document matches a query: one of the first three values below, or -EINVAL: no program.
int btree_match(const uint8_t *program, size_t plen, const uint8_t *key, size_t klen, const uint8_t *value, size_t vlen);
// Moves a cursor to the next item that matches, and reports it.
int btree_scan(btree_db_t *db, btree_cursor_t *cursor, btree_scan_t *scan, btree_bytes_t *key, btree_bytes_t *value);
// Whether a text is one JSON value that all parsers read in the same way.
int btree_json_strict(const uint8_t *text, size_t len);
// The next token of such a text: a bracket; 'n', 't', 'f'; '0': `number`, of up to nine digits; '9' and '.':
// another number, whole or not, in `part`; '"' and '\\': a string without or with escapes, in `part`;
// 0: the end. Of other texts it makes any tokens.
int btree_json(btree_json_t *json);
// Writes what a string with escapes stands for to `to`, where there are part_len bytes, initialised. Its length.
size_t btree_json_unescape(const uint8_t *part, size_t part_len, uint8_t *to);

// Whether files can be recognized of which a power cut undoes all that was done since the last
// modbtree_sync(): those of littlefs, but not by a native module. Who does not know whether the firmware
// has littlefs sets MODBTREE_SEES_ATOMIC.
#if MODBTREE_SEES_ATOMIC || (MICROPY_VFS_LFS2 && !MICROPY_ENABLE_DYNRUNTIME)
#define BTREE_SEES_ATOMIC (1)
#else
#define BTREE_SEES_ATOMIC (0)
#endif

// Provided by modbtree.c. None of them may raise: an exception of a Python stream is kept
// in ctx and reported as an error number.
// Returns the number of bytes read (less than len only at the end of the stream) or -errno.
int modbtree_read(void *ctx, uint64_t offset, uint8_t *buf, size_t len);
// Writes all of buf: 0 or -errno.
int modbtree_write(void *ctx, uint64_t offset, const uint8_t *buf, size_t len);
// The header of a new stream: up to len bytes at the present position, as the C module reads it.
int modbtree_read_here(void *ctx, uint8_t *buf, size_t len);
int modbtree_size(void *ctx, uint64_t *size);
int modbtree_sync(void *ctx);
// If BTREE_SEES_ATOMIC: whether a power cut undoes all that was done to the stream since the last
// modbtree_sync().
int modbtree_atomic(void *ctx);
// Shortens a stream that is atomic: 0 or -errno.
int modbtree_truncate(void *ctx, uint64_t size);
// NULL if there is no memory. The content is undefined.
void *modbtree_alloc(void *ctx, size_t size);
void modbtree_free(void *ctx, void *ptr, size_t size);

#endif
