//! `runnext`: the one item that its owner takes before its queue, and that others take only when
//! they have watched it stay there.
//!
//! The owner empties the slot at every switch, a thief comes once in a thousand. So the owner uses plain loads
//! and stores, and the thief a heavy fence (`primitive::barrier`):
//!
//! ```text
//!   owner takes                              thief
//!   old = slot; slot = empty                 thief: none → BUSY (exchange; one thief at a time)
//!   light fence                              heavy fence
//!   thief? ── none: old is the owner's       slot: expected → empty (exchange)
//!   └ else, slow: wait while BUSY;           thief = expected, or none if that failed
//!     old stolen? then it is gone
//!     thief = none
//! ```
//!
//! The fences are partners: an owner that does not see BUSY has emptied the slot before the thief's fence, so that the
//! thief's exchange meets it empty; an owner that empties it later sees BUSY, or what became of it.
//!
//! | the thief's exchange | the owner finds | who has the item |
//! |---|---|---|
//! | came before the owner's store, and succeeds | that item in `thief` | the thief |
//! | comes after, and fails | none | the owner |
//! | is for another item, and fails | none, or an item that was stolen before | the owner |
//!
//! To fill the slot is a plain store if it is empty, for then nobody else changes it, and an exchange otherwise.
//!
//! Invariants:
//! - What was stolen stays in `thief` until the owner's next change of the slot, which is before the item can come back to
//!   this slot. Until then there is no other thief.
//! - Items are compared by address only. A thief whose item has left and come back takes the item that is there now,
//!   which is as good.
//!
//! Where the system has no heavy fence, the owner exchanges too.
//!
//! Sources: as for `primitive::section`; Go's `runnext` is exchanged by everybody.

use std::ptr::{self, NonNull};

use crate::primitive::section::light_fence;
use crate::primitive::sync::{AtomicPtr, Ordering, const_fn, spin_loop, yield_now};

/// The slot; see the module.
pub(crate) struct NextSlot<T> {
    /// The item, or null.
    slot: AtomicPtr<T>,
    /// Null, [`BUSY`], or the item that was stolen last, until the owner has noticed.
    thief: AtomicPtr<T>,
    /// The owner leaves the fence to the thief; constant.
    asymmetric: bool,
}

/// A thief is at work: no item's address.
const BUSY: usize = 1;

impl<T> NextSlot<T> {
    const_fn! {
        /// An empty slot. `asymmetric` if thieves have a heavy fence.
        pub(crate) fn new(asymmetric: bool) -> Self {
            Self {
                slot: AtomicPtr::new(ptr::null_mut()),
                thief: AtomicPtr::new(ptr::null_mut()),
                asymmetric,
            }
        }
    }

    /// Fills the slot and returns what was there. Owner only.
    #[inline]
    pub(crate) fn put(&self, item: NonNull<T>) -> Option<NonNull<T>> {
        let old = if self.slot.load(Ordering::Relaxed).is_null() {
            // Release: the thief sees what was done to the item.
            self.slot.store(item.as_ptr(), Ordering::Release);
            ptr::null_mut()
        } else {
            self.slot.swap(item.as_ptr(), Ordering::AcqRel)
        };
        // An item that comes back brought with it the knowledge that it had been stolen: no fence.
        if !self.thief.load(Ordering::Relaxed).is_null() {
            self.acknowledge();
        }
        NonNull::new(old)
    }

    /// Empties the slot. Owner only.
    #[inline]
    pub(crate) fn take(&self) -> Option<NonNull<T>> {
        let old = self.slot.load(Ordering::Relaxed);
        if old.is_null() {
            return None;
        }
        if !self.asymmetric {
            return NonNull::new(self.slot.swap(ptr::null_mut(), Ordering::AcqRel));
        }
        self.slot.store(ptr::null_mut(), Ordering::Relaxed);
        // Partner: the thief's heavy fence.
        light_fence();
        if !self.thief.load(Ordering::Relaxed).is_null() && self.was_stolen(old) {
            return None;
        }
        NonNull::new(old)
    }

    /// What was stolen has been noticed: another thief may come.
    #[cold]
    #[inline(never)]
    fn acknowledge(&self) {
        let thief = self.thief.load(Ordering::Acquire);
        if !thief.is_null() && thief.addr() != BUSY {
            self.thief.store(ptr::null_mut(), Ordering::Release);
        }
    }

    /// Whether a thief was quicker.
    #[cold]
    #[inline(never)]
    fn was_stolen(&self, old: *mut T) -> bool {
        let mut spins = 0_u32;
        loop {
            let thief = self.thief.load(Ordering::Acquire);
            if thief.addr() == BUSY {
                spins += 1;
                // The thief may have been descheduled. A model yields each time, for it cannot spin without end.
                if cfg!(loom) || spins.is_multiple_of(64) {
                    yield_now();
                } else {
                    spin_loop();
                }
                continue;
            }
            if !thief.is_null() {
                // Only the owner ends this state. None is left alone: the next thief may be in it already.
                self.thief.store(ptr::null_mut(), Ordering::Release);
            }
            return thief == old;
        }
    }

    /// Empties the slot if `expected` is still there. Anybody but the owner; `heavy_fence` is the partner of the owner's
    /// light one, and does nothing in a slot that is not asymmetric.
    pub(crate) fn steal(&self, expected: *mut T, heavy_fence: impl FnOnce()) -> Option<NonNull<T>> {
        // Never exchange null for null: that would be a write that the owner does not expect.
        if expected.is_null() {
            return None;
        }
        if !self.asymmetric {
            return self.exchange_expected(expected);
        }
        let busy = ptr::without_provenance_mut(BUSY);
        self.thief
            .compare_exchange(ptr::null_mut(), busy, Ordering::Acquire, Ordering::Relaxed)
            .ok()?;
        heavy_fence();
        let stolen = self.exchange_expected(expected);
        let outcome = stolen.map_or(ptr::null_mut(), NonNull::as_ptr);
        self.thief.store(outcome, Ordering::Release);
        stolen
    }

    fn exchange_expected(&self, expected: *mut T) -> Option<NonNull<T>> {
        self.slot
            .compare_exchange(
                expected,
                ptr::null_mut(),
                Ordering::AcqRel,
                Ordering::Relaxed,
            )
            .ok()
            .and_then(NonNull::new)
    }

    /// What is there; a hint, never to be followed.
    #[inline]
    pub(crate) fn peek(&self) -> *mut T {
        self.slot.load(Ordering::Relaxed)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn the_slot_holds_the_item_put_last() {
        for asymmetric in [false, true] {
            let (mut a, mut b) = (1, 2);
            let (a, b) = (NonNull::from(&mut a), NonNull::from(&mut b));
            let slot = NextSlot::new(asymmetric);
            assert_eq!(slot.put(a), None);
            assert_eq!(slot.put(b), Some(a));
            assert_eq!(slot.steal(a.as_ptr(), || {}), None);
            assert_eq!(slot.peek(), b.as_ptr());
            assert_eq!(slot.take(), Some(b));
            assert_eq!(slot.take(), None);
        }
    }

    #[test]
    fn what_was_stolen_can_come_back() {
        for asymmetric in [false, true] {
            let (mut a, mut b) = (1, 2);
            let (a, b) = (NonNull::from(&mut a), NonNull::from(&mut b));
            let slot = NextSlot::new(asymmetric);
            for _ in 0..2 {
                assert_eq!(slot.put(a), None);
                assert_eq!(slot.steal(a.as_ptr(), || {}), Some(a));
                assert_eq!(slot.take(), None);
            }
            assert_eq!(slot.put(a), None);
            assert_eq!(slot.put(b), Some(a));
            assert_eq!(slot.steal(b.as_ptr(), || {}), Some(b));
            assert_eq!(slot.put(b), None);
            assert_eq!(slot.take(), Some(b));
        }
    }
}

#[cfg(all(test, loom))]
mod model {
    use super::*;
    use crate::primitive::sync::{Ordering, fence};
    use loom::sync::Arc;
    use loom::thread;

    fn item(n: usize) -> NonNull<usize> {
        NonNull::new(ptr::without_provenance_mut::<usize>(n * 8)).unwrap()
    }

    /// The owner fills and empties the slot, and thieves come `times` times in all. What they got, sorted.
    fn model(asymmetric: bool, thieves: usize) {
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = Some(3);
        builder.max_branches = 10_000;
        builder.check(move || {
            let slot = Arc::new(NextSlot::<usize>::new(asymmetric));
            let mut got = Vec::new();
            got.extend(slot.put(item(1)));
            let thieves: Vec<_> = (0..thieves)
                .map(|_| {
                    let slot = slot.clone();
                    thread::spawn(move || {
                        // Partner: the light fences, which are full ones in a model.
                        slot.steal(slot.peek(), || fence(Ordering::SeqCst))
                    })
                })
                .collect();
            got.extend(slot.put(item(2)));
            got.extend(slot.take());
            got.extend(slot.put(item(3)));
            got.extend(slot.take());
            for thief in thieves {
                got.extend(thief.join().unwrap());
            }
            let mut got: Vec<_> = got.iter().map(|item| item.addr().get()).collect();
            got.sort_unstable();
            assert_eq!(got, [8, 16, 24]);
        });
    }

    #[test]
    fn loom_owner_and_thief_share_nothing_and_lose_nothing() {
        model(false, 1);
        model(true, 1);
    }

    #[test]
    fn loom_an_owner_and_two_thieves_share_nothing_and_lose_nothing() {
        model(true, 2);
    }

    /// What was stolen comes back to the same slot, while a second thief is about.
    #[test]
    fn loom_an_item_that_comes_back_is_nobody_elses() {
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = Some(3);
        builder.check(|| {
            let slot = Arc::new(NextSlot::<usize>::new(true));
            assert!(slot.put(item(1)).is_none());
            let thief = {
                let slot = slot.clone();
                thread::spawn(move || {
                    slot.steal(item(1).as_ptr(), || fence(Ordering::SeqCst))
                        .is_some()
                })
            };
            let first = slot.take().is_some();
            if first {
                // It ran, and was made ready again.
                assert!(slot.put(item(1)).is_none());
                let second = slot.take().is_some();
                let stolen = thief.join().unwrap();
                assert!(second != stolen);
            } else {
                assert!(thief.join().unwrap());
                assert!(slot.put(item(1)).is_none());
                assert!(slot.take().is_some());
            }
        });
    }
}
