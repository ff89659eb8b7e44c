//! `runnext`: the one item that its owner takes before its queue, and that others take only when
//! they have watched it stay there.
//!
//! Invariants: the owner alone fills the slot; the owner and thieves empty it. So if the owner finds it
//! empty, it stays empty, and filling it is a plain store: the common case, a wake-up by a task
//! that goes on to wait, costs no locked instruction. Items are compared by address only, and a thief
//! that takes an item that has left and come back takes the item that is there now, which is as good.

use std::ptr::{self, NonNull};

use crate::primitive::sync::{AtomicPtr, Ordering, const_fn};

/// The slot; see the module.
pub(crate) struct NextSlot<T>(AtomicPtr<T>);

impl<T> NextSlot<T> {
    const_fn! {
        /// An empty slot.
        pub(crate) fn new() -> Self {
            Self(AtomicPtr::new(ptr::null_mut()))
        }
    }

    /// Fills the slot and returns what was there. Owner only.
    #[inline]
    pub(crate) fn put(&self, item: NonNull<T>) -> Option<NonNull<T>> {
        if self.0.load(Ordering::Relaxed).is_null() {
            self.0.store(item.as_ptr(), Ordering::Release);
            return None;
        }
        NonNull::new(self.0.swap(item.as_ptr(), Ordering::AcqRel))
    }

    /// Empties the slot. Owner only.
    #[inline]
    pub(crate) fn take(&self) -> Option<NonNull<T>> {
        if self.0.load(Ordering::Relaxed).is_null() {
            return None;
        }
        NonNull::new(self.0.swap(ptr::null_mut(), Ordering::AcqRel))
    }

    /// Empties the slot if `expected` is still there. Anybody.
    pub(crate) fn steal(&self, expected: *mut T) -> Option<NonNull<T>> {
        // Never exchange null for null: that would be a write that the owner does not expect.
        if expected.is_null() {
            return None;
        }
        self.0
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
        self.0.load(Ordering::Relaxed)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn the_slot_holds_the_item_put_last() {
        let (mut a, mut b) = (1, 2);
        let (a, b) = (NonNull::from(&mut a), NonNull::from(&mut b));
        let slot = NextSlot::new();
        assert_eq!(slot.put(a), None);
        assert_eq!(slot.put(b), Some(a));
        assert_eq!(slot.steal(a.as_ptr()), None);
        assert_eq!(slot.peek(), b.as_ptr());
        assert_eq!(slot.take(), Some(b));
        assert_eq!(slot.take(), None);
    }
}

#[cfg(all(test, loom))]
mod model {
    use super::*;
    use loom::sync::Arc;
    use loom::thread;

    #[test]
    fn loom_owner_and_thief_share_nothing_and_lose_nothing() {
        loom::model(|| {
            let slot = Arc::new(NextSlot::<usize>::new());
            let items: Vec<_> = (1..=3)
                .map(|n| NonNull::new(ptr::without_provenance_mut::<usize>(n * 8)).unwrap())
                .collect();
            let mut got = Vec::new();
            got.extend(slot.put(items[0]));
            let thief = {
                let slot = slot.clone();
                thread::spawn(move || slot.steal(slot.peek()).map(|item| item.addr().get()))
            };
            got.extend(slot.put(items[1]));
            got.extend(slot.take());
            got.extend(slot.put(items[2]));
            got.extend(slot.take());
            let mut got: Vec<_> = got.iter().map(|item| item.addr().get()).collect();
            got.extend(thief.join().unwrap());
            got.sort_unstable();
            assert_eq!(got, [8, 16, 24]);
        });
    }
}
