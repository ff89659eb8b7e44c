//! Synchronisation beside channels.

mod waitgroup;

pub use waitgroup::WaitGroup;
