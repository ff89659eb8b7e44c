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
//! | waiting for several | [`join!`], [`scope`](scope()), [`WaitGroup`], [`ErrGroup`] |
//! | passing values | [`channel`], [`unbounded`], [`Sender`], [`Receiver`] |
//! | waiting for the first of several | [`select!`], [`Select`], [`never()`], [`after`] |
//! | locks, and what is made once or kept for reuse | [`sync`] |
//! | the clock | [`time`] |
//! | telling goroutines to stop, by when, and what for | [`context`], [`ErrGroup`] |
//! | a static of each goroutine's own | [`local!`] |
//! | recursion of any depth | [`#[csp::recursive]`](macro@recursive), [`stack`] |
//! | futures | [`block_on`](block_on()), [`Receiver::recv_async`], [`Sender::send_async`], [`JoinHandle`] |
//! | sockets | [`net`] |
//! | calls that block their thread | [`blocking`](blocking()) |
//! | the scheduler | [`runtime`]: [`metrics`](runtime::metrics), [`lock_os_thread`](runtime::lock_os_thread) |
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
//! # Telling goroutines to stop
//!
//! Nobody can stop a goroutine from outside; it is told, and stops by itself. What tells it is a
//! [`Context`](context::Context), which is cancelled by a call or at its deadline, with all that were derived from it.
//! [`ErrGroup`] has one, and cancels it at the first error:
//!
//! ```
//! use csp::prelude::*;
//!
//! fn fetch(name: &'static str) -> Result<usize, String> {
//!     if name.is_empty() { Err("no name".to_string()) } else { Ok(name.len()) }
//! }
//!
//! let group = ErrGroup::new();
//! let ctx = group.context();
//! for name in ["a", "bc", ""] {
//!     go!(in group, clone(ctx) => {
//!         let size = fetch(name)?;
//!         select! {
//!             <-ctx.done() => {}                                  // somebody failed: stop
//!             _ = <-after(Duration::from_secs(3600)) => {}        // or work on, for an hour
//!         }
//!         Ok(size)
//!     });
//! }
//! assert_eq!(group.wait(), Err("no name".to_string()));
//! ```
//!
//! # Memory model
//!
//! The six rules of Go's memory model hold, between goroutines and threads alike: what one has written is found by
//! another
//!
//! 1. in a goroutine, if it was written before its `go!`;
//! 2. after a receive, if it was written before the send;
//! 3. after a receive that finds the channel closed, if it was written before the close;
//! 4. after a send without a buffer, if it was written before the receive;
//! 5. after the (k+C)-th send on a channel of capacity C, if it was written before the k-th receive;
//! 6. after a lock, if it was written before the last unlock.
//!
//! The end of a goroutine comes before its `join`, a `wait` and the end of its scope. The whole, with programs that rely
//! on it and what the compiler says without it, is in `docs/memory-model.md` beside the sources. Data races do not
//! compile.
//!
//! # Sockets
//!
//! [`net`] has the names of [`std::net`]. A call that waits parks its goroutine, and the thread goes on with others;
//! so a server has a goroutine for each client:
//!
//! ```
//! use csp::go;
//! use csp::net::{Shutdown, TcpListener, TcpStream};
//! use std::io::{self, Read, Write};
//!
//! let listener = TcpListener::bind("127.0.0.1:0")?;
//! let address = listener.local_addr()?;
//! go!({
//!     for stream in listener.incoming() {
//!         let stream = stream.unwrap();
//!         go!({ io::copy(&mut &stream, &mut &stream) }); // an echo
//!     }
//! });
//! let mut stream = TcpStream::connect(address)?;
//! stream.write_all(b"hello")?;
//! stream.shutdown(Shutdown::Write)?;
//! let mut back = String::new();
//! stream.read_to_string(&mut back)?;
//! assert_eq!(back, "hello");
//! # io::Result::Ok(())
//! ```
//!
//! # Other executors' futures
//!
//! [`block_on`](block_on()) runs any future on a goroutine, which parks while the future waits; so an asynchronous
//! library is called like any other, with its reactor on a plain thread (the example `http_client` does it with
//! hyper and tokio). The other way round, [`Receiver::recv_async`], [`Sender::send_async`] and a [`JoinHandle`] are
//! futures for any executor, and may be dropped at any time without losing a message.
//!
//! # When things go wrong
//!
//! A panic stays in its goroutine: the message names the goroutine and where it was started, and
//! [`JoinHandle::join`] returns the payload. If all goroutines wait for ever, the process ends with Go's
//! `all goroutines are asleep - deadlock!` and the list of them: what each waits for, how long and where.
//! SIGQUIT ends a `#[csp::main]` program with the same list, and [`runtime::dump`] writes it at any time; with
//! `RUST_BACKTRACE=1` it shows the stacks of goroutines that wait. A goroutine that uses up its stack ends the process with
//! a message that says which it was and how to give it more. Running out of room for stacks, or of threads, is an
//! error that names the limit.
//!
//! # How large stacks are
//!
//! 256 KiB by default, and main's 8 MiB, of which only what is touched takes memory. [`go!`]'s `stack(…)` sets one
//! goroutine's, `#[csp::main(stack = …)]` the default, and `CSP_STACK=1M` in the environment both the default and, if it
//! is above 8 MiB, main's; it goes before the attribute.
//!
//! An overflow in Rust code is always noticed. C code may be compiled without probes, and then a single frame that is
//! larger than the guard below the stack may jump over it into other memory. Frames are caught for certain up to
//!
//! | stack | frame |
//! |---|---|
//! | 64 KiB, 128 KiB | 15 KiB |
//! | 256 KiB, 512 KiB | 31 KiB |
//! | 1 MiB to 8 MiB | a sixteenth of the stack, less 1 KiB |
//! | 16 MiB and more | 1023 KiB |
//!
//! Call C code with larger ones (an array on the stack, `alloca`) on a goroutine with a stack that suffices, `stack(…)`, or
//! inside [`stack::ensure`], which goes on on a larger stack if this one has not as many bytes left. The segments on
//! which stacks go on have the guards of stacks of their size.
//!
//! Recursion whose depth nobody knows needs no size: mark the function with [`#[csp::recursive]`](macro@recursive), and it
//! goes on on further segments, up to `CSP_STACK_MAX`.
//!
//! Memory of stacks that has been of no use for a second goes back to the system: that of goroutines that have ended, and
//! what lies below the frames of those that wait.
//!
//! # Environment
//!
//! | variable | meaning | without it |
//! |---|---|---|
//! | `GOMAXPROCS=4` | how many goroutines run at once | the processors this process may use |
//! | `CSP_STACK=1M` | the stack of goroutines that name none, and main's if that is above 8 MiB | 256 KiB, 8 MiB |
//! | `CSP_STACK_MAX=4G` | how far the stack of a [`recursive`](macro@recursive) function grows, all segments together | 1 GiB |
//! | `CSP_STACK_GUARD=mprotect` | guards of stacks as on systems before Linux 6.13 | guard regions where there are any |
//! | `CSP_SCAVENGE=0` | gives no memory of stacks back; `5ms` gives it back that early | after a second |
//! | `CSP_MIGRATION_GUARD=0` | does not look for [thread-locals](#thread-locals) on stacks | looks |
//! | `CSP_PREEMPT=0` | never stops a goroutine that computes | stops it for others |
//! | `RUST_BACKTRACE=1` | reports show the stacks of goroutines that wait | they do not |
//!
//! Sizes are in bytes, or with `K`, `M` or `G` behind the number.
//!
//! # Thread-locals
//!
//! A goroutine may go on on another thread after any call that waits. What it got from a thread-local before must not
//! be used there, and neither the compiler nor the types can prevent it: the compiler takes one function to run on one
//! thread. So whenever a goroutine is about to change its thread, the runtime looks for pointers between its stack
//! and the thread-locals of the old thread. If there is one, the goroutine goes on on the old thread.
//!
//! ```
//! use csp::prelude::*;
//! use std::{cell::Cell, rc::Rc, thread};
//!
//! thread_local!(static COUNT: Rc<Cell<u32>> = Rc::default());
//!
//! let (tx, rx) = channel::<()>(0);
//! let counter = go!({
//!     let count = COUNT.with(Rc::clone); // not `Send`, and shared with the thread-local
//!     let before = thread::current().id();
//!     rx.recv();
//!     assert_eq!(thread::current().id(), before);
//!     count.set(count.get() + 1);
//! });
//! tx.send(()).unwrap();
//! counter.join().unwrap();
//! ```
//!
//! Values that are `Send` need none of this. Of the others, these are safe across a call that waits:
//!
//! - the address of a thread-local, wherever it is kept as a pointer: a reference that was stored or passed on, the
//!   borrow of a `RefCell` of a type with a destructor, an address that the compiler computed before the wait for use
//!   behind it. (For the rest see the third point below.)
//! - a handle to an object to which a thread-local points as well: a clone of an `Rc`, the generator of `rand::rng()`,
//!   the guard of `crossbeam_epoch::pin()`. Both hold the same pointer.
//! - the same in the value of a goroutine-local, such as a generator in a `csp::local!`, which counts as part of the stack;
//! - a value on the stack that was lent to a thread-local for a while, as scoped thread-locals do, until another goroutine
//!   lends that thread-local something else.
//!
//! Other goroutines run on the thread meanwhile, and use the same thread-locals: whoever waits with a `RefCell` in one
//! borrowed lets them panic.
//!
//! A goroutine that unwinds never changes its thread: `std::thread::panicking()` is right in it, and in all others.
//!
//! These are *not* safe across a call that waits:
//!
//! - an object to which no thread-local points itself, but something behind it: an `Rc` in a `Vec` in a thread-local.
//!   Likewise a handle that is not on the goroutine's stack: a clone of an `Rc` in a `Box` or a `Vec` of its own, or in a
//!   boxed future that [`block_on`](block_on()) runs. The heap is not looked at;
//! - a pointer further than 128 bytes into an object, if none to its start is kept;
//! - [`LocalKey::with`](std::thread::LocalKey::with) of a `Cell`, or a borrow of a `RefCell` whose content has no
//!   destructor, such as a `RefCell<u64>`. The compiler may keep no address of it, but compute it afresh at each use, also
//!   inside one `with`; then each use is of the thread on which it happens, and a borrow that was taken on one is
//!   given back on another. Do not wait inside `with`;
//! - an object that the thread-local has let go of, by `replace` or `take`, while goroutines still hold it;
//! - what is tied to a thread by number and not by pointer: a value copied out of a thread-local and put back later, the
//!   guard of a re-entrant lock (that of `std::io::stdout().lock()` is one), thread ids passed to C;
//! - thread-locals of libraries that were loaded with `dlopen` after the thread started, and values of
//!   `pthread_setspecific`.
//!
//! On systems other than Linux on x86-64 nothing is known about stacks and thread-locals, and nothing is looked for.
//!
//! The way out is to keep the thread: [`runtime::lock_os_thread`] for a stretch of code, or `#[csp::main(pinned)]`
//! for the whole program. It has its price. A goroutine that must go on on its thread waits for it, although other
//! processors are idle: for ever, if another goroutine computes or blocks there for ever, or is locked to that thread
//! and waits in turn for this one. (In a report it is `runnable (tied to a busy thread)`.) So new goroutines do not
//! begin on a thread with which others are known to have to go on, unless others from the same `go!` have let
//! go of theirs before. That leaves a goroutine which has waited, or is the first of its `go!` not to let go, and then
//! computes for ever there, and one that itself puts into a thread-local what others then hold. A goroutine
//! with a locked thread takes that thread out of use while it waits. A goroutine that moves freely pays the look at its
//! stack, well under a microsecond when the stack is shallow: when it changes its thread, when it first waits, and seldom
//! besides.
//!
//! What has been used and is over may still lie on the stack, where no later call has written. In unoptimised builds this
//! is common, and a goroutine may have to go on on its thread for no other reason.
//!
//! `CSP_MIGRATION_GUARD=0` in the environment switches the looking off, to show what goes wrong without it.
//!
//! # Platforms
//!
//! Tested on Linux x86-64. Code for an operating system or a processor is kept in small modules with a
//! portable fallback each.
#![cfg_attr(
    loom,
    expect(
        dead_code,
        unused_imports,
        unreachable_pub,
        reason = "the models use the lower layers alone"
    )
)]

// What waits, and what it stands on: in the models too, over loom's threads.
mod channel;
pub mod context;
#[cfg(all(test, loom))]
mod memory_model;
mod primitive;
mod protocol;
mod queue;
pub mod sync;
mod timers;
mod wait;
mod waitlist;

/// As much of it as the models need.
#[cfg(loom)]
mod goroutine {
    mod reason;
    pub(crate) use reason::Reason;
}
#[cfg(loom)]
#[path = "sched/model.rs"]
mod sched;

// The rest is not modelled.
#[cfg(not(loom))]
#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;
#[cfg(not(loom))]
mod blocking;
#[cfg(not(loom))]
pub mod bridge;
#[cfg(not(loom))]
mod coroutine;
#[cfg(not(loom))]
mod diag;
#[cfg(not(loom))]
mod future;
#[cfg(not(loom))]
mod goroutine;
#[cfg(not(loom))]
mod locals;
#[cfg(not(loom))]
mod macros;
#[cfg(not(loom))]
mod migration;
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
pub mod stack;
#[cfg(not(loom))]
mod stacks;
#[cfg(not(loom))]
mod task;
#[cfg(not(loom))]
pub mod time;
#[cfg(not(loom))]
mod trace;

#[cfg(not(loom))]
pub use blocking::blocking;
pub use channel::{
    IntoIter, Iter, Receiver, RecvSource, RecvTimeoutError, SendError, SendSource,
    SendTimeoutError, Sender, TryIter, TryRecvError, TrySendError, channel, never, unbounded,
};
#[cfg(not(loom))]
pub use csp_macros::{main, recursive, test};
#[cfg(not(loom))]
pub use future::{RecvFuture, SendFuture, block_on};
#[cfg(not(loom))]
pub use locals::{AccessError, LocalKey};
#[cfg(not(loom))]
pub use runtime::yield_now;
#[cfg(not(loom))]
pub use select::{Select, SelectedOperation};
#[cfg(not(loom))]
pub use sync::ErrGroup;
pub use sync::WaitGroup;
#[cfg(not(loom))]
pub use task::{Builder, JoinHandle, Scope, ScopedJoinHandle, scope};
#[cfg(not(loom))]
pub use time::after;

/// The programs in the README compile and run.
#[cfg(all(doctest, not(loom)))]
#[doc = include_str!("../../README.md")]
struct Readme;
