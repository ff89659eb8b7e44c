//! How many children a scope has left, and whether its owner sleeps: one word.
//!
//! ```text
//!   0 ──add──▶ n ──add──▶ n+1          n, waiting ──done──▶ … ──done──▶ 0, waiting: wake the owner
//!              │ ──done─▶ n-1               ▲
//!              └───────── wait ─────────────┘
//! ```
//!
//! Invariants: children are added only while the owner runs the scope's closure or by another
//! child, so a count that is zero after the closure stays zero. The child that takes the count to zero
//! wakes the owner if it waits and otherwise touches the scope no more: the owner may be gone already.

use crate::primitive::sync::{AtomicUsize, Ordering};

const WAITING: usize = 1;
const ONE: usize = 2;

/// The word; see the module.
pub(crate) struct Count(AtomicUsize);

/// What a child that ends has to do.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Done {
    /// Nothing; the scope must not be touched any more.
    Leave,
    /// The owner sleeps, and this was the last child: wake it.
    WakeOwner,
}

impl Count {
    /// No children.
    pub(crate) fn new() -> Self {
        Self(AtomicUsize::new(0))
    }

    /// One more child.
    pub(crate) fn add(&self) {
        self.0.fetch_add(ONE, Ordering::Relaxed);
    }

    /// A child ended; what it wrote is released to the owner.
    pub(crate) fn done(&self) -> Done {
        if self.0.fetch_sub(ONE, Ordering::AcqRel) == ONE | WAITING {
            Done::WakeOwner
        } else {
            Done::Leave
        }
    }

    /// The owner wants to sleep until there are no children. False if there are none now; true if
    /// the last one will wake it, exactly once.
    #[must_use]
    pub(crate) fn wait(&self) -> bool {
        let mut now = self.0.load(Ordering::Acquire);
        loop {
            if now == 0 {
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
    fn only_the_last_child_wakes_a_waiting_owner() {
        let count = Count::new();
        assert!(!count.wait());
        count.add();
        count.add();
        assert!(count.wait());
        assert_eq!(count.done(), Done::Leave);
        assert_eq!(count.done(), Done::WakeOwner);
    }
}

#[cfg(all(test, loom))]
mod model {
    use super::*;
    use loom::sync::Arc;
    use loom::thread;

    #[test]
    fn loom_the_owner_is_woken_once_or_does_not_wait() {
        loom::model(|| {
            let count = Arc::new(Count::new());
            count.add();
            count.add();
            let children: Vec<_> = (0..2)
                .map(|_| {
                    let count = count.clone();
                    thread::spawn(move || count.done() == Done::WakeOwner)
                })
                .collect();
            let waits = count.wait();
            let wakes = children
                .into_iter()
                .map(|child| usize::from(child.join().unwrap()))
                .sum::<usize>();
            assert_eq!(wakes, usize::from(waits));
        });
    }
}
