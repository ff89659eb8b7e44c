//! The macros that start, join and defer.
//!
//! One binary, because each is linked with everything below it.

mod defer;
mod go;
mod join_scope;
