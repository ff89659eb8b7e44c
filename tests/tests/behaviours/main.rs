//! What Go and crossbeam-channel document, case by case; the tables are in `docs/behaviours.md`.
//!
//! One binary, because each is linked with everything below it.

mod crossbeam;
mod go;
