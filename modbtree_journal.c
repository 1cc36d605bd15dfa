// The journal, and what it has to know of streams: which are atomic, and how to shorten these.

#include "modbtree_obj.h"

#if MODBTREE_JOURNAL

static mp_obj_t mp_btree_checkpoint(mp_obj_t self_in) {
    mp_obj_btree_t *self = MP_OBJ_TO_PTR(self_in);
    mp_btree_enter(self);
    return MP_OBJ_NEW_SMALL_INT(mp_btree_leave(self, btree_checkpoint(self->db)));
}
MP_DEFINE_CONST_FUN_OBJ_1(mp_btree_checkpoint_obj, mp_btree_checkpoint);

#if MICROPY_ENABLE_DYNRUNTIME

// Files of littlefs cannot be told from others.

#elif MICROPY_VFS_LFS2

#include "extmod/vfs.h"
#include "extmod/vfs_lfs.h"
#include "lib/littlefs/lfs2.h"

// How extmod/vfs_lfs.c begins its objects. No header has these, so mp_btree_lfs2_file() makes
// sure of them.
typedef struct _mp_btree_lfs2_t {
    mp_obj_base_t base;
    mp_vfs_blockdev_t blockdev;
    bool enable_mtime;
    vstr_t cur_dir;
    struct lfs2_config config;
    lfs2_t lfs;
} mp_btree_lfs2_t;

typedef struct _mp_btree_lfs2_file_t {
    mp_obj_base_t base;
    mp_btree_lfs2_t *vfs;
    uint8_t mtime[8];
    lfs2_file_t file;
    struct lfs2_file_config cfg;
} mp_btree_lfs2_file_t;

// An open file of littlefs, or NULL.
static mp_btree_lfs2_file_t *mp_btree_lfs2_file(mp_obj_t stream) {
    if (!mp_obj_is_type(stream, &mp_type_vfs_lfs2_fileio)) {
        return NULL;
    }
    mp_btree_lfs2_file_t *file = MP_OBJ_TO_PTR(stream);
    // littlefs keeps pointers to these.
    if (file->vfs == NULL || file->file.cfg != &file->cfg || file->vfs->lfs.cfg != &file->vfs->config) {
        return NULL;
    }
    return file;
}

bool mp_btree_is_atomic(mp_obj_t stream) {
    return stream != MP_OBJ_NULL && mp_btree_lfs2_file(stream) != NULL;
}

mp_uint_t mp_btree_cut(mp_obj_t stream, mp_uint_t size, int *err) {
    mp_btree_lfs2_file_t *file = mp_btree_lfs2_file(stream);
    int ret = file == NULL ? -MP_EBADF : lfs2_file_truncate(&file->vfs->lfs, &file->file, size);
    *err = -ret;
    return ret < 0 ? MP_STREAM_ERROR : 0;
}

#else

bool mp_btree_is_atomic(mp_obj_t stream) {
    (void)stream;
    return false;
}

mp_uint_t mp_btree_cut(mp_obj_t stream, mp_uint_t size, int *err) {
    (void)stream;
    (void)size;
    *err = MP_EINVAL;
    return MP_STREAM_ERROR;
}

#endif

#endif // MODBTREE_JOURNAL
