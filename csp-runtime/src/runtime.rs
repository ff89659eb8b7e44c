//! Asking and telling the scheduler.

pub use crate::diag::{Metrics, dump, metrics};

use std::marker::PhantomData;

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
///
/// One that has ended counts until its processor has left its stack, a moment after its `join` or the `wait` of its group
/// has returned.
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

/// Keeps the calling goroutine on its thread, and other goroutines off that thread, until the guard is dropped.
///
/// For libraries that keep state in thread-locals, and for calls that change the thread itself. While the goroutine
/// waits, its thread sleeps; each switch to or from it costs a switch of threads. Guards nest, up to 255 deep. On a
/// plain thread it does nothing.
///
/// # Panics
///
/// If the goroutine holds 255 guards already.
///
/// # Examples
///
/// ```
/// let (tx, rx) = csp::channel::<u32>(0);
/// let same = csp::go!({
///     let _locked = csp::runtime::lock_os_thread();
///     let before = std::thread::current().id();
///     rx.recv();
///     before == std::thread::current().id()
/// });
/// tx.send(1).unwrap();
/// assert!(same.join().unwrap());
/// ```
pub fn lock_os_thread() -> ThreadLock {
    sched::lock_thread();
    ThreadLock(PhantomData)
}

/// Keeps a goroutine on its thread; see [`lock_os_thread`].
#[must_use = "the goroutine is locked to its thread until the guard is dropped"]
#[derive(Debug)]
pub struct ThreadLock(PhantomData<*const ()>);

impl Drop for ThreadLock {
    fn drop(&mut self) {
        sched::unlock_thread();
    }
}
