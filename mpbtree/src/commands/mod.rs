//! The commands.

pub mod check;
pub mod dump;
pub mod item;
pub mod list;
pub mod load;
pub mod manual;
pub mod stat;
