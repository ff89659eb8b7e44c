//! The number of Ps, which is process-wide, lent to one test at a time.
//!
//! Tests of one binary run at once in threads; `gomaxprocs` set by one would change the meaning of another. The lock
//! here is held while a test runs with the number it asked for, and the old number is put back before it is released,
//! also on unwind. A test that fails poisons nothing.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// The P counts that matter: no parallelism, the least parallelism, more Ps than this machine may have cores.
pub const PROCS: &[usize] = &[1, 2, 4];

/// Held by the one test that may set or rely on process-wide state.
static ALONE: Mutex<()> = Mutex::new(());

struct Restore {
    /// The number of Ps to put back.
    before: usize,
    /// Released after the number is back: fields drop after `Drop::drop`.
    _alone: MutexGuard<'static, ()>,
}

impl Drop for Restore {
    fn drop(&mut self) {
        csp::runtime::gomaxprocs(Some(self.before));
    }
}

fn lock() -> Restore {
    let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    Restore {
        before: csp::runtime::gomaxprocs(None),
        _alone: alone,
    }
}

/// Runs `body` once for each number of Ps, one test at a time.
pub fn with_procs(counts: &[usize], mut body: impl FnMut(usize)) {
    let _restore = lock();
    for &n in counts {
        csp::runtime::gomaxprocs(Some(n));
        body(n);
    }
}

/// Runs `body` while no other test of this binary that uses this module runs.
pub fn alone<R>(body: impl FnOnce() -> R) -> R {
    let _restore = lock();
    body()
}
