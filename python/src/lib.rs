//! The compiled part of the Python packages `btrees_json` and `btree`.

mod btree;
mod json;

use pyo3::prelude::*;

// json/held.rs relies on it that no other thread changes objects meanwhile.
#[pymodule(gil_used = true)]
mod _native {
    use super::*;

    #[pymodule_export]
    use super::btree::{loads, match_, open, salvage, Database};
    #[pymodule_export]
    use super::json::{
        decode, decode_zodb_record, decode_zodb_record_for_pg, decode_zodb_record_for_pg_json, encode,
        encode_state, encode_zodb_record,
    };

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        let py = module.py();
        module.add("__version__", env!("CARGO_PKG_VERSION"))?;
        for (name, flag) in btree::FLAGS {
            module.add(name, flag)?;
        }
        module.add("Error", py.get_type::<json::Error>())?;
        module.add("DecodeError", py.get_type::<json::DecodeError>())?;
        module.add("EncodeError", py.get_type::<json::EncodeError>())
    }
}
