//! The commands.

pub mod check;
pub mod copy;
pub mod diff;
pub mod dump;
pub mod export;
pub mod import;
pub mod item;
pub mod list;
pub mod load;
pub mod manual;
pub mod map;
pub mod salvage;
pub mod stat;
pub mod tree;
