//! What the source and the documents must look like, checked as text, and what the compiler says to mistakes.
//!
//! One binary, because each is linked with everything below it.

mod layers;
mod ui;
mod unsafe_files;
