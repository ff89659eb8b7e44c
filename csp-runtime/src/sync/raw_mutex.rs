//! A mutex without its data: the word, the queue, and how one waits.
//!
//! The word and its proof are in [`protocol::mutex`](crate::protocol::mutex). Free and uncontended, lock and unlock are
//! one locked instruction each, in user code; all else happens here.
//!
//! ```text
//!   lock, contended                               unlock, somebody waits
//!   take it if it is free: barging                nobody awake: take the first out of the queue, wake it
//!   spin a little, if the holder may be running   starving:     take the first out, it holds the mutex, wake it
//!   queue, park
//!   woken: try again, or queue in front
//!   handed over: hold it
//! ```
//!
//! **Barging.** A mutex that is free goes to whoever comes first, not to the one that has just been woken: the holder of
//! a P takes it again without a switch, which is several times faster than order. Who has waited for a millisecond and
//! misses it again has the mutex handed over in order from then on, until one gets it who has waited for less.
//!
//! Source: the algorithm of Go's `sync.Mutex`.

use std::panic::Location;

use crate::goroutine::Reason;
use crate::primitive::clock::{self, NEVER};
use crate::primitive::spin::Spin;
use crate::primitive::sync::{const_fn, spin_loop};
use crate::protocol::mutex::{MutexWord, Taken, Unlocked, Unsettled};
use crate::sched;
use crate::wait::{Outcome, Task, WaitList, Waiter};

/// Nanoseconds after which a waiter starves. In a model nothing may depend on the clock.
const STARVES: u64 = if cfg!(loom) { u64::MAX } else { 1_000_000 };
/// Rounds of spinning before one queues, and looks a round.
const ROUNDS: u32 = if cfg!(loom) { 0 } else { 4 };
const LOOKS: u32 = 30;

/// A mutex without data.
pub(super) struct RawMutex {
    word: MutexWord,
    /// Those who wait. `QUEUED` of the word says whether it is empty.
    queue: Spin<WaitList>,
}

impl RawMutex {
    const_fn! {
        /// A mutex that is free.
        pub(super) fn new() -> Self {
            Self { word: MutexWord::new(), queue: Spin::new(WaitList::new()) }
        }
    }

    /// Locks, waiting as long as it takes.
    #[inline(always)]
    pub(super) fn lock(&self, at: &'static Location<'static>) {
        if !self.word.take_free() {
            self.lock_slow(NEVER, at);
        }
    }

    /// Locks if it is possible at once.
    #[inline]
    pub(super) fn try_lock(&self) -> bool {
        self.word.take_free() || self.word.take(false) == Taken::Yes
    }

    /// Locks unless the clock reaches `deadline` first; false then.
    pub(super) fn lock_until(&self, deadline: u64, at: &'static Location<'static>) -> bool {
        self.word.take_free() || self.lock_slow(deadline, at)
    }

    /// Unlocks. The caller holds the mutex. It may be in a section.
    #[inline(always)]
    pub(super) fn unlock(&self) {
        if let Some(unsettled) = self.word.unlock() {
            self.unlock_slow(unsettled);
        }
    }

    #[cold]
    #[inline(never)]
    fn unlock_slow(&self, unsettled: Unsettled) {
        let handed_over = match self.word.settle(unsettled) {
            Unlocked::Done => return,
            Unlocked::Wake => false,
            Unlocked::HandOver => true,
        };
        let mut queue = self.queue.lock();
        let first = queue.claim();
        let left = !queue.is_empty();
        match (first, handed_over) {
            (Some(first), true) => {
                self.word.hand_over(left);
                first.set_outcome(Outcome::Done);
            }
            (Some(first), false) => {
                self.word.woke_first(left);
                first.set_outcome(Outcome::Withdrawn);
            }
            (None, true) => self.word.handed_to_nobody(),
            (None, false) => self.word.woke_nobody(),
        }
        let inside = queue.unlock();
        if let Some(first) = first {
            first.task().ready();
        }
        drop(inside);
    }

    /// The rest of locking; false if the time was up.
    #[cold]
    #[inline(never)]
    fn lock_slow(&self, deadline: u64, at: &'static Location<'static>) -> bool {
        Task::warm_up();
        sched::checkpoint();
        let mut since = 0;
        let (mut awake, mut starves) = (false, false);
        let mut rounds = if sched::may_spin() { 0 } else { ROUNDS };
        loop {
            match self.word.take(awake) {
                Taken::Yes => return true,
                Taken::Held if rounds < ROUNDS => {
                    rounds += 1;
                    for _ in 0..LOOKS {
                        spin_loop();
                    }
                    continue;
                }
                Taken::Held | Taken::Starving => {}
            }
            let now = clock::now();
            if since == 0 {
                since = now;
            }
            if is_up(deadline, now, awake) {
                return awake && self.word.give_up() == Taken::Yes;
            }
            starves |= now - since > STARVES;
            match self.wait(awake, starves, deadline, at) {
                Waited::Taken => return true,
                Waited::TimedOut => return false,
                Waited::HandedOver => {
                    if clock::now() - since <= STARVES {
                        self.word.end_starvation();
                    }
                    return true;
                }
                Waited::Woken => awake = true,
            }
        }
    }

    /// Queues and parks, unless the mutex is free by now.
    fn wait(
        &self,
        awake: bool,
        starves: bool,
        deadline: u64,
        at: &'static Location<'static>,
    ) -> Waited {
        let mut queue = self.queue.lock();
        if self.word.queue(awake, starves) == Taken::Yes {
            return Waited::Taken;
        }
        let task = Task::current();
        let waiter = Waiter::new();
        let contest = (deadline < NEVER).then(|| task.ticket().open());
        waiter.prepare(task, contest, 0, std::ptr::null_mut());
        // Who has been at the front goes back there, or each wake-up would cost it its place.
        queue.push(&waiter, awake);
        let inside = queue.unlock();
        let mut timed_out = false;
        match contest {
            None => task.park(Reason::MutexLock, at),
            Some(wait) => {
                timed_out = task.park_until(wait, deadline, Reason::MutexLock, at);
                task.ticket().close(wait);
            }
        }
        drop(inside);
        if timed_out {
            let mut queue = self.queue.lock();
            queue.remove(&waiter);
            if queue.is_empty() {
                self.word.emptied();
            }
            return Waited::TimedOut;
        }
        match waiter.outcome() {
            Outcome::Done => Waited::HandedOver,
            _ => Waited::Woken,
        }
    }
}

/// Whether a deadline has passed for one who is about to queue. In a model it passes while one waits, or else between
/// the wake-up and the next attempt: so one who was awake gives up there.
fn is_up(deadline: u64, now: u64, awake: bool) -> bool {
    if cfg!(loom) {
        awake && deadline < NEVER
    } else {
        now >= deadline
    }
}

/// How a wait in the queue ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Waited {
    /// There was none: the mutex was free.
    Taken,
    /// By an unlock that leaves the mutex to whoever is first.
    Woken,
    /// By an unlock that left it to the waiter.
    HandedOver,
    /// By the clock.
    TimedOut,
}

#[cfg(all(test, loom))]
mod model {
    use super::*;
    use crate::primitive::model::{Plain, check};
    use loom::sync::Arc;
    use loom::thread;

    /// A deadline to come: the model decides when it does.
    const SOON: u64 = NEVER - 1;

    struct Shared {
        mutex: RawMutex,
        data: Plain,
    }

    fn shared() -> Arc<Shared> {
        Arc::new(Shared {
            mutex: RawMutex::new(),
            data: Plain::new(),
        })
    }

    fn count(shared: &Shared) {
        shared.mutex.lock(Location::caller());
        shared.data.set(shared.data.get() + 1);
        shared.mutex.unlock();
    }

    fn spawn(shared: &Arc<Shared>, f: impl FnOnce(&Shared) + 'static) -> thread::JoinHandle<()> {
        let shared = shared.clone();
        thread::spawn(move || f(&shared))
    }

    #[test]
    fn loom_holders_exclude_each_other_and_none_is_left_asleep() {
        check(3, || {
            let shared = shared();
            let others = [spawn(&shared, count), spawn(&shared, count)];
            count(&shared);
            for other in others {
                other.join().unwrap();
            }
            count(&shared);
            assert_eq!(shared.data.get(), 4);
            assert!(shared.mutex.try_lock());
        });
    }

    /// One that has been awake before comes back to the front, and starves: it is handed the mutex.
    #[test]
    fn loom_a_starving_waiter_is_handed_the_mutex() {
        check(3, || {
            let shared = shared();
            shared.mutex.lock(Location::caller());
            let starving = spawn(&shared, |shared| {
                // Another that was handed the mutex first may have ended the starvation: then it is only woken.
                let mut awake = false;
                while shared.mutex.wait(awake, true, NEVER, Location::caller()) == Waited::Woken {
                    awake = true;
                }
                shared.data.set(shared.data.get() + 1);
                shared.mutex.word.end_starvation();
                shared.mutex.unlock();
            });
            let other = spawn(&shared, count);
            shared.data.set(shared.data.get() + 1);
            shared.mutex.unlock();
            starving.join().unwrap();
            other.join().unwrap();
            assert_eq!(shared.data.get(), 3);
            count(&shared);
        });
    }

    fn count_in_time(shared: &Shared) {
        if shared.mutex.lock_until(SOON, Location::caller()) {
            shared.data.set(shared.data.get() + 1);
            shared.mutex.unlock();
        }
    }

    /// As [`count_in_time`] does that has starved from the first.
    fn count_starving_in_time(shared: &Shared) {
        let has_it = match shared.mutex.wait(false, true, SOON, Location::caller()) {
            Waited::Taken => true,
            Waited::HandedOver => {
                shared.mutex.word.end_starvation();
                true
            }
            Waited::Woken => shared.mutex.word.give_up() == Taken::Yes,
            Waited::TimedOut => false,
        };
        if has_it {
            shared.data.set(shared.data.get() + 1);
            shared.mutex.unlock();
        }
    }

    /// A waiter whose time is up leaves nobody behind it asleep, and no bit that makes the mutex unusable.
    #[test]
    fn loom_a_timed_out_waiter_leaves_the_mutex_whole() {
        check(3, || {
            let shared = shared();
            shared.mutex.lock(Location::caller());
            let timed = spawn(&shared, count_in_time);
            let other = spawn(&shared, count);
            shared.mutex.unlock();
            timed.join().unwrap();
            other.join().unwrap();
            count(&shared);
            assert!(matches!(shared.data.get(), 2 | 3));
        });
    }

    /// One whose time is up, asleep or awake, races with an unlock and a holder that was faster; another who queues
    /// behind that holder, when all this is over or not, is woken.
    fn who_sleeps_after_a_timeout_is_woken(timed: fn(&Shared)) {
        check(2, move || {
            let shared = shared();
            shared.mutex.lock(Location::caller());
            let holder = spawn(&shared, |shared| {
                shared.data.set(shared.data.get() + 1);
                shared.mutex.unlock();
                count(shared);
            });
            let later = spawn(&shared, count);
            // By the thread that runs already: loom spends no switch on that it queues.
            timed(&shared);
            holder.join().unwrap();
            later.join().unwrap();
            let counted = shared.mutex.try_lock().then(|| shared.data.get());
            assert!(matches!(counted, Some(3 | 4)));
        });
    }

    #[test]
    fn loom_who_sleeps_after_a_timeout_is_woken() {
        who_sleeps_after_a_timeout_is_woken(count_in_time);
    }

    #[test]
    fn loom_who_sleeps_after_the_timeout_of_a_starving_waiter_is_woken() {
        who_sleeps_after_a_timeout_is_woken(count_starving_in_time);
    }
}
