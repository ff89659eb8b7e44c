//! A thread's bed: the owner parks until somebody leaves a token.
//!
//! The word and its proof are in [`super::park`]; this file adds the sleeping. One token at most
//! lies ready. It is consumed exactly once, so an unpark before the park is not lost, and two
//! unparks before one park end one park. Unparking a thread that is not parked is one exchange and
//! no system call.
//!
//! **Lifetime.** `unpark` borrows the parker, yet the owner may be off and away as soon as the
//! token is in the word. After the deposit only the address is used ([`super::futex`] says why that
//! is enough). Machines are never freed, so this matters to plain threads only.
//!
//! `std::thread::park` was not taken: its token is shared with every library that parks the thread,
//! so each return would have to be treated as spurious, and it has no absolute deadline.

use std::time::Duration;

use super::clock;
use super::futex;
use super::park::{Begin, Deposit, ParkWord};
use super::sync;

/// A one-token parker.
pub(crate) struct Parker {
    /// Owner: parks and takes tokens. Everybody: deposits.
    word: ParkWord,
}

impl Parker {
    sync::const_fn! {
        pub(crate) fn new() -> Self {
            Self { word: ParkWord::new() }
        }
    }

    /// Sleeps until there is a token, and takes it. Owner only.
    pub(crate) fn park(&self) {
        if self.word.begin() == Begin::Token {
            return;
        }
        loop {
            futex::wait(self.word.futex(), ParkWord::PARKED, None);
            if self.word.finish() {
                return;
            }
        }
    }

    /// Takes a token if there is one. Owner only.
    pub(crate) fn try_take(&self) -> bool {
        self.word.retract()
    }

    /// Sleeps until there is a token or the clock reaches `deadline_ns`; returns whether it took a
    /// token. Owner only.
    ///
    /// A token that lies ready is taken even if the deadline is past.
    pub(crate) fn park_until(&self, deadline_ns: u64) -> bool {
        if deadline_ns == clock::NEVER {
            self.park();
            return true;
        }
        if self.word.begin() == Begin::Token {
            return true;
        }
        loop {
            let now = clock::now();
            if now >= deadline_ns {
                return self.word.retract();
            }
            let left = Duration::from_nanos(deadline_ns - now);
            futex::wait(self.word.futex(), ParkWord::PARKED, Some(left));
            if self.word.finish() {
                return true;
            }
        }
    }

    /// Leaves a token, and wakes the owner if it is parked. Any thread.
    pub(crate) fn unpark(&self) {
        // Taken first: nothing behind `self` is touched after the deposit.
        let address: *const _ = self.word.futex();
        if self.word.deposit() == Deposit::Wake {
            futex::wake_one(address);
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{Parker, clock};
    use std::time::Duration;

    #[test]
    fn unpark_before_park_is_not_lost() {
        let parker = Parker::new();
        parker.unpark();
        parker.unpark();
        parker.park();
        assert!(!parker.park_until(0));
    }

    #[test]
    fn a_past_deadline_still_takes_a_ready_token() {
        let parker = Parker::new();
        parker.unpark();
        assert!(parker.park_until(0));
        assert!(!parker.park_until(0));
    }

    #[test]
    fn a_deadline_ends_the_park_and_not_before() {
        let parker = Parker::new();
        let deadline = clock::deadline(Duration::from_millis(3));
        assert!(!parker.park_until(deadline));
        assert!(clock::now() >= deadline);
    }

    #[test]
    fn an_endless_deadline_waits_for_the_token() {
        let parker = Parker::new();
        std::thread::scope(|scope| {
            scope.spawn(|| parker.unpark());
            assert!(parker.park_until(clock::NEVER));
        });
    }

    #[test]
    fn ping_pong_loses_no_token() {
        let (ping, pong) = (Parker::new(), Parker::new());
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for _ in 0..2_000 {
                    ping.park();
                    pong.unpark();
                }
            });
            for _ in 0..2_000 {
                ping.unpark();
                pong.park();
            }
        });
    }
}

#[cfg(all(test, loom))]
mod model {
    use super::Parker;
    use crate::primitive::sync::{AtomicU32, Ordering};
    use loom::sync::Arc;
    use loom::thread;

    /// Loom reports a park that nothing ends as a deadlock.
    #[test]
    fn park_against_unpark_always_returns_and_acquires() {
        loom::model(|| {
            let shared = Arc::new((Parker::new(), AtomicU32::new(0)));
            let waker = {
                let shared = shared.clone();
                thread::spawn(move || {
                    shared.1.store(1, Ordering::Relaxed);
                    shared.0.unpark();
                })
            };
            shared.0.park();
            assert_eq!(shared.1.load(Ordering::Relaxed), 1);
            waker.join().unwrap();
        });
    }
}
