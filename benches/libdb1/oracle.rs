//! Debian's libdb1 (BerkeleyDB 1.85), loaded at run time. Its structures: see the header `db.h`
//! of 1.85; on 64-bit machines DBT is 16 bytes, BTREEINFO 48, DB 72.

use std::ffi::CString;
use std::os::raw::{c_char, c_int, c_uint, c_ulong, c_void};
use std::path::Path;

#[repr(C)]
#[derive(Clone, Copy)]
struct Dbt {
    data: *const c_void,
    size: usize,
}

#[repr(C)]
struct Info {
    flags: c_ulong,
    cachesize: c_uint,
    maxkeypage: c_int,
    minkeypage: c_int,
    psize: c_uint,
    compare: *const c_void,
    prefix: *const c_void,
    lorder: c_int,
}

#[repr(C)]
struct RawDb {
    kind: c_int,
    close: unsafe extern "C" fn(*mut RawDb) -> c_int,
    del: unsafe extern "C" fn(*mut RawDb, *const Dbt, c_uint) -> c_int,
    get: unsafe extern "C" fn(*mut RawDb, *const Dbt, *mut Dbt, c_uint) -> c_int,
    put: unsafe extern "C" fn(*mut RawDb, *mut Dbt, *const Dbt, c_uint) -> c_int,
    seq: unsafe extern "C" fn(*mut RawDb, *mut Dbt, *mut Dbt, c_uint) -> c_int,
    sync: unsafe extern "C" fn(*mut RawDb, c_uint) -> c_int,
}

type DbOpen = unsafe extern "C" fn(*const c_char, c_int, c_int, c_int, *const Info) -> *mut RawDb;

const R_FIRST: c_uint = 3;
const R_NEXT: c_uint = 7;

/// The library, if it is installed.
#[derive(Clone, Copy)]
pub struct LibDb1 {
    dbopen: DbOpen,
}

impl LibDb1 {
    pub fn load() -> Option<Self> {
        // SAFETY: loading runs libdb1's constructors, of which it has none; `dbopen` has this signature.
        unsafe {
            let lib = libc::dlopen(c"libdb1.so.2".as_ptr(), libc::RTLD_NOW);
            if lib.is_null() {
                return None;
            }
            let symbol = libc::dlsym(lib, c"dbopen".as_ptr());
            (!symbol.is_null()).then(|| LibDb1 { dbopen: std::mem::transmute::<*mut c_void, DbOpen>(symbol) })
        }
    }

    /// Opens a file, or without a path a database in memory.
    pub fn open(&self, path: Option<&Path>, page_size: u32, cache_size: u32) -> Oracle {
        let info = Info {
            flags: 0,
            cachesize: cache_size,
            maxkeypage: 0,
            minkeypage: 0,
            psize: page_size,
            compare: std::ptr::null(),
            prefix: std::ptr::null(),
            lorder: 0,
        };
        let name =
            path.map(|p| CString::new(p.as_os_str().as_encoded_bytes()).expect("no zero byte in path"));
        let name = name.as_ref().map_or(std::ptr::null(), |n| n.as_ptr());
        // SAFETY: the name is zero-terminated or NULL, the info valid for the call.
        let db = unsafe { (self.dbopen)(name, libc::O_RDWR | libc::O_CREAT, 0o644, 0, &info) };
        assert!(!db.is_null(), "dbopen failed");
        Oracle(db)
    }
}

/// An open database of libdb1.
pub struct Oracle(*mut RawDb);

fn dbt(bytes: &[u8]) -> Dbt {
    Dbt { data: bytes.as_ptr().cast(), size: bytes.len() }
}

// SAFETY of all calls: the handle is open, the DBTs valid for the call, and nothing keeps what they return.
impl Oracle {
    pub fn put(&mut self, key: &[u8], value: &[u8]) {
        // SAFETY: see above.
        let r = unsafe { ((*self.0).put)(self.0, &mut dbt(key), &dbt(value), 0) };
        assert_eq!(r, 0);
    }

    /// Length of the value.
    pub fn get(&mut self, key: &[u8]) -> Option<usize> {
        let mut value = dbt(&[]);
        // SAFETY: see above.
        match unsafe { ((*self.0).get)(self.0, &dbt(key), &mut value, 0) } {
            0 => Some(value.size),
            r => {
                assert_eq!(r, 1);
                None
            }
        }
    }

    pub fn delete(&mut self, key: &[u8]) -> bool {
        // SAFETY: see above.
        let r = unsafe { ((*self.0).del)(self.0, &dbt(key), 0) };
        assert!(r >= 0);
        r == 0
    }

    /// Number of items and sum of their lengths.
    pub fn scan(&mut self) -> (usize, usize) {
        let (mut key, mut value) = (dbt(&[]), dbt(&[]));
        let (mut count, mut bytes, mut flag) = (0, 0, R_FIRST);
        // SAFETY: see above.
        while unsafe { ((*self.0).seq)(self.0, &mut key, &mut value, flag) } == 0 {
            count += 1;
            bytes += key.size + value.size;
            flag = R_NEXT;
        }
        (count, bytes)
    }

    pub fn sync(&mut self) {
        // SAFETY: see above.
        assert_eq!(unsafe { ((*self.0).sync)(self.0, 0) }, 0);
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        // SAFETY: the handle is open and not used again.
        unsafe { ((*self.0).close)(self.0) };
    }
}
