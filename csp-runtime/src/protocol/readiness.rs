//! Whether a task that found a socket not ready may park: a count of events and a closed flag in one
//! word, for each direction of a socket.
//!
//! The system reports a socket's becoming ready once (edge-triggered). So the event that arrives between
//! a call that would have blocked and the park must not be lost. The task looks at the word, tries the
//! call, and may park only if the word is still the same:
//!
//! ```text
//!   task                                    poller
//!   look ──▶ seen                           the system reports the edge
//!   try the call: would block               lock
//!   lock                                    note: word + 2
//!   unchanged(seen)? no ─▶ unlock, again    unlink a waiter, if there is one
//!   link the waiter; unlock; park           unlock; make its task ready
//! ```
//!
//! **Why nothing is lost.** Let the last edge be E. Either the poller noted E before the task looked: then
//! the call came after E, would have succeeded, and did not, so somebody else has used E up and the next
//! edge is still to come. Or the poller notes E after the look: if before the task has the lock, the word
//! has changed and the task tries again; if after, the waiter is in the list, and the poller finds it.
//!
//! **A call that need not be made.** A stream that gave less than there was room for is empty: such a read says what a
//! successful one and a second one that would block say together. So [`Drained`] notes what that reader had seen, and the
//! next one, as long as it sees the same, parks without a call. The proof above holds with the short read in the place
//! of the call. It holds for bytes only: an end or an error lies behind them, leaves a read short, and may have been
//! reported together with them, before the look. Once such an event is in, every read is a call:
//!
//! | what is behind the bytes of a short read | when its event is noted | the next reader |
//! |---|---|---|
//! | nothing yet | after the look | sees another word |
//! | an end, an error, urgent data | before the look | is told so by [`Drained::end`], ordered by the word |
//! | the same | after the look | sees another word |
//!
//! Invariants:
//! - The word is written under the lock of the source it belongs to, so transitions are a load and a
//!   store; it is read without.
//! - `note` releases and `look` acquires: who sees an event's count makes its call after the event.
//! - Bit 0 is set while the source is closed. Counting goes on over reuse: the word of an earlier owner
//!   never comes back.
//!
//! A flag "ready", cleared after a call that would have blocked, was rejected: clearing it must itself not
//! wipe out a newer event, which takes the count anyway.

use crate::primitive::sync::{self, AtomicBool, AtomicU64, Ordering};

const CLOSED: u64 = 1;
const EVENT: u64 = 2;

/// What the word was when the task looked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Seen(u64);

/// What a task finds before it makes its call.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Look {
    /// The call may be tried.
    Open(Seen),
    /// The socket was closed.
    Closed,
}

/// The word; see the module.
pub(crate) struct Readiness(AtomicU64);

impl Readiness {
    sync::const_fn! {
        /// The word of a source without an owner: closed.
        pub(crate) fn new() -> Self {
            Self(AtomicU64::new(CLOSED))
        }
    }

    /// Before a call: what to compare with later. Any thread.
    #[inline]
    pub(crate) fn look(&self) -> Look {
        // Acquire: the call must not be made before the look.
        let word = self.0.load(Ordering::Acquire);
        if word & CLOSED == 0 {
            Look::Open(Seen(word))
        } else {
            Look::Closed
        }
    }

    /// Whether nothing has happened since the look. The lock is held.
    #[must_use]
    pub(crate) fn unchanged(&self, seen: Seen) -> bool {
        self.0.load(Ordering::Relaxed) == seen.0
    }

    /// Whether the socket was closed. Any thread.
    pub(crate) fn is_closed(&self) -> bool {
        self.look() == Look::Closed
    }

    /// Something has happened: a call may succeed now, or a deadline has changed. The lock is held.
    pub(crate) fn note(&self) {
        self.write(|word| word.wrapping_add(EVENT));
    }

    /// A new owner takes the source. The lock is held.
    pub(crate) fn open(&self) {
        self.write(|word| (word | CLOSED).wrapping_add(1));
    }

    /// The owner closes it. The lock is held.
    pub(crate) fn close(&self) {
        self.write(|word| word | CLOSED);
    }

    fn write(&self, change: impl FnOnce(u64) -> u64) {
        let word = self.0.load(Ordering::Relaxed);
        self.0.store(change(word), Ordering::Release);
    }
}

/// That a stream was empty when last read; see the module.
///
/// Two readers at once may overwrite each other's note, which costs a call: no word comes back, so a note is never
/// taken for one of another time.
pub(crate) struct Drained {
    /// What the reader had seen that found the stream empty, or a word that nobody sees. Any thread.
    at: AtomicU64,
    /// Whether something other than bytes has been reported; written under the source's lock, before the word.
    ended: AtomicBool,
}

impl Drained {
    sync::const_fn! {
        /// Nothing is known.
        pub(crate) fn new() -> Self {
            Self { at: AtomicU64::new(CLOSED), ended: AtomicBool::new(false) }
        }
    }

    /// The next owner's stream. The lock is held, and the word not yet open.
    pub(crate) fn open(&self) {
        self.ended.store(false, Ordering::Relaxed);
    }

    /// An end, an error or urgent data is reported. The lock is held, and the word not yet changed.
    pub(crate) fn end(&self) {
        self.ended.store(true, Ordering::Relaxed);
    }

    /// A read after the look `seen` gave something, but less than there was room for. Any thread.
    #[inline]
    pub(crate) fn note(&self, seen: Seen) {
        // Relaxed: an end reported before the look is visible, for the look acquires the word.
        if !self.ended.load(Ordering::Relaxed) {
            self.at.store(seen.0, Ordering::Relaxed);
        }
    }

    /// Whether a read after the look `seen` would block. Any thread.
    #[inline]
    pub(crate) fn is_at(&self, seen: Seen) -> bool {
        self.at.load(Ordering::Relaxed) == seen.0
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{Drained, Look, Readiness, Seen};

    fn seen(word: &Readiness) -> Seen {
        match word.look() {
            Look::Open(seen) => seen,
            Look::Closed => panic!("closed"),
        }
    }

    #[test]
    fn an_event_changes_what_was_seen() {
        let word = Readiness::new();
        word.open();
        let before = seen(&word);
        assert!(word.unchanged(before));
        word.note();
        assert!(!word.unchanged(before));
        assert!(word.unchanged(seen(&word)));
    }

    #[test]
    fn closing_changes_what_was_seen_and_stays() {
        let word = Readiness::new();
        assert!(word.is_closed());
        word.open();
        let before = seen(&word);
        word.close();
        assert!(!word.unchanged(before));
        word.note();
        assert_eq!(word.look(), Look::Closed);
    }

    #[test]
    fn a_stream_is_known_to_be_empty_until_something_happens() {
        let (word, drained) = (Readiness::new(), Drained::new());
        drained.open();
        word.open();
        assert!(!drained.is_at(seen(&word)));
        drained.note(seen(&word));
        assert!(drained.is_at(seen(&word)));
        word.note();
        assert!(!drained.is_at(seen(&word)));
    }

    #[test]
    fn a_stream_that_has_ended_is_never_known_to_be_empty() {
        let (word, drained) = (Readiness::new(), Drained::new());
        drained.open();
        word.open();
        drained.end();
        word.note();
        drained.note(seen(&word));
        assert!(!drained.is_at(seen(&word)));
        drained.open();
        drained.note(seen(&word));
        assert!(drained.is_at(seen(&word)));
    }

    #[test]
    fn no_word_comes_back_with_the_next_owner() {
        let word = Readiness::new();
        word.open();
        let before = seen(&word);
        word.close();
        word.open();
        assert!(!word.unchanged(before));
    }
}

#[cfg(all(test, loom))]
mod model {
    use super::{Drained, Look, Readiness};
    use crate::primitive::parker::Parker;
    use crate::primitive::spin::Spin;
    use loom::sync::Arc;
    use loom::thread;

    /// A socket as the protocol sees it.
    struct Socket {
        /// Bytes in it, and whether the peer has ended the stream; under the lock of the system.
        data: Spin<(u32, bool)>,
        word: Readiness,
        drained: Drained,
        /// Whether the one task is linked; under the source's lock.
        linked: Spin<bool>,
        parker: Parker,
    }

    impl Socket {
        fn new() -> Self {
            let socket = Self {
                data: Spin::new((0, false)),
                word: Readiness::new(),
                drained: Drained::new(),
                linked: Spin::new(false),
                parker: Parker::new(),
            };
            socket.word.open();
            socket
        }

        /// One byte arrives, and the poller handles its edge.
        fn arrive(&self) {
            self.data.lock().0 += 1;
            self.event(|socket| socket.word.note());
        }

        /// The peer ends the stream, and the poller handles that edge, and with it those it has not yet seen.
        fn end(&self) {
            self.data.lock().1 = true;
            self.event(|socket| {
                socket.drained.end();
                socket.word.note();
            });
        }

        fn event(&self, change: fn(&Self)) {
            let woken = {
                let mut linked = self.linked.lock();
                change(self);
                std::mem::replace(&mut *linked, false)
            };
            if woken {
                self.parker.unpark();
            }
        }

        /// Takes a byte, waiting for it. False if the socket was closed.
        fn read(&self) -> bool {
            loop {
                let Look::Open(seen) = self.word.look() else {
                    return false;
                };
                {
                    let mut data = self.data.lock();
                    if data.0 > 0 {
                        data.0 -= 1;
                        return true;
                    }
                }
                let mut linked = self.linked.lock();
                if self.word.unchanged(seen) {
                    *linked = true;
                    drop(linked);
                    self.parker.park();
                }
            }
        }
    }

    impl Socket {
        /// Takes all bytes, waiting for the first; 0 at the end.
        fn read_all(&self) -> u32 {
            loop {
                let Look::Open(seen) = self.word.look() else {
                    panic!("nobody closes it");
                };
                if !self.drained.is_at(seen) {
                    let mut data = self.data.lock();
                    let count = std::mem::take(&mut data.0);
                    if count > 0 {
                        drop(data);
                        self.drained.note(seen);
                        return count;
                    }
                    if data.1 {
                        return 0;
                    }
                }
                let mut linked = self.linked.lock();
                if self.word.unchanged(seen) {
                    *linked = true;
                    drop(linked);
                    self.parker.park();
                }
            }
        }
    }

    fn check(f: impl Fn() + Sync + Send + 'static) {
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = Some(3);
        builder.check(f);
    }

    /// Loom reports a reader that nobody wakes as a deadlock.
    #[test]
    fn an_edge_between_the_call_and_the_park_is_not_lost() {
        check(|| {
            let socket = Arc::new(Socket::new());
            let sender = {
                let socket = socket.clone();
                thread::spawn(move || socket.arrive())
            };
            assert!(socket.read());
            sender.join().unwrap();
        });
    }

    #[test]
    fn two_edges_give_two_reads() {
        check(|| {
            let socket = Arc::new(Socket::new());
            let sender = {
                let socket = socket.clone();
                thread::spawn(move || {
                    socket.arrive();
                    socket.arrive();
                })
            };
            assert!(socket.read());
            assert!(socket.read());
            sender.join().unwrap();
        });
    }

    #[test]
    fn bytes_behind_a_short_read_are_not_slept_through() {
        check(|| {
            let socket = Arc::new(Socket::new());
            let sender = {
                let socket = socket.clone();
                thread::spawn(move || {
                    socket.arrive();
                    socket.arrive();
                })
            };
            let mut count = 0;
            while count < 2 {
                count += socket.read_all();
            }
            assert_eq!(count, 2);
            sender.join().unwrap();
        });
    }

    #[test]
    fn an_end_behind_a_short_read_is_not_slept_through() {
        check(|| {
            let socket = Arc::new(Socket::new());
            let sender = {
                let socket = socket.clone();
                thread::spawn(move || {
                    socket.arrive();
                    socket.end();
                })
            };
            assert_eq!(socket.read_all(), 1);
            assert_eq!(socket.read_all(), 0);
            sender.join().unwrap();
        });
    }

    /// The poller sees the bytes and the end at once, and nothing after that.
    #[test]
    fn an_end_reported_with_the_bytes_is_not_slept_through() {
        check(|| {
            let socket = Arc::new(Socket::new());
            let sender = {
                let socket = socket.clone();
                thread::spawn(move || {
                    socket.data.lock().0 += 1;
                    socket.end();
                })
            };
            assert_eq!(socket.read_all(), 1);
            assert_eq!(socket.read_all(), 0);
            sender.join().unwrap();
        });
    }

    #[test]
    fn a_close_reaches_a_task_on_its_way_to_park() {
        check(|| {
            let socket = Arc::new(Socket::new());
            let closer = {
                let socket = socket.clone();
                thread::spawn(move || socket.event(|socket| socket.word.close()))
            };
            assert!(!socket.read());
            closer.join().unwrap();
        });
    }
}
