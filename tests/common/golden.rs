//! The files made by the C library, tests/data.

use super::tests_dir;
use serde_json::Value;
use std::path::PathBuf;

/// A file of a manifest.
pub struct Golden {
    pub name: String,
    pub path: PathBuf,
    /// Everything the manifest says.
    pub facts: Value,
}

impl Golden {
    pub fn bytes(&self) -> Vec<u8> {
        std::fs::read(&self.path).expect("golden file is there")
    }

    pub fn items(&self) -> usize {
        self.facts["items"].as_u64().expect("manifest has items") as usize
    }

    pub fn dump_hash(&self) -> &str {
        self.facts["dump_sha256"].as_str().expect("manifest has dump_sha256")
    }

    /// 0 where the manifest has none.
    pub fn number(&self, fact: &str) -> u32 {
        self.facts[fact].as_u64().unwrap_or(0) as u32
    }

    pub fn duplicates(&self) -> bool {
        self.facts["duplicates"] == true
    }

    /// The C library wrote a wrong file.
    pub fn is_c_bug(&self) -> bool {
        self.facts["known_c_bug"].is_string()
    }
}

/// The files of a folder of tests/data, as its manifest lists them.
pub fn golden(folder: &str) -> Vec<Golden> {
    let folder = tests_dir().join("data").join(folder);
    let text = std::fs::read(folder.join("manifest.json")).expect("manifest is there");
    let manifest: Value = serde_json::from_slice(&text).expect("manifest is JSON");
    let files = manifest["files"].as_array().expect("manifest lists files");
    let file = |facts: &Value| {
        let name = facts["file"].as_str().expect("manifest has names").to_owned();
        Golden { path: folder.join(&name), name, facts: facts.clone() }
    };
    files.iter().map(file).collect()
}
