//! One registered socket: who waits for which direction, and until when.
//!
//! ```text
//!   Source ─┬─ read:  readiness word, deadline, timeout  ┐ read without the lock,
//!           ├─ write: readiness word, deadline, timeout  ┘ written under it
//!           └─ lock: generation, readers that wait, writers that wait
//! ```
//!
//! A source lives for ever and is used for one socket after another. The generation, which is part of the
//! token given to the system, tells the events of its earlier sockets from those of the present one.
//!
//! # Who is woken
//!
//! | what happens | woken | outcome |
//! |---|---|---|
//! | the system says ready | the first of that direction | `Done` |
//! | error, hang-up | all of that direction | `Done` |
//! | a deadline changes, a half is shut down | all of that direction | `Withdrawn` |
//! | close | all of both | `Withdrawn` |
//!
//! **One for an event, and a baton.** Waking all of a hundred acceptors for each connection would make
//! ninety-nine of them run for nothing. But one edge may stand for two connections, and the one woken may
//! never call again. So whoever is woken with `Done` holds a baton: it must end up with a call that would
//! block (then nobody else can go on either), or hand the baton to the next in line ([`Source::pass`]). A
//! waiter that parks after the event needs no baton: its own call, later than the event, would have
//! blocked, so the next edge is still to come (`protocol::readiness`).
//!
//! All is under one spin lock but the words that a call reads before and after; a call that does not block
//! takes no lock.

use crate::primitive::clock::{self, NEVER};
use crate::primitive::spin::Spin;
use crate::primitive::sync::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use crate::protocol::readiness::{Drained, Look, Readiness, Seen};
use crate::waitlist::{Outcome, Task, WaitList, Waiter, Wakes};

/// Tasks that wait for a socket, or are on their way to or from it. A number for decisions that may be
/// late: it orders nothing.
static WAITERS: AtomicUsize = AtomicUsize::new(0);

/// See [`super::waiters`].
#[inline]
pub(super) fn waiters() -> usize {
    WAITERS.load(Ordering::Relaxed)
}

/// Nanoseconds for which a stream is taken to be as empty as it was read. Nobody may have polled since then: what has
/// come meanwhile, such as the answer to a request, is there for a call, and a wait would last as long as the P's queue.
const FRESH: u64 = 50_000;

/// A direction of a socket.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Way {
    /// Reading, receiving, accepting.
    Read,
    /// Writing, sending, connecting.
    Write,
}

impl Way {
    /// Both.
    pub(crate) const BOTH: [Self; 2] = [Self::Read, Self::Write];
}

/// What an event says about one direction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Edge {
    /// Nothing.
    None,
    /// A call may succeed.
    Ready,
    /// Every call ends: an error or a hang-up. Or, for reading, the stream has urgent data, at which reads stop short.
    Over,
}

/// One direction.
struct Direction {
    /// Events, and whether the socket is closed; written under the source's lock.
    readiness: Readiness,
    /// When calls end without success, in nanoseconds of the clock; written under the source's lock, and
    /// announced by a new readiness word.
    deadline: AtomicU64,
    /// How long one call may wait, in nanoseconds; for the next call, so it orders nothing.
    timeout: AtomicU64,
}

impl Direction {
    const fn new() -> Self {
        Self {
            readiness: Readiness::new(),
            deadline: AtomicU64::new(NEVER),
            timeout: AtomicU64::new(NEVER),
        }
    }
}

/// What the lock protects.
struct State {
    /// Which owner this is.
    generation: u32,
    /// Who waits, for each direction.
    waiting: [WaitList; 2],
}

/// A socket's place in the netpoller; see the module.
#[repr(align(64))]
pub(crate) struct Source {
    /// Its place in the slab; constant.
    pub(super) index: u32,
    /// The next free one; under the slab's lock.
    pub(super) next: AtomicU32,
    ways: [Direction; 2],
    /// Whether the last read has emptied the stream; written by readers, and under the lock at an end.
    drained: Drained,
    /// When that was, on the clock. It decides about a call that could be spared, so it orders nothing.
    drained_at: AtomicU64,
    state: Spin<State>,
}

impl Source {
    /// A source that nobody owns.
    pub(super) const fn new(index: u32) -> Self {
        Self {
            index,
            next: AtomicU32::new(0),
            ways: [const { Direction::new() }; 2],
            drained: Drained::new(),
            drained_at: AtomicU64::new(0),
            state: Spin::new(State {
                generation: 0,
                waiting: [const { WaitList::new() }; 2],
            }),
        }
    }

    #[inline]
    fn way(&self, way: Way) -> &Direction {
        &self.ways[way as usize]
    }

    /// A new socket takes the source: returns the generation.
    pub(super) fn open(&self) -> u32 {
        let state = self.state.lock();
        self.drained.open();
        for way in &self.ways {
            way.deadline.store(NEVER, Ordering::Relaxed);
            way.timeout.store(NEVER, Ordering::Relaxed);
            way.readiness.open();
        }
        state.generation
    }

    /// Marks the source closed and ends all waits. `None` if it was closed before.
    #[must_use]
    pub(super) fn close(&self) -> Option<Wakes> {
        let mut state = self.state.lock();
        if self.is_closed() {
            return None;
        }
        let mut wakes = Wakes::new();
        for (way, waiting) in self.ways.iter().zip(&mut state.waiting) {
            way.readiness.close();
            drain(waiting, Outcome::Withdrawn, &mut wakes);
        }
        Some(wakes)
    }

    /// The socket is gone: events that are still under way mean nothing to the next one.
    pub(super) fn retire(&self) {
        let mut state = self.state.lock();
        state.generation = state.generation.wrapping_add(1);
        for way in &self.ways {
            way.readiness.close();
        }
    }

    /// Takes in an event for the owner `generation`; adds whom it wakes to `wakes`.
    pub(super) fn event(&self, generation: u32, edges: [Edge; 2], wakes: &mut Wakes) {
        let mut state = self.state.lock();
        if state.generation != generation {
            return;
        }
        if edges[Way::Read as usize] == Edge::Over {
            self.drained.end();
        }
        let ways = self.ways.iter().zip(&mut state.waiting);
        for ((way, waiting), edge) in ways.zip(edges) {
            match edge {
                Edge::None => continue,
                Edge::Ready => {
                    if let Some(waiter) = waiting.claim() {
                        waiter.set_outcome(Outcome::Done);
                        wakes.push(waiter);
                    }
                }
                Edge::Over => drain(waiting, Outcome::Done, wakes),
            }
            way.readiness.note();
        }
    }

    /// Before a call: what to compare with in [`enlist`](Self::enlist).
    #[inline]
    pub(crate) fn look(&self, way: Way) -> Look {
        self.way(way).readiness.look()
    }

    /// Whether a read of the stream would block, as one just before it and after the same look has emptied it.
    #[inline]
    pub(crate) fn is_drained(&self, seen: Seen) -> bool {
        self.drained.is_at(seen)
            && clock::now()
                < self
                    .drained_at
                    .load(Ordering::Relaxed)
                    .saturating_add(FRESH)
    }

    /// A read of the stream gave something, but less than there was room for.
    #[inline]
    pub(crate) fn note_drained(&self, seen: Seen) {
        self.drained_at.store(clock::now(), Ordering::Relaxed);
        self.drained.note(seen);
    }

    /// Whether the socket was closed.
    pub(crate) fn is_closed(&self) -> bool {
        self.way(Way::Read).readiness.is_closed()
    }

    /// When calls of this direction end without success; after a [`look`](Self::look).
    #[inline]
    pub(crate) fn deadline(&self, way: Way) -> u64 {
        self.way(way).deadline.load(Ordering::Relaxed)
    }

    /// Sets the deadline. Those who wait have to look again.
    pub(crate) fn set_deadline(&self, way: Way, deadline: u64) -> Wakes {
        self.stir(way, || {
            self.way(way).deadline.store(deadline, Ordering::Relaxed);
        })
    }

    /// Makes those who wait look again.
    pub(crate) fn nudge(&self, way: Way) -> Wakes {
        self.stir(way, || ())
    }

    fn stir(&self, way: Way, change: impl FnOnce()) -> Wakes {
        let mut wakes = Wakes::new();
        let mut state = self.state.lock();
        change();
        // Also those on their way to wait see that something has changed.
        self.way(way).readiness.note();
        drain(
            &mut state.waiting[way as usize],
            Outcome::Withdrawn,
            &mut wakes,
        );
        wakes
    }

    /// How long one call of this direction may wait, or `NEVER`.
    pub(crate) fn timeout(&self, way: Way) -> u64 {
        self.way(way).timeout.load(Ordering::Relaxed)
    }

    /// Sets how long one call may wait.
    pub(crate) fn set_timeout(&self, way: Way, timeout: u64) {
        self.way(way).timeout.store(timeout, Ordering::Relaxed);
    }

    /// Links the waiter that `prepare` sets up, and returns what that returns; `None`, with nothing done, if
    /// something has happened since the look. The caller parks next, and then calls
    /// [`leave`](Self::leave). `prepare` runs under the lock.
    #[must_use]
    pub(crate) fn enlist<R>(
        &self,
        way: Way,
        seen: Seen,
        waiter: &Waiter,
        prepare: impl FnOnce() -> R,
    ) -> Option<R> {
        let mut state = self.state.lock();
        if !self.way(way).readiness.unchanged(seen) {
            return None;
        }
        let prepared = prepare();
        state.waiting[way as usize].push(waiter, false);
        WAITERS.fetch_add(1, Ordering::Relaxed);
        Some(prepared)
    }

    /// After the park: takes the waiter out if the clock has ended the wait. Says whether the caller now
    /// holds the baton (see the module).
    #[must_use]
    pub(crate) fn leave(&self, way: Way, waiter: &Waiter, timed_out: bool) -> bool {
        if timed_out {
            self.state.lock().waiting[way as usize].remove(waiter);
        }
        WAITERS.fetch_sub(1, Ordering::Relaxed);
        waiter.outcome() == Outcome::Done
    }

    /// Hands the baton on: returns the next in line, whom the caller makes ready.
    #[must_use]
    pub(crate) fn pass(&self, way: Way) -> Option<Task> {
        let mut state = self.state.lock();
        let waiter = state.waiting[way as usize].claim()?;
        waiter.set_outcome(Outcome::Done);
        Some(waiter.task())
    }
}

/// Ends the waits of all in the list.
fn drain(waiting: &mut WaitList, outcome: Outcome, wakes: &mut Wakes) {
    while let Some(waiter) = waiting.claim() {
        waiter.set_outcome(outcome);
        wakes.push(waiter);
    }
}
