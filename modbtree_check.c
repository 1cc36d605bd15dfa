// Whole databases: verification, copying, and what is left of damaged ones.

#include "modbtree_obj.h"

#if MODBTREE_CHECK

// Findings are kept in one block, because nothing can be raised while Rust is at work.
#define DEFAULT_FINDINGS (50)
#define MAX_FINDINGS (10000)

// A list of what is wrong; the last string may tell how many findings there are besides.
static mp_obj_t mp_btree_check(size_t n_args, const mp_obj_t *args) {
    mp_obj_btree_t *self = MP_OBJ_TO_PTR(args[0]);
    mp_int_t max = n_args > 1 ? mp_obj_get_int(args[1]) : DEFAULT_FINDINGS;
    max = MAX(0, MIN(max, MAX_FINDINGS));
    size_t size = max * sizeof(btree_finding_t);
    btree_finding_t *findings = m_malloc(MAX(size, 1));
    uint32_t errors, warnings;
    mp_btree_enter(self);
    mp_btree_leave(self, btree_check(self->db, findings, max, &errors, &warnings));
    mp_obj_t list = mp_obj_new_list(0, NULL);
    for (size_t i = 0; i < (size_t)max && errors + warnings != 0; i++) {
        const btree_finding_t *finding = &findings[i];
        mp_obj_list_append(list, mp_btree_fault_text(finding->warning ? "warning: " : "", &finding->fault));
        *(finding->warning ? &warnings : &errors) -= 1;
    }
    m_del(byte, findings, MAX(size, 1));
    if (errors + warnings != 0) {
        mp_obj_list_append(list, mp_btree_text("%s%u more", errors ? "" : "warning: ", (unsigned)(errors + warnings)));
    }
    return list;
}
MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(mp_btree_check_obj, 1, 2, mp_btree_check);

static mp_obj_t mp_btree_compact(mp_obj_t self_in, mp_obj_t stream) {
    mp_obj_btree_t *self = MP_OBJ_TO_PTR(self_in);
    mp_get_stream_raise(stream, MP_STREAM_OP_READ | MP_STREAM_OP_WRITE | MP_STREAM_OP_IOCTL);
    mp_obj_btree_t *to = mp_btree_new(stream);
    to->db = mp_btree_malloc0(btree_db_size());
    mp_btree_enter(self);
    int ret = -MP_EEXIST;
    uint32_t count = 0;
    if (stream != self->stream) {
        ret = btree_compact(self->db, to->db, to, &count);
    }
    m_del(byte, to->db, btree_db_size());
    // What the other stream has raised is raised here.
    if (self->exc == MP_OBJ_NULL) {
        self->exc = to->exc;
    }
    self->nomem = MAX(self->nomem, to->nomem);
    mp_btree_leave(self, ret);
    return mp_obj_new_int_from_uint(count);
}
MP_DEFINE_CONST_FUN_OBJ_2(mp_btree_compact_obj, mp_btree_compact);

// salvage(stream[, pagesize])
static mp_obj_t mp_btree_salvage(size_t n_args, const mp_obj_t *args) {
    mp_get_stream_raise(args[0], MP_STREAM_OP_READ | MP_STREAM_OP_IOCTL);
    mp_int_t pagesize = n_args > 1 ? mp_obj_get_int(args[1]) : 0;
    mp_obj_btree_t *self = mp_btree_new(args[0]);
    self->db = mp_btree_malloc0(btree_db_size());
    mp_btree_enter(self);
    // What does not fit 32 bits becomes a size that is refused.
    mp_btree_leave(self, btree_salvage(self->db, self, MAX(-1, MIN(pagesize, 1 << 20))));
    return mp_btree_new_iter(MP_OBJ_FROM_PTR(self), mp_const_none, mp_const_none, FLAG_SALVAGE | FLAG_STARTED | FLAG_ITEM);
}
MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(mp_btree_salvage_obj, 1, 2, mp_btree_salvage);

#endif // MODBTREE_CHECK
