//! What the tests of csp-runtime share: watchdog, P counts, peers, child processes, counted messages.
//!
//! Invariants of the suite:
//! * nothing that may block runs outside [`within`]; a hang ends the process with the test's name and a goroutine dump;
//! * the number of Ps belongs to the whole process, so whoever sets it holds the lock of [`with_procs`];
//! * no test sleeps to let something happen: it waits for a fact with [`until`], or uses [`settle`] only to make
//!   one order of events more likely, with assertions that hold in every order.
//!
//! ```text
//!   everywhere(|peers| …)                      1, 2, 4 Ps  ×  body on a thread, on a goroutine
//!      └ with_procs ─ within ─ Here::run        ×  peers that are threads, goroutines
//! ```
//!
//! Rejected: one process per test (slow, and it would hide state that leaks from one use of the runtime to the next).

mod child;
mod counted;
mod peers;
mod procs;
mod progress;
mod report;
mod rng;
mod watchdog;
mod wire;

pub use child::{Output, capture, child, run};
pub use counted::{Counted, Ledger};
pub use peers::{Peer, Peers, everywhere, open, settle, until};
pub use procs::{PROCS, alone, with_procs};
pub use progress::{moved, watch};
pub use report::{Entry, entries, in_state};
pub use rng::Rng;
pub use watchdog::{LIMIT, within};
pub use wire::{SocketPath, descriptors, limit_descriptors, tcp_pair};
