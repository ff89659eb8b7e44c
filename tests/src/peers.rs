//! Who takes part in a test: plain threads and goroutines, in every combination.
//!
//! A channel operation has two ends, and each end parks in one of two ways. [`everywhere`] runs a body for each P count,
//! itself once on a thread and once on a goroutine, with its peers of each kind; the body sees only [`Peers::spawn`].

use crate::procs::{PROCS, with_procs};
use crate::watchdog::{LIMIT, within};
use csp::{Receiver, Sender};
use std::panic::resume_unwind;
use std::thread;

/// The kind of peers a test body starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peers {
    /// `std::thread`s.
    Threads,
    /// Goroutines.
    Goroutines,
}

/// A started peer.
#[must_use = "a peer that is not joined may fail unseen"]
pub enum Peer<T> {
    /// Runs as a `std::thread`.
    Thread(thread::JoinHandle<T>),
    /// Runs as a goroutine.
    Goroutine(csp::JoinHandle<T>),
}

impl Peers {
    /// Both kinds.
    pub const ALL: [Peers; 2] = [Peers::Threads, Peers::Goroutines];

    /// Starts `body` as a peer of this kind.
    pub fn spawn<T: Send + 'static>(self, body: impl FnOnce() -> T + Send + 'static) -> Peer<T> {
        match self {
            Peers::Threads => Peer::Thread(thread::spawn(body)),
            Peers::Goroutines => Peer::Goroutine(csp::go!(body())),
        }
    }
}

impl<T> Peer<T> {
    /// Waits for the peer and passes its panic on.
    ///
    /// A goroutine that waits for a thread yields meanwhile: blocking its own thread would keep a P from the
    /// goroutines that the other thread may be waiting for.
    pub fn join(self) -> T {
        if csp::runtime::goid() != 0 && matches!(self, Peer::Thread(_)) {
            until(|| self.is_finished());
        }
        let result = match self {
            Peer::Thread(handle) => handle.join(),
            Peer::Goroutine(handle) => handle.join(),
        };
        result.unwrap_or_else(|payload| resume_unwind(payload))
    }

    /// Whether the peer has ended.
    pub fn is_finished(&self) -> bool {
        match self {
            Peer::Thread(handle) => handle.is_finished(),
            Peer::Goroutine(handle) => handle.is_finished(),
        }
    }
}

/// Runs `body` with 1, 2 and 4 Ps, on this thread and on a goroutine, with peers of both kinds, under the watchdog.
#[track_caller]
pub fn everywhere(body: fn(Peers)) {
    with_procs(PROCS, |_| {
        for peers in Peers::ALL {
            within(LIMIT, || body(peers));
            within(LIMIT, || {
                Peers::Goroutines.spawn(move || body(peers)).join()
            });
        }
    });
}

/// Lets others run for a while: makes it likely, never certain, that a peer started before is parked by now.
pub fn settle() {
    for _ in 0..32 {
        csp::yield_now();
        thread::yield_now();
    }
}

/// Yields until `fact` holds; the watchdog bounds the wait.
pub fn until(mut fact: impl FnMut() -> bool) {
    while !fact() {
        csp::yield_now();
        thread::yield_now();
    }
}

/// A channel of any flavour: `Some(0)` rendezvous, `Some(n)` bounded, `None` unbounded.
pub fn open<T: Send>(capacity: Option<usize>) -> (Sender<T>, Receiver<T>) {
    match capacity {
        Some(n) => csp::channel(n),
        None => csp::unbounded(),
    }
}
