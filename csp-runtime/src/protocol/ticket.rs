//! The one-winner ticket: of all that may end a goroutine's wait, exactly one does.
//!
//! Select arms, a timeout and a close race for a waiting goroutine. Each has been
//! given the [`Wait`] it may end, and claims it; the first claim wins, tells the goroutine who it
//! was, and makes it ready. All others learn that they came too late.
//!
//! ```text
//!   generation n              claim(n, w): one CAS, any thread
//!        ┌───────► OPEN ───────────────────────────────► won by w
//!   open │           │                                      │
//!  (n+1) │           │ close(n): CAS, owner                 │ open (n+2)
//!        │           ▼                                      ▼
//!        └─────── CLOSED                                  OPEN …
//! ```
//!
//! The word is a generation (48 bits, above) and a state (16 bits, below). The control block it
//! lies in is reused for other goroutines, but it is always a control block, so a claimer from an
//! older wait may still hold its address. Its CAS expects the older generation and fails.
//!
//! Invariants:
//! - Only the owner, the goroutine that waits, starts a generation, and never while one is `OPEN`.
//! - `OPEN` is left once: by the claim that wins or by the owner's `close`.
//! - A state other than `OPEN` is changed by the owner only; so it may use plain loads and stores
//!   there.
//!
//! **Orderings.** `claim` releases, and `winner` and `close` acquire: what the winner did before
//! the claim (write the message, say) is visible to the owner. `claim` acquires, and `open`
//! releases: the winner sees what the owner wrote before it opened, even if the `Wait` reached it
//! by a relaxed path. No `SeqCst`, for there is a single word and claims are exchanges on it.
//!
//! A generation returns after 2^48 waits of one control block. A claimer would have to sleep
//! through exactly that many, at least a month of nothing but waiting and waking, to win a wait not
//! its own.
//!
//! The memory of a control block that is free may be given back to the system and read as zero until it is used again.
//! Zero is no generation's `OPEN`, and what follows starts above every generation that was ever given back
//! (`start_above`).
//!
//! An `AtomicBool` per wait was rejected: it would have to live until the slowest loser has looked
//! at it, which costs a reference count per wait and an allocation per select.

use crate::primitive::sync::{self, AtomicU64, Ordering};

/// Ended by its deadline.
pub(crate) const TIMEOUT: u16 = u16::MAX;
/// The largest number of a select arm.
pub(crate) const LAST_ARM: u16 = 65_000;

const OPEN: u16 = u16::MAX - 3;
const CLOSED: u16 = u16::MAX - 4;

/// One wait of one ticket: what a claimer needs besides the ticket's address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Wait {
    /// The generation, in place: the low 16 bits are zero.
    generation: u64,
}

impl Wait {
    /// The whole word while this wait is in `state`.
    #[inline]
    fn word(self, state: u16) -> u64 {
        self.generation | u64::from(state)
    }
}

/// What the word holds for this wait, if it is still the latest one.
#[inline]
fn state_of(word: u64, wait: Wait) -> Option<u16> {
    let state = word as u16;
    (word == wait.word(state)).then_some(state)
}

/// The winner that a state stands for.
#[inline]
fn winner_of(state: u16) -> Option<u16> {
    (state != OPEN && state != CLOSED).then_some(state)
}

/// The ticket.
pub(crate) struct Ticket(
    /// Generation and state. The owner writes it, except for the one exchange by which a claim
    /// wins.
    AtomicU64,
);

impl Ticket {
    sync::const_fn! {
        pub(crate) fn new() -> Self {
            Self(AtomicU64::new(CLOSED as u64))
        }
    }

    /// Starts a wait that others may then claim. Owner only; the wait before has ended.
    #[inline]
    pub(crate) fn open(&self) -> Wait {
        let word = self.0.load(Ordering::Relaxed);
        debug_assert_ne!(word as u16, OPEN, "the wait before has ended");
        let wait = Wait {
            generation: (word & !0xffff).wrapping_add(1 << 16),
        };
        self.0.store(wait.word(OPEN), Ordering::Release);
        wait
    }

    /// Which wait was the latest, for [`start_above`](Self::start_above). For whoever has the control block.
    pub(crate) fn generation(&self) -> u64 {
        self.0.load(Ordering::Relaxed) >> 16
    }

    /// Starts over in memory that was zeroed: all waits to come are later than that of `generation`. For whoever has just
    /// been given the memory. A claimer of a wait from before finds no `OPEN` of its generation here, neither
    /// in the zeroes nor in what is written now, nor ever after.
    pub(crate) fn start_above(&self, generation: u64) {
        self.0
            .store(generation << 16 | u64::from(CLOSED), Ordering::Relaxed);
    }

    /// Tries to end the wait in the name of `winner`: an arm or [`TIMEOUT`].
    ///
    /// Whoever gets `true` has to make the owner ready, and is the only one.
    #[inline]
    #[must_use]
    pub(crate) fn claim(&self, wait: Wait, winner: u16) -> bool {
        debug_assert!(winner <= LAST_ARM || winner == TIMEOUT, "not a winner");
        self.0
            .compare_exchange(
                wait.word(OPEN),
                wait.word(winner),
                Ordering::AcqRel,
                Ordering::Relaxed,
            )
            .is_ok()
    }

    /// Returns who ended the wait, if somebody has. Owner only.
    #[inline]
    pub(crate) fn winner(&self, wait: Wait) -> Option<u16> {
        state_of(self.0.load(Ordering::Acquire), wait).and_then(winner_of)
    }

    /// Ends the wait for good: no later claim of it succeeds. Returns who had ended it already.
    /// Owner only.
    ///
    /// A wait that was won stays readable by `winner` until the next `open`, and costs one load
    /// here.
    #[inline]
    pub(crate) fn close(&self, wait: Wait) -> Option<u16> {
        let state = match state_of(self.0.load(Ordering::Acquire), wait)? {
            OPEN => self
                .0
                .compare_exchange(
                    wait.word(OPEN),
                    wait.word(CLOSED),
                    Ordering::Relaxed,
                    Ordering::Acquire,
                )
                .map_or_else(|won| won as u16, |_| CLOSED),
            state => state,
        };
        winner_of(state)
    }

    /// Returns whether the wait can still be claimed. Any thread; a `true` may be out of date.
    #[inline]
    pub(crate) fn is_open(&self, wait: Wait) -> bool {
        self.0.load(Ordering::Acquire) == wait.word(OPEN)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{LAST_ARM, TIMEOUT, Ticket};

    #[test]
    fn the_first_claim_wins_and_the_second_fails() {
        let ticket = Ticket::new();
        let wait = ticket.open();
        assert!(ticket.is_open(wait));
        assert_eq!(ticket.winner(wait), None);
        assert!(ticket.claim(wait, 3));
        assert!(!ticket.claim(wait, TIMEOUT));
        assert!(!ticket.is_open(wait));
        assert_eq!(ticket.winner(wait), Some(3));
        assert_eq!(ticket.close(wait), Some(3));
    }

    #[test]
    fn every_winner_is_reported_as_itself() {
        let ticket = Ticket::new();
        for winner in [0, 1, LAST_ARM, TIMEOUT] {
            let wait = ticket.open();
            assert!(ticket.claim(wait, winner));
            assert_eq!(ticket.winner(wait), Some(winner));
            assert_eq!(ticket.close(wait), Some(winner));
        }
    }

    #[test]
    fn a_closed_wait_cannot_be_claimed() {
        let ticket = Ticket::new();
        let wait = ticket.open();
        assert_eq!(ticket.close(wait), None);
        assert!(!ticket.claim(wait, 0));
        assert!(!ticket.is_open(wait));
        assert_eq!(ticket.winner(wait), None);
        assert_eq!(ticket.close(wait), None);
    }

    #[test]
    fn an_older_wait_neither_claims_nor_closes_nor_reads_a_newer_one() {
        let ticket = Ticket::new();
        let older = ticket.open();
        assert!(ticket.claim(older, 5));
        let newer = ticket.open();
        assert_ne!(older, newer);
        assert!(!ticket.claim(older, 5));
        assert!(!ticket.is_open(older));
        assert_eq!(ticket.winner(older), None);
        assert_eq!(ticket.close(older), None);
        assert!(ticket.is_open(newer));
        assert!(ticket.claim(newer, 6));
    }

    #[test]
    fn a_wait_from_before_the_memory_was_zeroed_never_wins() {
        let ticket = Ticket::new();
        let older = ticket.open();
        assert_eq!(ticket.close(older), None);
        let floor = ticket.generation();
        ticket.0.store(0, super::Ordering::Relaxed);
        assert!(!ticket.claim(older, 1) && !ticket.is_open(older));
        ticket.start_above(floor);
        assert!(!ticket.claim(older, 1));
        let newer = ticket.open();
        assert!(!ticket.claim(older, 1) && !ticket.is_open(older));
        assert!(ticket.claim(newer, 2));
    }

    #[test]
    fn generations_wrap_around() {
        let ticket = Ticket::new();
        ticket.0.store(u64::MAX << 16, super::Ordering::Relaxed);
        let wait = ticket.open();
        assert!(ticket.claim(wait, 1));
        assert_eq!(ticket.winner(wait), Some(1));
    }
}

#[cfg(all(test, loom))]
mod model {
    use super::{Ticket, Wait};
    use crate::primitive::parker::Parker;
    use crate::primitive::spin::Spin;
    use crate::primitive::sync::{AtomicU32, Ordering};
    use loom::sync::Arc;
    use loom::thread;

    fn check(f: impl Fn() + Sync + Send + 'static) {
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = Some(3);
        builder.check(f);
    }

    #[test]
    fn exactly_one_of_three_claims_wins() {
        check(|| {
            let ticket = Arc::new(Ticket::new());
            let wait = ticket.open();
            let claimers: Vec<_> = (1..3)
                .map(|winner| {
                    let ticket = ticket.clone();
                    thread::spawn(move || ticket.claim(wait, winner))
                })
                .collect();
            let own = ticket.claim(wait, 0);
            let won: Vec<_> = std::iter::once(own)
                .chain(claimers.into_iter().map(|claimer| claimer.join().unwrap()))
                .collect();
            assert_eq!(won.iter().filter(|won| **won).count(), 1);
            assert!(won[usize::from(ticket.winner(wait).unwrap())]);
        });
    }

    /// Either the claim wins and `close` says so, or `close` wins and the claim knows.
    #[test]
    fn close_and_claim_agree() {
        check(|| {
            let ticket = Arc::new(Ticket::new());
            let wait = ticket.open();
            let claimer = {
                let ticket = ticket.clone();
                thread::spawn(move || ticket.claim(wait, 7))
            };
            let closed = ticket.close(wait);
            let next = ticket.open();
            let won = claimer.join().unwrap();
            assert_eq!(closed == Some(7), won);
            assert!(
                ticket.is_open(next),
                "a late claim cannot touch the next wait"
            );
        });
    }

    /// What the winner did before its claim is there once the owner knows of the claim.
    #[test]
    fn a_claim_hands_over_what_preceded_it() {
        fn owner_learns_by(learn: fn(&Ticket, Wait) -> Option<u16>) {
            check(move || {
                let shared = Arc::new((Ticket::new(), AtomicU32::new(0)));
                let wait = shared.0.open();
                let claimer = {
                    let shared = shared.clone();
                    thread::spawn(move || {
                        shared.1.store(1, Ordering::Relaxed);
                        shared.0.claim(wait, 4)
                    })
                };
                if learn(&shared.0, wait).is_some() {
                    assert_eq!(shared.1.load(Ordering::Relaxed), 1);
                }
                claimer.join().unwrap();
            });
        }
        owner_learns_by(Ticket::winner);
        owner_learns_by(Ticket::close);
    }

    /// A claimer that still holds an older wait never wins the newer one.
    #[test]
    fn a_stale_wait_never_wins() {
        check(|| {
            let ticket = Arc::new(Ticket::new());
            let older = ticket.open();
            let late = {
                let ticket = ticket.clone();
                thread::spawn(move || ticket.claim(older, 9))
            };
            let ended = ticket.close(older);
            let newer = ticket.open();
            let current = {
                let ticket = ticket.clone();
                thread::spawn(move || ticket.claim(newer, 1))
            };
            assert_eq!(late.join().unwrap(), ended == Some(9));
            assert!(current.join().unwrap());
            assert_eq!(ticket.winner(newer), Some(1));
        });
    }

    /// The whole way of a wait: open, publish, park; two claimers find it and race.
    #[test]
    fn a_parked_owner_is_woken_once_and_sees_its_winner() {
        struct Shared {
            ticket: Ticket,
            parker: Parker,
            /// Where claimers find the wait.
            published: Spin<Option<Wait>>,
            /// What each winner hands over, and how many woke the owner.
            message: AtomicU32,
            wakes: AtomicU32,
        }
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = Some(2);
        builder.check(|| {
            let shared = Arc::new(Shared {
                ticket: Ticket::new(),
                parker: Parker::new(),
                published: Spin::new(None),
                message: AtomicU32::new(0),
                wakes: AtomicU32::new(0),
            });
            let wait = shared.ticket.open();
            *shared.published.lock() = Some(wait);
            let claimers: Vec<_> = [1_u16, 2]
                .into_iter()
                .map(|winner| {
                    let shared = shared.clone();
                    thread::spawn(move || {
                        let wait = shared.published.lock().expect("published before the start");
                        if shared.ticket.claim(wait, winner) {
                            shared.message.store(winner.into(), Ordering::Relaxed);
                            shared.wakes.fetch_add(1, Ordering::Relaxed);
                            shared.parker.unpark();
                        }
                    })
                })
                .collect();
            shared.parker.park();
            let winner = shared.ticket.close(wait).expect("woken by a winner");
            assert_eq!(shared.message.load(Ordering::Relaxed), u32::from(winner));
            for claimer in claimers {
                claimer.join().unwrap();
            }
            assert_eq!(shared.wakes.load(Ordering::Relaxed), 1);
        });
    }
}
