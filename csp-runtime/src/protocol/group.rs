//! How many goroutines of a wait group have not ended, who keeps the group alive, and whether anybody waits: one word.
//!
//! ```text
//!   63        62 … 32     31 … 0
//!   WAITING   count       owners
//! ```
//!
//! | state | who waits goes to sleep | counting down to zero | the last owner goes |
//! |---|---|---|---|
//! | count 0, quiet | no: returns | – | frees the group |
//! | count n, quiet | under the lock: becomes WAITING | one CAS, nobody to wake | frees the group |
//! | count n, WAITING | under the lock: no change | under the lock: quiet, and wakes all | cannot be: who waits is an owner |
//!
//! The lock is that of the list of those who wait, beside the word. Members are added and end by one CAS, without the lock,
//! but for the end that has somebody to wake.
//!
//! Invariants:
//! - WAITING is set and taken back under the lock only; there it says that the list is not empty. So whoever waits is in the
//!   list when the end that takes the count to zero gets the lock, and the next one that waits finds zero.
//! - With WAITING the count is not taken to zero without the lock; so it is not zero while WAITING is set.
//! - Who has to take the lock has changed nothing before, and is an owner still: the list is alive. It gives its owner
//!   back after the lock, when it has woken those who wait.
//! - Counting down releases and a count of zero is read with acquire, so that who waits sees what the members did; each change
//!   is a read-modify-write, so none hides an earlier one. For the same reason the last owner sees all.
//!
//! Rejected: count and list behind the one lock (a section and a call more for each member, and with two Ps each waits for
//! the lock of the other); Go's word, count and number of waiters, which needs a semaphore to wait on and a collector
//! for the owners.

use crate::primitive::sync::{AtomicU64, Ordering};

const WAITING: u64 = 1 << 63;
const COUNT: u64 = 1 << 32;
const COUNT_MAX: u64 = (1 << 31) - 1;
const OWNERS_MAX: u64 = u32::MAX as u64;

/// The word; see the module.
pub(crate) struct GroupWord(AtomicU64);

/// What one has to do who has changed the count, or has not.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Counted {
    /// Nothing.
    Done,
    /// Nothing has changed: it would be zero, and somebody waits. Do it under the lock.
    TakeLock,
    /// Under the lock: it is zero now. Wake all who wait.
    Wake,
    /// Nothing has changed: it would be negative.
    Negative,
    /// Nothing has changed: it would be too large.
    Overflow,
}

/// What a member has to do that has ended.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Ended {
    /// Nothing; the group must not be touched any more.
    Gone,
    /// It was the last owner: free the group.
    Free,
    /// Nothing has changed: count under the lock, then give the owner back.
    TakeLock,
    /// Nothing has changed: the count would be negative.
    Negative,
}

/// There would be too many of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct TooMany;

#[inline(always)]
fn count(word: u64) -> u64 {
    (word / COUNT) & COUNT_MAX
}

#[inline(always)]
fn owners(word: u64) -> u64 {
    word & OWNERS_MAX
}

impl GroupWord {
    /// Count zero, one owner.
    pub(crate) fn new() -> Self {
        Self(AtomicU64::new(1))
    }

    /// The count. Zero: all members have ended, and what they did is visible.
    #[inline]
    pub(crate) fn count(&self) -> u64 {
        count(self.0.load(Ordering::Acquire))
    }

    /// Exchanges a word for another, or says what is there instead.
    #[inline(always)]
    fn change(&self, now: u64, next: u64) -> Result<u64, u64> {
        self.0
            .compare_exchange_weak(now, next, Ordering::AcqRel, Ordering::Relaxed)
    }

    /// One more member: a count and an owner.
    #[inline]
    pub(crate) fn enter(&self) -> Result<(), TooMany> {
        self.grow(COUNT + 1)
    }

    /// One more owner.
    #[inline]
    pub(crate) fn share(&self) -> Result<(), TooMany> {
        self.grow(1)
    }

    #[inline(always)]
    fn grow(&self, by: u64) -> Result<(), TooMany> {
        let mut now = self.0.load(Ordering::Relaxed);
        loop {
            if owners(now) == OWNERS_MAX || (by > COUNT && count(now) == COUNT_MAX) {
                return Err(TooMany);
            }
            match self.change(now, now + by) {
                Ok(_) => return Ok(()),
                Err(found) => now = found,
            }
        }
    }

    /// One member less: a count and an owner.
    #[inline]
    pub(crate) fn leave(&self) -> Ended {
        let mut now = self.0.load(Ordering::Relaxed);
        loop {
            match count(now) {
                0 => return Ended::Negative,
                1 if now & WAITING != 0 => return Ended::TakeLock,
                _ => {}
            }
            match self.change(now, now - COUNT - 1) {
                Ok(before) if owners(before) == 1 => return Ended::Free,
                Ok(_) => return Ended::Gone,
                Err(found) => now = found,
            }
        }
    }

    /// One owner less; true if it was the last one, who frees the group.
    #[inline]
    #[must_use]
    pub(crate) fn unshare(&self) -> bool {
        owners(self.0.fetch_sub(1, Ordering::AcqRel)) == 1
    }

    /// Adds `n` to the count, without the lock.
    #[inline]
    pub(crate) fn add(&self, n: i64) -> Counted {
        self.add_as(n, false)
    }

    /// Adds `n` to the count. The caller has the lock.
    pub(crate) fn add_locked(&self, n: i64) -> Counted {
        self.add_as(n, true)
    }

    #[inline(always)]
    fn add_as(&self, n: i64, locked: bool) -> Counted {
        let mut now = self.0.load(Ordering::Relaxed);
        loop {
            let Some(sum) = (count(now) as i64).checked_add(n) else {
                return Counted::Overflow;
            };
            let Ok(sum) = u64::try_from(sum) else {
                return Counted::Negative;
            };
            if sum > COUNT_MAX {
                return Counted::Overflow;
            }
            let wakes = sum == 0 && now & WAITING != 0;
            if wakes && !locked {
                return Counted::TakeLock;
            }
            let waiting = if wakes { 0 } else { now & WAITING };
            match self.change(now, waiting | (sum * COUNT) | owners(now)) {
                Ok(_) if wakes => return Counted::Wake,
                Ok(_) => return Counted::Done,
                Err(found) => now = found,
            }
        }
    }

    /// The caller, which has the lock, wants to sleep until the count is zero. False if it is; true if the caller will be woken.
    #[must_use]
    pub(crate) fn wait_locked(&self) -> bool {
        // Acquire: of what the members did.
        let mut now = self.0.load(Ordering::Acquire);
        loop {
            if count(now) == 0 {
                return false;
            }
            match self.0.compare_exchange_weak(
                now,
                now | WAITING,
                Ordering::AcqRel,
                Ordering::Acquire,
            ) {
                Ok(_) => return true,
                Err(found) => now = found,
            }
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn the_lock_is_needed_only_to_wake() {
        let word = GroupWord::new();
        word.enter().unwrap();
        word.enter().unwrap();
        assert!(word.wait_locked());
        assert_eq!(word.leave(), Ended::Gone);
        assert_eq!(word.leave(), Ended::TakeLock);
        assert_eq!(word.add(-1), Counted::TakeLock);
        assert_eq!(word.add_locked(-1), Counted::Wake);
        assert!(!word.wait_locked());
        assert!(!word.unshare());
        assert!(word.unshare());
    }

    #[test]
    fn a_count_has_its_limits() {
        let word = GroupWord::new();
        assert_eq!(word.add(-1), Counted::Negative);
        assert_eq!(word.leave(), Ended::Negative);
        assert_eq!(word.add(i64::MAX), Counted::Overflow);
        assert_eq!(word.add(COUNT_MAX as i64), Counted::Done);
        assert_eq!(word.add(i64::MAX), Counted::Overflow);
        assert_eq!(word.add(1), Counted::Overflow);
        assert_eq!(word.enter(), Err(TooMany));
        assert_eq!(word.add(i64::MIN), Counted::Negative);
        assert_eq!(word.add(-(COUNT_MAX as i64)), Counted::Done);
        assert_eq!(word.count(), 0);
        assert!(word.unshare());
    }

    #[test]
    fn the_last_owner_frees_also_as_a_member() {
        let word = GroupWord::new();
        word.enter().unwrap();
        assert!(!word.unshare());
        assert_eq!(word.leave(), Ended::Free);
    }
}

// The word with its lock and list, and its memory: the models in `sync::waitgroup`.
