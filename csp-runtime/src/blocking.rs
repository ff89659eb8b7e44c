//! Calls that block their thread, marked as such.
//!
//! Marking costs two stores: one that tells sysmon that the goroutine may be blocked from now on, one that takes it back.
//! sysmon then takes the P after 20 us to 1 ms, if others wait for one, instead of finding out by itself that the
//! thread sleeps. What happens to the goroutine afterwards is the same in both cases; see `sched::retake`.

use crate::sched;

/// Runs `f`, which is known to block its thread: a system call, a lock of another library, a computation in C.
///
/// The goroutine's P serves other goroutines meanwhile, and the goroutine waits for one when `f` is done. The
/// operations of this crate work inside `f` as everywhere. On a plain thread it just runs `f`.
///
/// Calls that nobody has marked are noticed too, after some milliseconds: to mark a call makes that quicker.
///
/// # Panics
///
/// If `f` does.
///
/// # Examples
///
/// ```
/// let text = csp::go!(csp::blocking(|| std::fs::read_to_string("Cargo.toml")));
/// assert!(text.join().unwrap()?.contains("[package]"));
/// # Ok::<(), std::io::Error>(())
/// ```
#[inline]
pub fn blocking<F, R>(f: F) -> R
where
    F: FnOnce() -> R,
{
    let _call = Call::begin();
    f()
}

/// A call under way.
struct Call {
    /// It is inside another one.
    nested: bool,
}

impl Call {
    #[inline]
    fn begin() -> Self {
        Self {
            nested: sched::begin_call(),
        }
    }
}

impl Drop for Call {
    #[inline]
    fn drop(&mut self) {
        sched::end_call(self.nested);
    }
}
