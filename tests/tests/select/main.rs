//! `select!` and `Select`: a file for each side of what they promise.
//!
//! One binary, because each is linked with everything below it.

mod choice;
mod control;
mod disable;
mod leftovers;
mod peers;
mod stress;
mod value;
