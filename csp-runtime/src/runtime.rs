//! Asking and telling the scheduler.

pub use crate::diag::dump;

use crate::sched::{self, config, current};
use crate::task::start_or_panic;

/// Returns the number of Ps, the goroutines that run at once, and sets it if `n` is given.
///
/// A lower number takes effect on a P that is beyond it once its goroutine has waited or yielded and
/// its queue has been served for a moment. Values are limited to the range 1 to 1024.
///
/// # Examples
///
/// ```
/// let before = csp::runtime::gomaxprocs(Some(2));
/// assert_eq!(csp::runtime::gomaxprocs(None), 2);
/// csp::runtime::gomaxprocs(Some(before));
/// ```
pub fn gomaxprocs(n: Option<usize>) -> usize {
    start_or_panic();
    match n {
        None => sched::procs(),
        Some(n) => {
            let before = sched::set_procs(n);
            // The caller's own P may be beyond the limit now: pass through the scheduler.
            if n < before && current::goroutine().is_some() {
                sched::yield_now();
            }
            before
        }
    }
}

/// Returns the number of processors this process may use: affinity and the cgroup's quota count.
pub fn num_cpu() -> usize {
    config::num_cpu()
}

/// Returns how many goroutines exist.
pub fn num_goroutine() -> usize {
    sched::num_goroutine()
}

/// Lets other goroutines run; the caller goes to the back of the queue. On a plain thread, lets
/// other threads run.
#[inline]
pub fn yield_now() {
    sched::yield_now();
}

/// Returns the calling goroutine's number: 1 for main, 0 on a plain thread.
pub fn goid() -> u64 {
    current::goroutine().map_or(0, |g| g.id())
}
