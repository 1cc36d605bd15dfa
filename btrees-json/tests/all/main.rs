//! Records and texts, in both directions. (Hostile input is beside this: there memory is counted.)

mod common;
mod held;
mod import;
mod proposals;
mod refused;
mod values;
mod vectors;
