//! How many Ps are idle and how many Ms search: what decides whether new work wakes an M.
//!
//! Waking an M costs a system call, and one woken for nothing costs several. Not waking one while a
//! P is idle leaves a goroutine waiting beside a free processor. The rule between the two is Go's:
//! **new work wakes an M only if some P is idle and no M is searching already.** A searching
//! ("spinning") M finds the work, and if it was the last one to search, it wakes its successor
//! before it runs what it found.
//!
//! # The states
//!
//! | idle Ps | spinning Ms | new work |
//! |---|---|---|
//! | 0 | any | wakes nobody: every P runs something or looks for it |
//! | > 0 | 0 | wakes one M, counted as spinning from that moment ([`Idle::try_wake`]) |
//! | > 0 | > 0 | wakes nobody: a spinning M will find it |
//!
//! | transition | by | change |
//! |---|---|---|
//! | [`Idle::try_wake`] | producer of work | spinning 0 → 1 if idle > 0; the producer starts an M |
//! | [`Idle::try_spin`] | an M with a P and nothing to run | spinning + 1 if fewer than half of the busy Ps spin |
//! | [`Idle::stop_spin`] | a spinning M that found work, or gave up | spinning − 1 |
//! | [`Idle::p_idle`], [`Idle::p_busy`] | whoever gives a P back, or takes one | idle ± 1 |
//!
//! # What each side has to do
//!
//! ```text
//!   producer                            consumer, an M that found nothing
//!   P1  publish the work                C1  stop_spin (if it spun) and p_idle, in either order
//!   P2  fence(SeqCst)                   C2  fence(SeqCst)
//!   P3  wants_wake? → try_wake          C3  look at every queue once more
//! ```
//!
//! A spinning M that finds work calls `stop_spin` before it runs it. If that says "the last", it
//! goes on like a producer at P2, for there may be more work than the piece it found.
//!
//! # Why no wake-up is lost
//!
//! Claim: work that is published never stays queued beside an idle P with nobody about to look.
//! Take the producer, and the consumer that made the P idle. Their two fences are partners, and
//! totally ordered.
//!
//! 1. P2 before C2. Then C3 sees what P1 wrote, and the consumer goes back to work.
//! 2. C2 before P2. Then P3 reads the word as C1 left it, or a later value:
//!    - idle > 0, spinning = 0: the producer wakes an M. Its CAS fails only if the word changed,
//!      and then the new value is judged.
//!    - spinning > 0: another M, X, searches. If X finds nothing, X becomes a consumer. Its C1 is
//!      later in the order of the word than the value that P3 read, so X's C2 cannot have come
//!      before P2; case 1 holds for X. If X finds other work, it is either not the last to spin,
//!      and the argument goes on with one of those; or it is, and continues at P2: its fence and
//!      load come after C1, and it judges the word again.
//!    - idle = 0: the P has been taken again, by an M that will look at the queues, and that is a
//!      consumer itself when it finds nothing. The argument starts over with that M.
//!
//! C3 is for every M that gives a P back, also for one that `try_spin` had turned away. Go leaves
//! it out there, for somebody spun at that moment; but if that M finds other work while the P still
//! counts as busy, nobody looks at what is left until the next wake-up.
//!
//! # Orderings
//!
//! The counts are one word, so each transition sees both. The read-modify-writes are `AcqRel`: the
//! M that takes an idle P sees what the one that gave it back had written. `wants_wake` is a
//! relaxed load, for the fence before it is the caller's; it is on the path of every wake-up and
//! mostly says no.
//!
//! Sources: Go, `runtime/proc.go`, "Worker thread parking/unparking" and `wakep`; the proof's form
//! is that of rayon's sleep module.

use crate::primitive::sync::{self, AtomicU64, Ordering};

/// One idle P: the low half of the word.
const IDLE: u64 = 1;
/// One spinning M: the high half.
const SPINNING: u64 = 1 << 32;

#[inline]
fn idle_of(word: u64) -> u32 {
    word as u32
}

#[inline]
fn spinning_of(word: u64) -> u32 {
    (word >> 32) as u32
}

/// Some P is idle and no M searches.
#[inline]
fn wants_wake(word: u64) -> bool {
    idle_of(word) > 0 && spinning_of(word) == 0
}

/// The counts.
pub(crate) struct Idle {
    /// Idle Ps below, spinning Ms above; changed only by the transitions below.
    counts: AtomicU64,
}

impl Idle {
    sync::const_fn! {
        /// Starts with no P idle and no M spinning.
        pub(crate) fn new() -> Self {
            Self { counts: AtomicU64::new(0) }
        }
    }

    /// Returns whether new work should start an M. The caller has published the work, and then
    /// fenced.
    #[inline]
    pub(crate) fn wants_wake(&self) -> bool {
        wants_wake(self.counts.load(Ordering::Relaxed))
    }

    /// Makes the caller the one that starts an M; the M is counted as spinning already.
    ///
    /// If the M cannot be started after all, `stop_spin` takes it back.
    #[inline]
    #[must_use]
    pub(crate) fn try_wake(&self) -> bool {
        self.counts
            .fetch_update(Ordering::AcqRel, Ordering::Relaxed, |word| {
                wants_wake(word).then_some(word + SPINNING)
            })
            .is_ok()
    }

    /// Lets an M that holds one of `procs` Ps search, unless half as many as run do so already.
    #[inline]
    #[must_use]
    pub(crate) fn try_spin(&self, procs: u32) -> bool {
        self.counts
            .fetch_update(Ordering::AcqRel, Ordering::Relaxed, |word| {
                let busy = u64::from(procs.saturating_sub(idle_of(word)));
                (2 * u64::from(spinning_of(word)) < busy).then_some(word + SPINNING)
            })
            .is_ok()
    }

    /// Ends a search; returns whether it was the last one.
    #[inline]
    #[must_use]
    pub(crate) fn stop_spin(&self) -> bool {
        let before = self.counts.fetch_sub(SPINNING, Ordering::AcqRel);
        debug_assert_ne!(spinning_of(before), 0, "the caller spins");
        spinning_of(before) == 1
    }

    /// Counts a P that was just given back.
    #[inline]
    pub(crate) fn p_idle(&self) {
        self.counts.fetch_add(IDLE, Ordering::AcqRel);
    }

    /// Counts a P that was just taken.
    #[inline]
    pub(crate) fn p_busy(&self) {
        let before = self.counts.fetch_sub(IDLE, Ordering::AcqRel);
        debug_assert_ne!(idle_of(before), 0, "the P was idle");
    }

    /// Returns the number of idle Ps.
    pub(crate) fn idle(&self) -> u32 {
        idle_of(self.counts.load(Ordering::Acquire))
    }

    /// Returns the number of spinning Ms.
    #[cfg(test)]
    pub(crate) fn spinning(&self) -> u32 {
        spinning_of(self.counts.load(Ordering::Acquire))
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::Idle;

    #[test]
    fn work_wakes_only_an_idle_p() {
        let idle = Idle::new();
        assert!(!idle.wants_wake() && !idle.try_wake());
        idle.p_idle();
        assert!(idle.wants_wake());
        assert!(idle.try_wake());
        assert_eq!((idle.idle(), idle.spinning()), (1, 1));
    }

    #[test]
    fn a_spinning_m_makes_wake_ups_unnecessary() {
        let idle = Idle::new();
        idle.p_idle();
        idle.p_idle();
        assert!(idle.try_wake());
        idle.p_busy();
        assert!(!idle.wants_wake() && !idle.try_wake());
        assert!(idle.stop_spin());
        assert!(idle.wants_wake());
    }

    #[test]
    fn at_most_half_of_the_busy_ps_spin() {
        let idle = Idle::new();
        assert!(idle.try_spin(4));
        assert!(idle.try_spin(4));
        assert!(!idle.try_spin(4));
        assert!(!idle.stop_spin());
        idle.p_idle();
        idle.p_idle();
        assert!(!idle.try_spin(4), "one of two busy Ps spins already");
        assert!(idle.stop_spin());
        assert!(idle.try_spin(4));
    }

    #[test]
    fn a_single_p_may_spin() {
        let idle = Idle::new();
        assert!(idle.try_spin(1));
        assert!(!idle.try_spin(1));
        assert!(idle.stop_spin());
    }

    #[test]
    fn fewer_ps_than_idle_ones_does_not_underflow() {
        let idle = Idle::new();
        idle.p_idle();
        idle.p_idle();
        assert!(!idle.try_spin(1));
    }

    #[test]
    fn the_counts_do_not_run_into_each_other() {
        let idle = Idle::new();
        for _ in 0..70_000 {
            idle.p_idle();
            assert!(idle.try_spin(u32::MAX));
        }
        assert_eq!((idle.idle(), idle.spinning()), (70_000, 70_000));
    }
}

#[cfg(all(test, loom))]
mod model {
    use super::Idle;
    use crate::primitive::sync::{AtomicU32, Ordering, fence};
    use loom::sync::Arc;
    use loom::thread;

    /// The counts, and a "queue" of which only the length matters.
    struct Shared {
        idle: Idle,
        queued: AtomicU32,
    }

    impl Shared {
        fn new() -> Arc<Self> {
            Arc::new(Self {
                idle: Idle::new(),
                queued: AtomicU32::new(0),
            })
        }

        /// P1; release, like the push of a queue.
        fn publish(&self) {
            self.queued.fetch_add(1, Ordering::Release);
        }

        /// P2 and P3; returns whether the producer has to start an M.
        fn wake(&self) -> bool {
            fence(Ordering::SeqCst);
            self.idle.wants_wake() && self.idle.try_wake()
        }

        fn produce(&self) -> bool {
            self.publish();
            self.wake()
        }

        /// A look at the queue, which takes one piece.
        fn take(&self) -> bool {
            // The load decides alone whether the queue looks empty, as in the real ones: an
            // exchange would see the latest value and hide a missing fence.
            self.queued.load(Ordering::Acquire) != 0
                && self
                    .queued
                    .fetch_update(Ordering::AcqRel, Ordering::Relaxed, |n| n.checked_sub(1))
                    .is_ok()
        }

        /// C1 to C3, after a search without success; returns whether the last look found work.
        fn rest(&self) -> bool {
            let _was_last = self.idle.stop_spin();
            self.rest_without_spin()
        }

        /// The same, with the P given back first.
        fn rest_other_way(&self) -> bool {
            self.idle.p_idle();
            let _was_last = self.idle.stop_spin();
            fence(Ordering::SeqCst);
            self.take()
        }

        /// The same for an M that did not spin.
        fn rest_without_spin(&self) -> bool {
            self.idle.p_idle();
            fence(Ordering::SeqCst);
            self.take()
        }
    }

    fn check(f: impl Fn() + Sync + Send + 'static) {
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = Some(3);
        builder.check(f);
    }

    fn producer_against_one_consumer(rest: fn(&Shared) -> bool) {
        check(move || {
            let shared = Shared::new();
            assert!(shared.idle.try_spin(2));
            let consumer = {
                let shared = shared.clone();
                thread::spawn(move || rest(&shared))
            };
            let woke = shared.produce();
            let found = consumer.join().unwrap();
            assert!(woke || found, "the work lies beside an idle P");
        });
    }

    #[test]
    fn producer_and_resting_consumer_do_not_both_miss() {
        producer_against_one_consumer(Shared::rest);
    }

    #[test]
    fn the_order_of_the_consumers_counts_does_not_matter() {
        producer_against_one_consumer(Shared::rest_other_way);
    }

    /// Case "spinning > 0" of the proof: two searchers give up while the work comes.
    #[test]
    fn two_resting_consumers_do_not_both_miss() {
        check(|| {
            let shared = Shared::new();
            assert!(shared.idle.try_spin(4));
            assert!(shared.idle.try_spin(4));
            let consumers: Vec<_> = (0..2)
                .map(|_| {
                    let shared = shared.clone();
                    thread::spawn(move || shared.rest())
                })
                .collect();
            let woke = shared.produce();
            let found = consumers
                .into_iter()
                .map(|consumer| consumer.join().unwrap())
                .filter(|found| *found)
                .count();
            assert!(woke || found == 1);
        });
    }

    /// The spinning M finds one of two pieces, while an M that was turned away gives its P back.
    #[test]
    fn an_m_that_did_not_spin_does_not_leave_work_behind() {
        check(|| {
            let shared = Shared::new();
            assert!(shared.idle.try_spin(2));
            assert!(!shared.idle.try_spin(2));
            shared.publish();
            shared.publish();
            let turned_away = {
                let shared = shared.clone();
                thread::spawn(move || shared.rest_without_spin())
            };
            assert!(shared.take());
            let woke = shared.idle.stop_spin() && shared.wake();
            let found = turned_away.join().unwrap();
            assert!(woke || found, "the second piece lies beside an idle P");
        });
    }

    /// Of two producers that see an idle P, one starts an M.
    #[test]
    fn two_producers_start_one_m() {
        check(|| {
            let shared = Shared::new();
            shared.idle.p_idle();
            let other = {
                let shared = shared.clone();
                thread::spawn(move || shared.produce())
            };
            let own = shared.produce();
            let other = other.join().unwrap();
            assert_ne!(own, other);
            assert_eq!(shared.idle.spinning(), 1);
        });
    }
}
