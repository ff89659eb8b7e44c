//! How many checks the guard has made, and with what result.
//!
//! Each thread's [`ThreadLocals`] counts the checks made against it, so that Ms that check against different threads
//! do not take a cache line from each other. The sum goes over all threads; they are linked when they are made and
//! live for ever.

use std::sync::OnceLock;

use super::{Hit, ThreadLocals, Verdict};
use crate::primitive::spin::Spin;
use crate::primitive::sync::{AtomicU64, Ordering};

/// What the guard has done so far, in all.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Counts {
    /// Checks: goroutines about to go on on another thread than the last.
    pub(crate) checked: u64,
    /// Checks that found a pointer to a thread-local.
    pub(crate) address: u64,
    /// Checks that found an object which a thread-local points to as well.
    pub(crate) shared: u64,
    /// Checks that found a thread-local pointing to the stack.
    pub(crate) lent: u64,
    /// Words of stacks that were looked at.
    pub(crate) words: u64,
}

/// The checks made against one thread. Any M adds, hence the locked additions; nothing is ordered by them.
pub(super) struct Counters {
    checked: AtomicU64,
    address: AtomicU64,
    shared: AtomicU64,
    lent: AtomicU64,
    words: AtomicU64,
    /// The thread made before this one.
    next: OnceLock<&'static ThreadLocals>,
}

/// The thread made last.
static LATEST: Spin<Option<&'static ThreadLocals>> = Spin::new(None);

impl Counters {
    pub(super) const fn new() -> Self {
        Self {
            checked: AtomicU64::new(0),
            address: AtomicU64::new(0),
            shared: AtomicU64::new(0),
            lent: AtomicU64::new(0),
            words: AtomicU64::new(0),
            next: OnceLock::new(),
        }
    }

    /// Counts one check.
    pub(super) fn add(&self, words: usize, verdict: Verdict) {
        self.checked.fetch_add(1, Ordering::Relaxed);
        self.words.fetch_add(words as u64, Ordering::Relaxed);
        let Verdict::MustStay(hit) = verdict else {
            return;
        };
        let counter = match hit {
            Hit::Address => &self.address,
            Hit::Shared => &self.shared,
            Hit::Lent => &self.lent,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

/// Includes a thread's counters in the sum.
pub(super) fn register(locals: &'static ThreadLocals) {
    let mut latest = LATEST.lock();
    if let Some(before) = *latest {
        let set = locals.counts().next.set(before);
        debug_assert!(set.is_ok(), "registered once");
    }
    *latest = Some(locals);
}

/// What the guard has done so far.
pub(crate) fn counts() -> Counts {
    let mut sum = Counts::default();
    let mut at = *LATEST.lock();
    while let Some(locals) = at {
        let one = locals.counts();
        sum.checked += one.checked.load(Ordering::Relaxed);
        sum.address += one.address.load(Ordering::Relaxed);
        sum.shared += one.shared.load(Ordering::Relaxed);
        sum.lent += one.lent.load(Ordering::Relaxed);
        sum.words += one.words.load(Ordering::Relaxed);
        at = one.next.get().copied();
    }
    sum
}
