//! The tool as its users run it.

mod common;
mod damaged;
mod device;
mod docs;
mod dumps;
mod files;
mod items;
mod journal;
mod json;
mod memory;
