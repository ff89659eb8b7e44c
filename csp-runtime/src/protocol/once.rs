//! Who runs an initialiser, and whether it has run: one word.
//!
//! ```text
//!   INCOMPLETE ──begin──▶ RUNNING ──finish──▶ COMPLETE
//!                            │  ▲
//!               finish: panic│  │begin, if it is to be forced
//!                            ▼  │
//!                          POISONED
//! ```
//!
//! Invariants: RUNNING is left only by the one who entered it; COMPLETE is never left while the word is shared.
//!
//! **Orderings.** `finish` releases and every look acquires: whoever finds COMPLETE sees what the initialiser wrote, and
//! whoever runs after a failure sees what the failed one left behind.

use crate::primitive::sync::{self, AtomicU32, Ordering};

const INCOMPLETE: u32 = 0;
const POISONED: u32 = 1;
const RUNNING: u32 = 2;
const COMPLETE: u32 = 3;

/// The word; see the module.
pub(crate) struct OnceWord(AtomicU32);

/// Where things stand.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Progress {
    /// Nobody has begun.
    Incomplete,
    /// The last one who ran panicked.
    Poisoned,
    /// Somebody runs.
    Running,
    /// Done for good.
    Complete,
}

/// What became of a wish to run.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Begin {
    /// The caller runs, and must call `finish`.
    Run {
        /// Somebody ran before and panicked.
        poisoned: bool,
    },
    /// It is not for the caller to run.
    No(Progress),
}

impl OnceWord {
    sync::const_fn! {
        /// Nobody has begun.
        pub(crate) fn new() -> Self {
            Self(AtomicU32::new(INCOMPLETE))
        }
    }

    /// Whether it is done.
    #[inline]
    pub(crate) fn is_complete(&self) -> bool {
        self.0.load(Ordering::Acquire) == COMPLETE
    }

    /// Where things stand.
    pub(crate) fn progress(&self) -> Progress {
        Self::read(self.0.load(Ordering::Acquire))
    }

    /// Starts to run if nobody has, or also after a panic if `force` says so.
    pub(crate) fn begin(&self, force: bool) -> Begin {
        let mut now = self.0.load(Ordering::Acquire);
        loop {
            let poisoned = now == POISONED;
            if now != INCOMPLETE && !(poisoned && force) {
                return Begin::No(Self::read(now));
            }
            match self
                .0
                .compare_exchange(now, RUNNING, Ordering::Acquire, Ordering::Acquire)
            {
                Ok(_) => return Begin::Run { poisoned },
                Err(found) => now = found,
            }
        }
    }

    /// Ends the run that `begin` started. Those who wait are to be woken next.
    pub(crate) fn finish(&self, complete: bool) {
        let end = if complete { COMPLETE } else { POISONED };
        debug_assert_eq!(self.progress(), Progress::Running);
        self.0.store(end, Ordering::Release);
    }

    fn read(word: u32) -> Progress {
        match word {
            INCOMPLETE => Progress::Incomplete,
            POISONED => Progress::Poisoned,
            RUNNING => Progress::Running,
            _ => Progress::Complete,
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn one_runs_and_the_others_learn_how_far_it_is() {
        let word = OnceWord::new();
        assert_eq!(word.progress(), Progress::Incomplete);
        assert_eq!(word.begin(false), Begin::Run { poisoned: false });
        assert_eq!(word.begin(true), Begin::No(Progress::Running));
        assert!(!word.is_complete());
        word.finish(true);
        assert_eq!(word.begin(true), Begin::No(Progress::Complete));
        assert!(word.is_complete());
    }

    #[test]
    fn after_a_failure_only_the_forced_run() {
        let word = OnceWord::new();
        let _ = word.begin(false);
        word.finish(false);
        assert_eq!(word.begin(false), Begin::No(Progress::Poisoned));
        assert_eq!(word.begin(true), Begin::Run { poisoned: true });
        word.finish(true);
        assert!(word.is_complete());
    }
}
