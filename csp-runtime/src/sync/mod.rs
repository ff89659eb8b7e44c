//! Synchronisation beside channels.

#[cfg(not(loom))]
mod member;
mod waitgroup;

pub use waitgroup::WaitGroup;
