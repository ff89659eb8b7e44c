//! Who holds a channel: counts of senders and receivers, and when it is freed.
//!
//! The last sender closes the channel, the last receiver abandons it, and whoever of the two is the
//! later frees it. (The exchange of one flag for this is `crossbeam-channel`'s.) There is no third count:
//! a permit for a reserved place counts as a sender.
#![expect(unsafe_code, reason = "shared ownership with two counts")]

use std::ops::Deref;
use std::process;
use std::ptr::NonNull;

use super::core::Core;
use crate::primitive::spin::Spin;
use crate::primitive::sync::{AtomicBool, AtomicUsize, Ordering};

/// What senders and receivers share. Three cache lines: an alignment of `Core` itself would pad it to as many, before the
/// counts.
#[repr(C, align(64))]
pub(super) struct Shared<T> {
    core: Core<T>,
    senders: AtomicUsize,
    receivers: AtomicUsize,
    /// One side is gone; the other frees.
    destroy: AtomicBool,
    /// Called once, when the last receiver is gone.
    hook: Spin<Option<Hook>>,
}

#[cfg(all(target_pointer_width = "64", not(loom)))]
const _: () = assert!(size_of::<Shared<u8>>() <= 192);

/// Something to do when the last receiver is gone.
pub(crate) type Hook = Box<dyn FnOnce() + Send>;

/// One side's reference to a channel; each method says on whose behalf it counts.
pub(super) struct Handle<T>(NonNull<Shared<T>>);

// SAFETY: a handle gives shared access to the counts and the core, which is `Sync` for `T: Send`;
// the last handle drops values of type `T`.
unsafe impl<T: Send> Send for Handle<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Handle<T> {}

impl<T> Deref for Handle<T> {
    type Target = Core<T>;

    #[inline]
    fn deref(&self) -> &Core<T> {
        &self.shared().core
    }
}

/// Leaves the channel when it is dropped.
struct Leave<'a, T>(&'a Handle<T>);

impl<T> Drop for Leave<'_, T> {
    fn drop(&mut self) {
        self.0.leave();
    }
}

/// So many clones can only be leaks.
const MAX: usize = isize::MAX as usize;

impl<T> Handle<T> {
    /// A channel with one sender and one receiver: the two handles.
    pub(super) fn pair(capacity: usize, hook: Option<Hook>) -> (Self, Self) {
        let shared = Box::leak(Box::new(Shared {
            senders: AtomicUsize::new(1),
            receivers: AtomicUsize::new(1),
            destroy: AtomicBool::new(false),
            hook: Spin::new(hook),
            core: Core::new(capacity),
        }));
        let at = NonNull::from(shared);
        (Self(at), Self(at))
    }

    #[inline]
    fn shared(&self) -> &Shared<T> {
        // SAFETY: freed only after both counts are zero, and this handle is counted.
        unsafe { self.0.as_ref() }
    }

    /// One more sender.
    #[inline]
    pub(super) fn clone_sender(&self) -> Self {
        Self::count(&self.shared().senders);
        Self(self.0)
    }

    /// One more receiver.
    #[inline]
    pub(super) fn clone_receiver(&self) -> Self {
        Self::count(&self.shared().receivers);
        Self(self.0)
    }

    fn count(count: &AtomicUsize) {
        if count.fetch_add(1, Ordering::Relaxed) > MAX {
            process::abort();
        }
    }

    /// Drops a sender. The handle must not be used again.
    #[inline]
    pub(super) fn drop_sender(&self) {
        if self.shared().senders.fetch_sub(1, Ordering::AcqRel) == 1 {
            let wakes = self.lock_for_long().close();
            wakes.ready();
            self.leave();
        }
    }

    /// Drops a receiver. The handle must not be used again.
    #[inline]
    pub(super) fn drop_receiver(&self) {
        if self.shared().receivers.fetch_sub(1, Ordering::AcqRel) == 1 {
            let (wakes, values) = self.lock_for_long().abandon();
            wakes.ready();
            let hook = self.shared().hook.lock().take();
            // Even if a value's destructor panics, the channel is freed.
            let leave = Leave(self);
            if let Some(hook) = hook {
                hook();
            }
            drop(values);
            drop(leave);
        }
    }

    fn leave(&self) {
        if self.shared().destroy.swap(true, Ordering::AcqRel) {
            // SAFETY: made by `pair`; both counts are zero and the other side has left, so nobody
            // else reaches it.
            drop(unsafe { Box::from_raw(self.0.as_ptr()) });
        }
    }

    /// Whether both belong to one channel.
    pub(super) fn same(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
