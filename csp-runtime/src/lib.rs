//! Go's concurrency for Rust: goroutines, channels and `select!` on an M:N scheduler.
//!
//! Programs are written in ordinary blocking style. A goroutine is a function call with `go!` in front
//! of it; it has a stack of its own that takes only the memory it touches, so that a hundred
//! thousand of them are nothing special. When one waits, its thread goes on with another.
//!
//! ```
//! use csp::prelude::*;
//!
//! #[csp::main]
//! fn main() {
//!     let (tx, rx) = channel::<u64>(0);
//!     let wg = WaitGroup::new();
//!     for i in 0..3 {
//!         go!(in wg, clone(tx) => tx.send(i * i).unwrap());
//!     }
//!     drop(tx); // the last sender gone closes the channel
//!     let mut squares: Vec<_> = rx.iter().collect();
//!     wg.wait();
//!     squares.sort();
//!     assert_eq!(squares, [0, 1, 4]);
//! }
//! ```
//!
//! | for | see |
//! |---|---|
//! | starting goroutines | [`go!`], [`JoinHandle`], [`Builder`] |
//! | waiting for several | [`join!`], [`scope`](scope()), [`WaitGroup`] |
//! | passing values | [`channel`], [`unbounded`], [`Sender`], [`Receiver`] |
//! | waiting for the first of several | [`select!`], [`Select`], [`never()`], [`after`] |
//! | the clock | [`time`] |
//! | sockets | [`net`] |
//! | the scheduler | [`runtime`] |
//! | other libraries' channels | [`bridge`] |
//!
//! # Where it runs
//!
//! Everything works on goroutines and on plain threads alike, with no set-up: the runtime starts by
//! itself on first use. A plain thread that waits sleeps as a thread; a goroutine parks.
//! `#[csp::main]` runs `main` as goroutine 1 and ends the process when it returns, as in Go.
//! `GOMAXPROCS` in the environment sets how many goroutines run at once; the default is the number of
//! processors this process may use.
//!
//! # When things go wrong
//!
//! A panic stays in its goroutine: the message names the goroutine and where it was started, and
//! [`JoinHandle::join`] returns the payload. If all goroutines wait for ever, the process ends with Go's
//! `all goroutines are asleep - deadlock!` and the list of them: what each waits for, how long and where.
//! SIGQUIT ends a `#[csp::main]` program with the same list, and [`runtime::dump`] writes it at any time; with
//! `RUST_BACKTRACE=1` it shows the stacks of goroutines that wait. A goroutine that uses up its stack ends the process with
//! a message that says which it was and how to give it more. Running out of memory or threads is an
//! error that names the limit.
//!
//! # Platforms
//!
//! Tested on Linux x86-64. Code for an operating system or a processor is kept in small modules with a
//! portable fallback each.
#![cfg_attr(
    loom,
    expect(dead_code, reason = "the models use the lowest layers alone")
)]

mod primitive;
mod protocol;
mod queue;
mod timers;

// The layers above are not modelled: their protocols are, in `protocol`, `queue` and `timers`.
#[cfg(not(loom))]
#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;
#[cfg(not(loom))]
mod blocking;
#[cfg(not(loom))]
pub mod bridge;
#[cfg(not(loom))]
mod channel;
#[cfg(not(loom))]
mod coroutine;
#[cfg(not(loom))]
mod diag;
#[cfg(not(loom))]
mod goroutine;
#[cfg(not(loom))]
mod macros;
#[cfg(not(loom))]
pub mod net;
#[cfg(not(loom))]
mod netpoll;
#[cfg(not(loom))]
pub mod prelude;
#[cfg(not(loom))]
pub mod runtime;
#[cfg(not(loom))]
mod sched;
#[cfg(not(loom))]
mod select;
#[cfg(not(loom))]
mod stack;
#[cfg(not(loom))]
pub mod sync;
#[cfg(not(loom))]
mod task;
#[cfg(not(loom))]
pub mod time;
#[cfg(not(loom))]
mod trace;
#[cfg(not(loom))]
mod wait;
#[cfg(not(loom))]
mod waitlist;

#[cfg(not(loom))]
pub use blocking::blocking;
#[cfg(not(loom))]
pub use channel::{
    IntoIter, Iter, Receiver, RecvSource, RecvTimeoutError, SendError, SendSource,
    SendTimeoutError, Sender, TryIter, TryRecvError, TrySendError, channel, never, unbounded,
};
#[cfg(not(loom))]
pub use csp_macros::{main, test};
#[cfg(not(loom))]
pub use runtime::yield_now;
#[cfg(not(loom))]
pub use select::{Select, SelectedOperation};
#[cfg(not(loom))]
pub use sync::WaitGroup;
#[cfg(not(loom))]
pub use task::{Builder, JoinHandle, Scope, ScopedJoinHandle, scope};
#[cfg(not(loom))]
pub use time::after;

/// The programs in the README compile and run.
#[cfg(all(doctest, not(loom)))]
#[doc = include_str!("../../README.md")]
struct Readme;
