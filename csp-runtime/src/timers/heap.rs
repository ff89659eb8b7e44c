//! The deadlines of one P: a min-heap that ends waits.
//!
//! An entry, `{ when, wait, sleeper }`, says: at `when`, claim `wait` on the sleeper's ticket with
//! `TIMEOUT`. Whoever wins that claim makes the sleeper ready; the heap only returns the sleepers
//! it won.
//!
//! **Nothing is removed.** A wait that ends early, which is what most timeouts are for, leaves its
//! entry behind. The ticket shows that it is stale: the generation is no longer open, and a claim
//! of it fails. Stale entries are counted ([`TimerHeap::note_stale`]), and once they may be more
//! than half of the heap, an insertion sweeps them out in linear time. A sweep consumes as many
//! notes as half of the entries it looks at, so it costs about two looks for each. The alternative,
//! a heap position kept up to date in every sleeper, writes to a cold control block at each step of
//! each sift.
//!
//! Invariants:
//! - The entries have the order of [`super::order`]. `next` is the first entry's `when`, or
//!   `NEVER`; it is written under the lock.
//! - Every sleeper stays valid: it lies in type-stable memory, as [`Sleeper`] demands.
//! - Under the lock there is no allocation, no deallocation, and no code of the caller.
//!
//! **Who sees `next` in time.** The M that holds the heap's P looks at each pick, so whoever inserts
//! there has nobody to tell. If the P is kept busy by one goroutine, an idle M or sysmon sees the
//! deadline, at the latest with sysmon's slowest look, after 10 ms.
//!
//! Ties are fired in no particular order: a sequence number would make an entry a third bigger, and
//! at nanoseconds a tie is an accident.
//!
//! A timing wheel (tokio's) was rejected: it fires within a millisecond, and a sleep of 50 us is to
//! take 50 us. Source for deleting lazily and counting what is stale: Go, `runtime/time.go`.
#![expect(
    unsafe_code,
    reason = "looks at tickets in control blocks that it does not own"
)]

use std::ptr::NonNull;

use super::order::{self, Deadline};
use crate::primitive::clock::NEVER;
use crate::primitive::spin::{Spin, SpinGuard};
use crate::primitive::sync::{self, AtomicU64, AtomicUsize, Ordering};
use crate::protocol::ticket::{TIMEOUT, Ticket, Wait};

/// Stale entries below which a sweep is not worth its lock.
const MIN_STALE: usize = 64;
/// Sleepers fired, and entries looked at, during one hold of the lock.
const BATCH: usize = 32;
/// Room that the first insertion makes.
const FIRST_ROOM: usize = 64;

/// What waits for a deadline.
///
/// `Sync`, because the heap of one P is run by other Ps too.
///
/// # Safety
///
/// Sleepers lie in type-stable memory: every pointer of this type that the crate gives to a heap
/// points to a valid value of the type, to which there is no `&mut`, for as long as the process
/// runs.
pub(crate) unsafe trait Sleeper: Sync {
    /// Returns the ticket that every wait of this sleeper is opened on.
    fn ticket(&self) -> &Ticket;
}

/// A deadline.
struct Entry<S> {
    when: u64,
    wait: Wait,
    sleeper: NonNull<S>,
}

impl<S> Clone for Entry<S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for Entry<S> {}

impl<S> Deadline for Entry<S> {
    #[inline]
    fn when(&self) -> u64 {
        self.when
    }
}

// SAFETY: the pointer is used to reach the ticket through `&S` only, and `S: Sync` wherever that
// happens.
unsafe impl<S: Sync> Send for Entry<S> {}

impl<S: Sleeper> Entry<S> {
    fn ticket(&self) -> &Ticket {
        // SAFETY: `Sleeper` promises that the pointer is valid for ever.
        unsafe { self.sleeper.as_ref() }.ticket()
    }

    fn is_open(&self) -> bool {
        self.ticket().is_open(self.wait)
    }
}

/// Memory for entries, obtained and freed outside the lock.
pub(crate) struct Store<S>(Vec<Entry<S>>);

/// The heap has no room for another entry.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Full {
    /// The room that it had.
    room: usize,
}

impl Full {
    /// Allocates twice the room.
    pub(crate) fn allocate<S>(self) -> Store<S> {
        Store(Vec::with_capacity((self.room * 2).max(FIRST_ROOM)))
    }
}

/// The heap.
pub(crate) struct TimerHeap<S: Sleeper> {
    /// The earliest `when`, or `NEVER`. Written under the lock, read by anybody.
    next: AtomicU64,
    /// Entries whose wait has ended early, as far as noted: a hint. Added to by anybody, taken from
    /// under the lock only, so that it cannot fall below zero.
    stale: AtomicUsize,
    /// The entries in heap order; protected by its lock.
    entries: Spin<Vec<Entry<S>>>,
}

impl<S: Sleeper> TimerHeap<S> {
    sync::const_fn! {
        pub(crate) fn new() -> Self {
            Self {
                next: AtomicU64::new(NEVER),
                stale: AtomicUsize::new(0),
                entries: Spin::new(Vec::new()),
            }
        }
    }

    /// Returns the earliest deadline, stale ones included, or `NEVER`. Takes no lock.
    #[inline]
    pub(crate) fn next(&self) -> u64 {
        self.next.load(Ordering::Acquire)
    }

    /// Returns the number of entries, stale ones included.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.entries.lock().len()
    }

    /// Counts an entry whose wait has ended before its deadline. Called once for each, after the
    /// end.
    #[inline]
    pub(crate) fn note_stale(&self) {
        self.stale.fetch_add(1, Ordering::Relaxed);
    }

    /// Drops the entries whose wait has ended, so that `next` tells of a wait that is still open. Takes
    /// linear time.
    pub(crate) fn drop_stale(&self) {
        self.sweep(&mut self.entries.lock());
    }

    /// Adds a deadline; returns whether it has become the earliest. `NEVER` adds nothing.
    ///
    /// Allocates, with the lock released, if there is no room. A caller that must not allocate uses
    /// `try_insert` and `install` itself.
    pub(crate) fn insert(&self, when: u64, wait: Wait, sleeper: NonNull<S>) -> bool {
        loop {
            match self.try_insert(when, wait, sleeper) {
                Ok(earliest) => return earliest,
                Err(full) => drop(self.install(full.allocate())),
            }
        }
    }

    /// Adds a deadline if there is room; returns whether it has become the earliest.
    ///
    /// # Errors
    ///
    /// There is no room: `install` what the error allocates, drop what that returns, and try again.
    pub(crate) fn try_insert(
        &self,
        when: u64,
        wait: Wait,
        sleeper: NonNull<S>,
    ) -> Result<bool, Full> {
        if when == NEVER {
            return Ok(false);
        }
        let mut entries = self.entries.lock();
        let stale = self.stale.load(Ordering::Relaxed);
        if stale > MIN_STALE && stale > entries.len() / 2 {
            self.sweep(&mut entries);
        }
        let index = entries.len();
        if index == entries.capacity() {
            return Err(Full { room: index });
        }
        entries.push(Entry {
            when,
            wait,
            sleeper,
        });
        order::sift_up(&mut entries, index);
        let earliest = when < self.next.load(Ordering::Relaxed);
        if earliest {
            self.publish(&entries);
        }
        Ok(earliest)
    }

    /// Exchanges the memory of the heap for a bigger one; returns what is to be dropped.
    #[must_use]
    pub(crate) fn install(&self, mut store: Store<S>) -> Store<S> {
        let mut entries = self.entries.lock();
        // Somebody else may have installed as much in the meantime.
        if store.0.capacity() > entries.capacity() {
            store.0.append(&mut entries);
            std::mem::swap(&mut *entries, &mut store.0);
        }
        drop(entries);
        store
    }

    /// Ends up to `max` waits whose deadline is not after `now`, the earliest first, and calls
    /// `fired` for each sleeper whose claim was won; returns the next deadline.
    ///
    /// `fired` is called without the lock. After `max`, the deadline returned may be due.
    pub(crate) fn pop_due(&self, now: u64, max: usize, fired: &mut impl FnMut(NonNull<S>)) -> u64 {
        let mut left = max;
        loop {
            let next = self.next();
            if next > now || left == 0 {
                return next;
            }
            let mut batch = [None; BATCH];
            let won = self.pop_batch(now, &mut batch[..left.min(BATCH)]);
            left -= won;
            batch.into_iter().flatten().for_each(&mut *fired);
        }
    }

    /// One hold of the lock: fills `won` from the front with sleepers whose claim succeeded;
    /// returns their number. Looks at a bounded number of entries.
    #[cold]
    fn pop_batch(&self, now: u64, won: &mut [Option<NonNull<S>>]) -> usize {
        let mut count = 0;
        let mut lost = 0;
        let mut entries = self.entries.lock();
        let due = |entry: &Entry<S>| entry.when <= now;
        while count < won.len() && lost < BATCH {
            let Some(entry) = order::pop_first_if(&mut entries, due) else {
                break;
            };
            if entry.ticket().claim(entry.wait, TIMEOUT) {
                won[count] = Some(entry.sleeper);
                count += 1;
            } else {
                lost += 1;
            }
        }
        self.publish(&entries);
        // A wait that ended early may be noted only after its entry has gone; then a sweep comes
        // too soon some day, and sets the count right.
        let stale = self.stale.load(Ordering::Relaxed);
        self.stale.fetch_sub(stale.min(lost), Ordering::Relaxed);
        count
    }

    /// Moves all live entries to `other`; returns whether its earliest deadline has changed.
    ///
    /// The locks are taken one after the other; a reader in between finds the entries in neither.
    /// The caller has stopped whoever would go to sleep over that, or looks at `other` again.
    pub(crate) fn drain_into(&self, other: &TimerHeap<S>) -> bool {
        let taken = {
            let mut entries = self.entries.lock();
            let taken = std::mem::take(&mut *entries);
            self.stale.store(0, Ordering::Relaxed);
            self.publish(&entries);
            taken
        };
        let mut live = taken;
        live.retain(Entry::is_open);
        if live.is_empty() {
            return false;
        }
        let mut entries = other.lock_with_room(live.len());
        entries.extend_from_slice(&live);
        order::heapify(&mut entries);
        let before = other.next.load(Ordering::Relaxed);
        other.publish(&entries);
        drop(entries);
        other.next() < before
    }

    /// Locks the heap with room for `more` entries, and allocates that, if need be, without the
    /// lock.
    fn lock_with_room(&self, more: usize) -> SpinGuard<'_, Vec<Entry<S>>> {
        loop {
            let entries = self.entries.lock();
            let wanted = entries.len() + more;
            if wanted <= entries.capacity() {
                return entries;
            }
            drop(entries);
            drop(self.install(Full { room: wanted }.allocate()));
        }
    }

    /// Drops every entry that is no longer open.
    #[cold]
    fn sweep(&self, entries: &mut Vec<Entry<S>>) {
        // Set before the look: what is noted from now on is counted for the next sweep.
        self.stale.store(0, Ordering::Relaxed);
        entries.retain(Entry::is_open);
        order::heapify(entries);
        self.publish(entries);
    }

    /// Writes `next`. The caller holds the lock of `entries`.
    fn publish(&self, entries: &[Entry<S>]) {
        let next = entries.first().map_or(NEVER, |entry| entry.when);
        self.next.store(next, Ordering::Release);
    }
}

#[cfg(all(test, not(loom)))]
mod tests;

#[cfg(all(test, loom))]
mod model {
    use super::{NonNull, Sleeper, TIMEOUT, Ticket, TimerHeap};
    use loom::sync::Arc;
    use loom::thread;

    struct Goroutine(Ticket);

    // SAFETY: the sleeper of a model lies beside its heap and is never borrowed mutably.
    unsafe impl Sleeper for Goroutine {
        fn ticket(&self) -> &Ticket {
            &self.0
        }
    }

    struct Shared {
        heap: TimerHeap<Goroutine>,
        sleeper: Goroutine,
    }

    impl Shared {
        fn new() -> Arc<Self> {
            Arc::new(Self {
                heap: TimerHeap::new(),
                sleeper: Goroutine(Ticket::new()),
            })
        }

        fn insert(&self, when: u64) -> super::Wait {
            let wait = self.sleeper.0.open();
            self.heap.insert(when, wait, NonNull::from(&self.sleeper));
            wait
        }

        fn fire(&self) -> usize {
            let mut fired = 0;
            self.heap.pop_due(10, usize::MAX, &mut |_| fired += 1);
            fired
        }
    }

    fn check(f: impl Fn() + Sync + Send + 'static) {
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = Some(3);
        builder.check(f);
    }

    #[test]
    fn of_a_timeout_and_another_waker_exactly_one_wins() {
        check(|| {
            let shared = Shared::new();
            let wait = shared.insert(5);
            let waker = {
                let shared = shared.clone();
                thread::spawn(move || shared.sleeper.0.claim(wait, 1))
            };
            let fired = shared.fire();
            let woken = waker.join().unwrap();
            assert_eq!(fired + usize::from(woken), 1);
            let winner = if woken { 1 } else { TIMEOUT };
            assert_eq!(shared.sleeper.0.close(wait), Some(winner));
            assert_eq!(shared.heap.len(), 0);
        });
    }

    /// Two Ps run the same heap: the sleeper is readied once.
    #[test]
    fn two_who_fire_ready_a_sleeper_once() {
        check(|| {
            let shared = Shared::new();
            shared.insert(5);
            let other = {
                let shared = shared.clone();
                thread::spawn(move || shared.fire())
            };
            let own = shared.fire();
            assert_eq!(own + other.join().unwrap(), 1);
        });
    }

    /// The owner's wait ends, and it waits again with a later deadline, while the older one fires.
    #[test]
    fn an_older_deadline_does_not_end_a_newer_wait() {
        check(|| {
            let shared = Shared::new();
            let older = shared.insert(5);
            let other = {
                let shared = shared.clone();
                thread::spawn(move || shared.fire())
            };
            let ended = shared.sleeper.0.close(older);
            let newer = shared.insert(20);
            assert_eq!(other.join().unwrap(), usize::from(ended == Some(TIMEOUT)));
            assert!(shared.sleeper.0.is_open(newer));
        });
    }
}
