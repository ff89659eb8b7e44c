//! `Barrier`: a place where tasks wait for each other.
//!
//! The last to arrive wakes all the others and starts the next generation under the same lock, so no number of the
//! generation is needed: whoever is in the list belongs to the present one.

use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};

use crate::goroutine::Reason;
use crate::primitive::spin::Spin;
use crate::primitive::sync;
use crate::sched;
use crate::sync::line::{self, Line};
use crate::wait::{Task, WaitList, Wakes};

/// Lets a number of goroutines or threads wait until all of them have come so far.
///
/// It can be used again and again: the next round begins when a round is complete.
///
/// # Examples
///
/// ```
/// use csp::prelude::*;
/// use csp::sync::Barrier;
/// use csp::sync::atomic::{AtomicU32, Ordering};
///
/// let (barrier, arrived) = (Barrier::new(4), AtomicU32::new(0));
/// scope(|s| {
///     for _ in 0..4 {
///         let (barrier, arrived) = (&barrier, &arrived);
///         go!(in s => {
///             arrived.fetch_add(1, Ordering::Relaxed);
///             barrier.wait();
///             assert_eq!(arrived.load(Ordering::Relaxed), 4);
///         });
///     }
/// });
/// ```
pub struct Barrier {
    /// How many make a round.
    size: usize,
    round: Spin<Round>,
}

// No user code runs under the lock.
impl UnwindSafe for Barrier {}
impl RefUnwindSafe for Barrier {}

/// The present round.
struct Round {
    /// How many have come: fewer than `size`, and as many as wait.
    arrived: usize,
    waiters: WaitList,
}

/// Tells the leader of a round from the others.
#[derive(Debug)]
pub struct BarrierWaitResult {
    leader: bool,
}

impl BarrierWaitResult {
    /// Whether the caller is the one of the round that leads; it is the last that came.
    #[must_use]
    pub fn is_leader(&self) -> bool {
        self.leader
    }
}

impl Barrier {
    sync::const_fn! {
        /// Makes a barrier for rounds of `n`; 0 is the same as 1, where nobody waits.
        pub fn new(n: usize) -> Self {
            Self {
                size: n,
                round: Spin::new(Round {
                    arrived: 0,
                    waiters: WaitList::new(),
                }),
            }
        }
    }

    /// Waits until as many have called this as make a round. One of them is the leader.
    ///
    /// What each did before its call is visible to all after theirs.
    #[track_caller]
    pub fn wait(&self) -> BarrierWaitResult {
        let line = Line::forever(Reason::Barrier);
        Task::warm_up();
        sched::checkpoint();
        let mut round = self.round.lock();
        round.arrived += 1;
        if round.arrived < self.size {
            let ended = line.wait(&self.round, round, |round| &mut round.waiters, 0);
            debug_assert!(ended.is_ok(), "a wait without a deadline");
            return BarrierWaitResult { leader: false };
        }
        round.arrived = 0;
        let mut wakes = Wakes::new();
        line::claim_all(&mut round.waiters, &mut wakes);
        line::unlock_and_wake(round, wakes);
        BarrierWaitResult { leader: true }
    }
}

impl fmt::Debug for Barrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Barrier").finish_non_exhaustive()
    }
}

#[cfg(all(test, loom))]
mod model {
    use super::Barrier;
    use crate::primitive::model::{Plain, check};
    use loom::sync::Arc;
    use loom::thread;

    /// Two rounds of two: each sees what the other did before, and each round has one leader.
    #[test]
    fn loom_a_round_ends_for_all_and_has_one_leader() {
        check(3, || {
            let words = [(); 4].map(|()| Plain::new());
            let shared = Arc::new((Barrier::new(2), words));
            let rounds = |shared: &(Barrier, [Plain; 4]), own: usize| {
                [0, 2].map(|round| {
                    shared.1[round + own].set(1);
                    let leader = shared.0.wait().is_leader();
                    assert_eq!(shared.1[round + 1 - own].get(), 1);
                    leader
                })
            };
            let other = {
                let shared = shared.clone();
                thread::spawn(move || rounds(&shared, 1))
            };
            let own = rounds(&shared, 0);
            let other = other.join().unwrap();
            assert!(own[0] != other[0] && own[1] != other[1]);
        });
    }
}
