//! Goroutine-locals: `csp::local!`, whose statics have a value in every goroutine.
//!
//! | file | what |
//! |---|---|
//! | `key` | `LocalKey`, as `std::thread::LocalKey` |
//! | `thread` | the values of a plain thread |
//! | `end` | destroying a goroutine's values when it ends |
//!
//! The values themselves, `goroutine::Locals`, are a short list sorted by the keys' addresses, in a box at the
//! goroutine's control block that exists from the first use on. A goroutine without locals pays one look at a
//! null pointer when it ends.
//!
//! No address of a thread-local ever lies on a goroutine's stack because of these: a goroutine finds its values
//! through its control block, wherever it runs.
//!
//! Rejected: a fixed number of places in the control block (it is full, and most goroutines would not use them); an
//! offset per key instead of a search, which needs a registry of keys and a table as long as the largest key in
//! every goroutine that uses one.

mod end;
mod key;
mod thread;

pub(crate) use end::{end, to_the_end};
pub use key::{AccessError, LocalKey};
