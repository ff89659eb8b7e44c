//! What the models share: how far loom explores, and plain data whose races it finds.

use loom::cell::UnsafeCell;
use loom::model::Builder;

/// Explores `f` with at most `preemptions` switches away from a thread that could go on. Without a limit three threads
/// with a lock and a wait each take hours; mistakes of protocols show with two or three.
pub(crate) fn check(preemptions: usize, f: impl Fn() + Send + Sync + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(f);
}

/// A word that is not atomic: loom fails the model if two accesses, one of them a write, are not ordered.
pub(crate) struct Plain(UnsafeCell<u32>);

// SAFETY: every access is one that loom checks for races, and fails on.
#[expect(unsafe_code, reason = "plain data under test")]
unsafe impl Sync for Plain {}

impl Plain {
    /// Zero.
    pub(crate) fn new() -> Self {
        Self(UnsafeCell::new(0))
    }

    /// The word.
    pub(crate) fn get(&self) -> u32 {
        // SAFETY: loom has checked that no write is concurrent.
        #[expect(unsafe_code, reason = "loom's cell")]
        self.0.with(|word| unsafe { *word })
    }

    /// Changes the word.
    pub(crate) fn set(&self, value: u32) {
        // SAFETY: loom has checked that no access is concurrent.
        #[expect(unsafe_code, reason = "loom's cell")]
        self.0.with_mut(|word| unsafe { *word = value });
    }
}
