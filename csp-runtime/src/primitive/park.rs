//! The word of a one-token parker: a pure state machine.
//!
//! One thread, the owner, parks; any thread deposits the token that ends the park.
//!
//! ```text
//!                     begin                      deposit (must wake)
//!         EMPTY ─────────────────► PARKED ─────────────────────────┐
//!          │ ▲ ▲                     │                             │
//!          │ │ └──── retract ────────┘                             │
//!          │ │                                                     ▼
//!          │ └────────────── begin / finish / retract ────────── TOKEN ─┐
//!          └───────────────────── deposit ─────────────────────────▲ └──┘ deposit
//! ```
//!
//! Invariants:
//! - Only the owner leaves `TOKEN`, and it does so once per token: a token ends one park.
//! - Only the owner enters and (without a token) leaves `PARKED`.
//! - A deposit wakes if and only if it found `PARKED`; of several deposits during one park one
//!   wakes.
//! - What a depositor did before the deposit is visible to the owner once it has the token:
//!   `deposit` releases and every way to take a token acquires. All deposits are exchanges, so the
//!   chain of them hands on the writes of each, not only of the last.
//!
//! No `SeqCst`: there is a single word, and each transition of it is an exchange that sees the
//! latest.

use super::sync::{self, AtomicU32, Ordering};

const EMPTY: u32 = 0;
const PARKED: u32 = 1;
const TOKEN: u32 = 2;

/// What the owner finds when it begins a park.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Begin {
    /// A token lay ready and has been taken; there is no park.
    Token,
    /// The owner is marked as parked and sleeps while the word is [`ParkWord::PARKED`].
    Sleep,
}

/// What a depositor has to do.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Deposit {
    /// The owner is not parked, or somebody else wakes it.
    Left,
    /// The owner was parked, and this caller wakes it.
    Wake,
}

/// The parker's word.
pub(crate) struct ParkWord {
    /// `EMPTY`, `PARKED` or `TOKEN`; changed only by the transitions below.
    word: AtomicU32,
}

impl ParkWord {
    /// The value during which the owner sleeps.
    pub(crate) const PARKED: u32 = PARKED;

    sync::const_fn! {
        pub(crate) fn new() -> Self {
            Self { word: AtomicU32::new(EMPTY) }
        }
    }

    /// Returns the word, to sleep on and to wake at.
    pub(crate) fn futex(&self) -> &AtomicU32 {
        &self.word
    }

    /// Takes a token, or marks the owner as parked. Owner only.
    pub(crate) fn begin(&self) -> Begin {
        match self
            .word
            .compare_exchange(EMPTY, PARKED, Ordering::Relaxed, Ordering::Relaxed)
        {
            Ok(_) => Begin::Sleep,
            Err(found) => {
                debug_assert_eq!(found, TOKEN, "a parker has one owner");
                // An exchange, not a store: it reads the latest deposit, and acquires it.
                self.word.swap(EMPTY, Ordering::Acquire);
                Begin::Token
            }
        }
    }

    /// Takes the token if it has come, after a sleep. Owner only.
    #[must_use]
    pub(crate) fn finish(&self) -> bool {
        self.word
            .compare_exchange(TOKEN, EMPTY, Ordering::Acquire, Ordering::Relaxed)
            .is_ok()
    }

    /// Ends the park whether or not the token has come; returns whether it had. Owner only.
    #[must_use]
    pub(crate) fn retract(&self) -> bool {
        self.word.swap(EMPTY, Ordering::Acquire) == TOKEN
    }

    /// Leaves a token. Any thread.
    pub(crate) fn deposit(&self) -> Deposit {
        match self.word.swap(TOKEN, Ordering::Release) {
            PARKED => Deposit::Wake,
            _ => Deposit::Left,
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{Begin, Deposit, ParkWord};

    #[test]
    fn a_token_before_the_park_prevents_it() {
        let word = ParkWord::new();
        assert_eq!(word.deposit(), Deposit::Left);
        assert_eq!(word.begin(), Begin::Token);
        assert_eq!(word.begin(), Begin::Sleep);
    }

    #[test]
    fn tokens_do_not_add_up() {
        let word = ParkWord::new();
        assert_eq!(word.deposit(), Deposit::Left);
        assert_eq!(word.deposit(), Deposit::Left);
        assert!(word.retract());
        assert!(!word.retract());
    }

    #[test]
    fn only_the_first_deposit_of_a_park_wakes() {
        let word = ParkWord::new();
        assert_eq!(word.begin(), Begin::Sleep);
        assert!(!word.finish());
        assert_eq!(word.deposit(), Deposit::Wake);
        assert_eq!(word.deposit(), Deposit::Left);
        assert!(word.finish());
        assert!(!word.finish());
    }

    #[test]
    fn a_retracted_park_leaves_no_trace() {
        let word = ParkWord::new();
        assert_eq!(word.begin(), Begin::Sleep);
        assert!(!word.retract());
        assert_eq!(word.deposit(), Deposit::Left);
        assert_eq!(word.begin(), Begin::Token);
    }
}

#[cfg(all(test, loom))]
mod model {
    use super::{Begin, Deposit, ParkWord};
    use crate::primitive::sync::{AtomicU32, Ordering};
    use loom::sync::Arc;
    use loom::thread;

    /// A park that times out at once, against one deposit: the token is taken in the park or left
    /// for the next one, never both and never neither.
    #[test]
    fn a_token_survives_a_timeout_exactly_once() {
        loom::model(|| {
            let shared = Arc::new((ParkWord::new(), AtomicU32::new(0)));
            let waker = {
                let shared = shared.clone();
                thread::spawn(move || {
                    shared.1.store(1, Ordering::Relaxed);
                    shared.0.deposit()
                })
            };
            let in_park = match shared.0.begin() {
                Begin::Token => true,
                Begin::Sleep => shared.0.retract(),
            };
            if in_park {
                assert_eq!(shared.1.load(Ordering::Relaxed), 1, "the token acquires");
            }
            let wakes = waker.join().unwrap() == Deposit::Wake;
            assert!(!wakes || in_park, "whoever wakes has ended the park");
            assert_eq!(shared.0.begin() == Begin::Token, !in_park);
        });
    }

    /// Two deposits during one park: at most one is told to wake, and both hand on their writes.
    #[test]
    fn one_of_two_deposits_wakes() {
        loom::model(|| {
            let shared = Arc::new((ParkWord::new(), AtomicU32::new(0), AtomicU32::new(0)));
            let begun = shared.0.begin();
            assert_eq!(begun, Begin::Sleep);
            let first = {
                let shared = shared.clone();
                thread::spawn(move || {
                    shared.1.store(1, Ordering::Relaxed);
                    shared.0.deposit()
                })
            };
            let second = {
                let shared = shared.clone();
                thread::spawn(move || {
                    shared.2.store(1, Ordering::Relaxed);
                    shared.0.deposit()
                })
            };
            let first = first.join().unwrap();
            let second = second.join().unwrap();
            assert_ne!(first == Deposit::Wake, second == Deposit::Wake);
            assert!(shared.0.finish());
        });
    }
}
