//! The end of a goroutine's locals.
//!
//! They are destroyed on the goroutine's own stack, after its closure and everything it captured are gone, and before
//! anybody can see that the goroutine has ended. At that time nothing is borrowed from them, destructors may
//! wait, and a panic of one is the goroutine's.

use std::panic::{self, AssertUnwindSafe};
use std::thread;

use crate::goroutine::{Goroutine, destroy, discard};
use crate::sched::current;

/// Destroys the locals of the calling goroutine, whose closure has ended with `result`. If a destructor
/// panics, the goroutine has panicked.
#[inline]
pub(crate) fn end<T>(g: &'static Goroutine, result: thread::Result<T>) -> thread::Result<T> {
    if !g.has_extra() {
        return result;
    }
    end_slow(g, result)
}

#[cold]
fn end_slow<T>(g: &'static Goroutine, mut result: thread::Result<T>) -> thread::Result<T> {
    // What is dropped after a panic may make locals again.
    while let Some(payload) = g.locals_if_any().and_then(destroy) {
        result = match result {
            // The panic that ended the closure counts.
            Err(first) => {
                discard(payload);
                Err(first)
            }
            Ok(value) => {
                if let Err(again) = panic::catch_unwind(AssertUnwindSafe(|| drop(value))) {
                    discard(again);
                }
                Err(payload)
            }
        };
    }
    result
}

/// Calls `f`, the last that the calling goroutine does, and destroys its locals: for what must happen after
/// them and is not yet the goroutine's end, such as leaving an error group.
pub(crate) fn to_the_end<F, T>(f: F) -> T
where
    F: FnOnce() -> T,
{
    let result = panic::catch_unwind(AssertUnwindSafe(f));
    let result = match current::goroutine() {
        Some(g) => end(g, result),
        None => result,
    };
    result.unwrap_or_else(|payload| panic::resume_unwind(payload))
}
