// The Rust library without MicroPython, on a simulated Xtensa processor: random changes of a database
// in a stream in memory, compared with a model, with and without a journal. Prints "ok" and a hash of
// the file, which is the same on every machine.

#include "py/dynruntime.h"

#include "modbtree.h"

#define KEYS (400)
#define ROUNDS (6000)

int sim(int number, int a, const void *b, int c); // xtensa.s, xtensawin.s, host.c
enum { SIM_EXIT = 1, SIM_WRITE = 4 };

static uint8_t file[4 << 20];
static size_t file_size;
static uint8_t heap[1 << 20];
static size_t heap_used;
static uint16_t model[KEYS]; // what the value is made of; 0: there is none

static void *set(void *s, int c, size_t n) {
    for (size_t i = 0; i < n; i++) {
        ((volatile uint8_t *)s)[i] = c;
    }
    return s;
}

static void *move(void *to, const void *from, size_t n) {
    volatile uint8_t *d = to;
    const uint8_t *s = from;
    for (size_t i = 0; i < n; i++) {
        size_t at = d < s ? i : n - 1 - i;
        d[at] = s[at];
    }
    return to;
}

// What runtime.c takes from it.
const mp_fun_table_t mp_fun_table = { .memset_ = set, .memmove_ = move };

static void say(const char *text) {
    size_t len = 0;
    while (text[len] != 0) {
        len++;
    }
    sim(SIM_WRITE, 1, text, len);
}

static void expect(int is, const char *what) {
    if (!is) {
        say("failed: ");
        say(what);
        say("\n");
        sim(SIM_EXIT, 1, NULL, 0);
    }
}

static void say_number(uint32_t n) {
    for (int shift = 28; shift >= 0; shift -= 4) {
        sim(SIM_WRITE, 1, &"0123456789abcdef"[n >> shift & 15], 1);
    }
}

// What Rust calls. Memory: blocks of a size are used again for the same size.

typedef struct _block_t {
    struct _block_t *next;
    size_t size;
} block_t;
static block_t *given_back;

void *modbtree_alloc(void *ctx, size_t size) {
    size = (size + 15) & ~(size_t)7;
    for (block_t **at = &given_back; *at != NULL; at = &(*at)->next) {
        block_t *block = *at;
        if (block->size == size) {
            *at = block->next;
            return block + 1;
        }
    }
    if (sizeof(block_t) + size > sizeof(heap) - heap_used) {
        return NULL;
    }
    block_t *block = (block_t *)&heap[heap_used];
    heap_used += sizeof(block_t) + size;
    block->size = size;
    return block + 1;
}

void modbtree_free(void *ctx, void *ptr, size_t size) {
    block_t *block = (block_t *)ptr - 1;
    block->next = given_back;
    given_back = block;
}

int modbtree_read(void *ctx, uint64_t offset, uint8_t *buf, size_t len) {
    size_t left = offset < file_size ? file_size - offset : 0;
    len = len < left ? len : left;
    move(buf, &file[offset], len);
    return len;
}

int modbtree_read_here(void *ctx, uint8_t *buf, size_t len) {
    return modbtree_read(ctx, 0, buf, len);
}

int modbtree_write(void *ctx, uint64_t offset, const uint8_t *buf, size_t len) {
    if (offset + len > sizeof(file)) {
        return -MP_ENOSPC;
    }
    move(&file[offset], buf, len);
    file_size = file_size < offset + len ? offset + len : file_size;
    return 0;
}

int modbtree_size(void *ctx, uint64_t *size) {
    *size = file_size;
    return 0;
}

int modbtree_sync(void *ctx) {
    return 0;
}

int modbtree_atomic(void *ctx) {
    return 0;
}

int modbtree_truncate(void *ctx, uint64_t size) {
    return -MP_EINVAL;
}

// The test.

static uint32_t seed = 2463534242u;

static uint32_t next_random(uint32_t below) {
    seed ^= seed << 13;
    seed ^= seed >> 17;
    seed ^= seed << 5;
    return (seed >> 8) % below;
}

static size_t make_key(uint8_t *key, unsigned n) {
    key[0] = 'k';
    key[1] = '0' + n / 100;
    key[2] = '0' + n / 10 % 10;
    key[3] = '0' + n % 10;
    set(key + 4, 'x', n % 50);
    return 4 + n % 50;
}

static size_t make_value(uint8_t *value, unsigned from) {
    size_t len = from % 64 == 0 ? from % 3000 : from % 90; // some on overflow pages
    for (size_t i = 0; i < len; i++) {
        value[i] = from * 31 + i * 7;
    }
    return len;
}

static uint8_t key[64], value[3000], got[3000];

static void expect_value(btree_db_t *db, const btree_bytes_t *bytes, unsigned from) {
    size_t len = make_value(value, from);
    expect(bytes->len == len, "length of a value");
    const uint8_t *ptr = bytes->ptr;
    if (ptr == NULL && len != 0) {
        expect(btree_fetch(db, bytes, got) == 0, "fetch");
        ptr = got;
    }
    for (size_t i = 0; i < len; i++) {
        expect(ptr[i] == value[i], "value");
    }
}

static void expect_all(btree_db_t *db, void *cursor, int backward) {
    btree_bytes_t k, v;
    set(cursor, 0, btree_cursor_size());
    expect(btree_seek(db, cursor, NULL, 0, backward ? BTREE_LAST : BTREE_FIRST) == 0, "seek");
    for (unsigned i = 0; i < KEYS; i++) {
        unsigned n = backward ? KEYS - 1 - i : i;
        if (model[n] == 0) {
            continue;
        }
        expect(btree_step(db, cursor, backward, &k, &v) == 0, "step");
        size_t len = make_key(key, n);
        expect(k.len == len && k.ptr != NULL, "length of a key");
        for (size_t j = 0; j < len; j++) {
            expect(k.ptr[j] == key[j], "key");
        }
        expect_value(db, &v, model[n]);
    }
    expect(btree_step(db, cursor, backward, &k, &v) == 1, "the end");
    btree_cursor_free(db, cursor);
}

int main(void) {
    btree_db_t *db = modbtree_alloc(NULL, btree_db_size());
    void *cursor = modbtree_alloc(NULL, btree_cursor_size());
    btree_bytes_t bytes;
    uint32_t errors, warnings, count, items = 0;
    for (int journal = 0; journal < 2; journal++) {
        btree_options_t options = { .flags = journal ? BTREE_JOURNAL : 0, .pagesize = 512, .cachesize = 4096 };
        set(db, 0, btree_db_size());
        expect(btree_open(db, NULL, &options) == 0, "open");
        for (unsigned round = 1; round <= ROUNDS; round++) {
            unsigned n = next_random(KEYS);
            size_t klen = make_key(key, n);
            switch (next_random(4)) {
                case 0:
                    expect(btree_delete(db, key, klen) == (model[n] == 0), "delete");
                    model[n] = 0;
                    break;
                case 1:
                    expect(btree_get(db, key, klen, &bytes) == (model[n] == 0), "get");
                    if (model[n] != 0) {
                        expect_value(db, &bytes, model[n]);
                    }
                    break;
                default:
                    model[n] = 1 + next_random(60000);
                    expect(btree_put(db, key, klen, value, make_value(value, model[n]), 0) == 0, "put");
            }
            if (round % 97 == 0) {
                expect(btree_flush(db) == 0, "flush");
            }
            if (round % 1000 == 0) {
                expect_all(db, cursor, round / 1000 % 2);
                expect(btree_check(db, NULL, 0, &errors, &warnings) == 0 && errors == 0, "check");
                expect(btree_close(db) == 0, "close");
                set(db, 0, btree_db_size());
                expect(btree_open(db, NULL, &options) == 0, "open again");
            }
        }
        expect(btree_close(db) == 0, "close");
    }
    for (unsigned n = 0; n < KEYS; n++) {
        items += model[n] != 0;
    }
    set(db, 0, btree_db_size());
    expect(btree_open(db, NULL, &(btree_options_t) { 0 }) == 0, "open at last");
    expect(btree_count(db, &count) == 0 && count == items, "count");
    expect(btree_close(db) == 0, "close");
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < file_size; i++) {
        hash = (hash ^ file[i]) * 16777619u;
    }
    say("ok ");
    say_number(file_size);
    say(" ");
    say_number(hash);
    say("\n");
    sim(SIM_EXIT, 0, NULL, 0);
    return 0;
}
