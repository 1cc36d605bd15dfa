//! Bindings made by bindgen from MicroPython's `py/mperrno.h` and `py/stream.h` and from
//! `modbtree.h`: the constants, the types and the `modbtree_*` functions that C provides.
#![no_std]

#[allow(non_camel_case_types, non_upper_case_globals, missing_docs)]
mod bindings {
    include!(concat!(env!("OUT_DIR"), "/bindings.rs"));
}
pub use bindings::*;

/// The `btree_*` functions as `modbtree.h` declares them. They are defined in Rust, so these
/// serve only to compare signatures: see [`assert_exported`].
#[allow(missing_docs)]
pub mod exports {
    use super::bindings::*;
    include!(concat!(env!("OUT_DIR"), "/exports.rs"));
}

/// Stops the build unless the functions named, which must be in scope, have the signatures
/// that `modbtree.h` declares for them.
///
/// ```text
/// micropython_sys::assert_exported!(btree_open, btree_close);
/// ```
#[macro_export]
macro_rules! assert_exported {
    ($($function:ident),+ $(,)?) => {
        // Two functions fit into one array only as pointers of one type.
        $(const _: () = { let _ = [$crate::exports::$function, $function]; };)+
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_numbers_are_positive_and_distinct() {
        let numbers = [
            MP_EPERM, MP_ENOENT, MP_EIO, MP_EBADF, MP_EAGAIN, MP_ENOMEM, MP_EBUSY, MP_EEXIST, MP_EINVAL,
            MP_EFBIG, MP_ENOSPC, MP_EROFS,
        ];
        for (i, number) in numbers.iter().enumerate() {
            assert!((1..200).contains(number));
            assert!(!numbers[..i].contains(number));
        }
    }

    #[test]
    fn stream_constants() {
        assert_eq!((MP_STREAM_FLUSH, MP_STREAM_SEEK, MP_SEEK_SET, MP_SEEK_END), (1, 2, 0, 2));
        assert_eq!(MP_STREAM_ERROR.wrapping_add(1), 0);
    }

    #[test]
    fn contract_constants() {
        assert_eq!((BTREE_DUP, BTREE_NOOVERWRITE), (1, 8));
        assert_eq!((BTREE_FIRST, BTREE_LAST, BTREE_PREFIX_LAST), (0, 1, 6));
    }
}
