//! Sleeping until a 32-bit word changes.
//!
//! ```text
//!   waiter                                  waker
//!   loop while word == expected:            word := something else
//!       wait(&word, expected, timeout)      wake_one(&word)
//! ```
//!
//! The system compares the word and goes to sleep in one step, so a wake-up that follows the change
//! is never lost: either the waiter sees the new value and does not sleep, or it sleeps already and
//! is woken. A return says nothing about the word, because a signal, or a wake-up meant for an
//! earlier user of the address, ends the sleep too. **Every caller checks its condition in a
//! loop.**
//!
//! **Why waking takes a raw pointer.** The waiter may be gone: it can see the changed word before
//! the waker has called `wake_one`, return, and free the word. The call uses the address as a name
//! only and reads nothing behind it. If somebody else waits at that address by then, it returns
//! once for no reason, which its loop absorbs. A stale wake-up is therefore harmless, and no
//! reference that might dangle is ever formed.
//!
//! On 64-bit Linux this is `futex(2)`, private to the process. Elsewhere, and under loom, it is a
//! table of mutexes and condition variables picked by the address, in which every wake-up wakes the
//! whole bucket. 32-bit Linux has two layouts of `timespec` for the same call, and uses the table.

use std::time::Duration;

use super::sync::AtomicU32;

#[cfg(all(target_os = "linux", target_pointer_width = "64", not(loom)))]
use linux as system;
#[cfg(not(all(target_os = "linux", target_pointer_width = "64", not(loom))))]
use portable as system;

/// Sleeps while `word` holds `expected`, at most for `timeout`; returns whether it ended otherwise
/// than by the timeout.
///
/// May return early without a reason.
pub(crate) fn wait(word: &AtomicU32, expected: u32, timeout: Option<Duration>) -> bool {
    system::wait(word, expected, timeout)
}

/// Ends the sleep of at least one waiter at this address, if there is one.
pub(crate) fn wake_one(word: *const AtomicU32) {
    system::wake(word, 1);
}

#[cfg(all(target_os = "linux", target_pointer_width = "64", not(loom)))]
#[expect(unsafe_code, reason = "the futex system call")]
mod linux {
    use super::{AtomicU32, Duration};

    pub(super) fn wait(word: &AtomicU32, expected: u32, timeout: Option<Duration>) -> bool {
        // More seconds than the type holds are past the end of the system's clock: no timeout.
        let timeout = timeout.and_then(|timeout| {
            Some(libc::timespec {
                tv_sec: timeout.as_secs().try_into().ok()?,
                tv_nsec: timeout.subsec_nanos().into(),
            })
        });
        let limit = timeout
            .as_ref()
            .map_or(std::ptr::null(), std::ptr::from_ref);
        // SAFETY: the word outlives the call, which borrows it; `limit` is null or points to a
        // local.
        let result = unsafe {
            libc::syscall(
                libc::SYS_futex,
                word.as_ptr(),
                libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG,
                expected,
                limit,
            )
        };
        // EAGAIN (the word differs) and EINTR are returns without a reason.
        result == 0 || std::io::Error::last_os_error().raw_os_error() != Some(libc::ETIMEDOUT)
    }

    pub(super) fn wake(word: *const AtomicU32, count: i32) {
        // SAFETY: a private wake-up looks the address up in a table and reads no memory behind it.
        // It fails only for a misaligned address, which no `AtomicU32` has.
        unsafe {
            libc::syscall(
                libc::SYS_futex,
                word,
                libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG,
                count,
            );
        }
    }
}

#[cfg(any(test, loom, not(all(target_os = "linux", target_pointer_width = "64"))))]
mod portable {
    use super::{AtomicU32, Duration};
    use crate::primitive::sync::Ordering;

    #[cfg(loom)]
    use loom::sync::{Condvar, Mutex};
    #[cfg(not(loom))]
    use std::sync::{Condvar, Mutex, PoisonError};

    /// Where the waiters of some addresses sleep. The mutex makes "compare, then sleep" one step.
    struct Bucket {
        lock: Mutex<()>,
        changed: Condvar,
    }

    #[cfg(not(loom))]
    const BUCKETS: usize = 64;

    #[cfg(not(loom))]
    fn bucket(word: *const AtomicU32) -> &'static Bucket {
        static TABLE: [Bucket; BUCKETS] = [const {
            Bucket {
                lock: Mutex::new(()),
                changed: Condvar::new(),
            }
        }; BUCKETS];
        // Fibonacci hashing: the multiplication spreads neighbours over the upper bits.
        let hash = (word.addr() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        &TABLE[(hash >> 58) as usize]
    }

    /// One bucket suffices for a model, and waking too many is part of the contract.
    #[cfg(loom)]
    fn bucket(_word: *const AtomicU32) -> &'static Bucket {
        loom::lazy_static! {
            static ref BUCKET: Bucket = Bucket { lock: Mutex::new(()), changed: Condvar::new() };
        }
        &BUCKET
    }

    #[cfg(not(loom))]
    pub(super) fn wait(word: &AtomicU32, expected: u32, timeout: Option<Duration>) -> bool {
        let bucket = bucket(word);
        // No code that could panic runs under the lock, so poison means nothing.
        let guard = bucket.lock.lock().unwrap_or_else(PoisonError::into_inner);
        if word.load(Ordering::Relaxed) != expected {
            return true;
        }
        match timeout {
            None => {
                drop(
                    bucket
                        .changed
                        .wait(guard)
                        .unwrap_or_else(PoisonError::into_inner),
                );
                true
            }
            Some(timeout) => {
                let (_guard, result) = bucket
                    .changed
                    .wait_timeout(guard, timeout)
                    .unwrap_or_else(PoisonError::into_inner);
                !result.timed_out()
            }
        }
    }

    /// Loom has no clock: a timeout is a step of the model's own, taken by the model's own code.
    #[cfg(loom)]
    pub(super) fn wait(word: &AtomicU32, expected: u32, _timeout: Option<Duration>) -> bool {
        let bucket = bucket(word);
        let guard = bucket.lock.lock().unwrap();
        if word.load(Ordering::Relaxed) == expected {
            drop(bucket.changed.wait(guard).unwrap());
        }
        true
    }

    pub(super) fn wake(word: *const AtomicU32, _count: i32) {
        let bucket = bucket(word);
        // Taken and released: a waiter that compared before the change is asleep once we hold it.
        drop(bucket.lock.lock());
        // Others may share the bucket, so waking a single one might wake the wrong one.
        bucket.changed.notify_all();
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{AtomicU32, Duration};
    use crate::primitive::sync::Ordering;

    type Wait = fn(&AtomicU32, u32, Option<Duration>) -> bool;
    type Wake = fn(*const AtomicU32, i32);

    /// Each system in turn, so that the fallback is tested where it is not used.
    const SYSTEMS: [(Wait, Wake); 2] = [
        (super::system::wait, super::system::wake),
        (super::portable::wait, super::portable::wake),
    ];

    #[test]
    fn a_different_value_does_not_sleep() {
        for (wait, _) in SYSTEMS {
            assert!(wait(&AtomicU32::new(1), 0, None));
        }
    }

    #[test]
    fn a_timeout_is_reported() {
        for (wait, _) in SYSTEMS {
            let word = AtomicU32::new(7);
            // Returns without a reason are allowed, so the timeout may need a second try.
            let start = std::time::Instant::now();
            while wait(&word, 7, Some(Duration::from_millis(5))) {}
            assert!(start.elapsed() >= Duration::from_millis(5));
        }
    }

    #[test]
    fn a_huge_timeout_waits_for_the_change() {
        for (wait, wake) in SYSTEMS {
            let word = AtomicU32::new(0);
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    while word.load(Ordering::Acquire) == 0 {
                        assert!(wait(&word, 0, Some(Duration::MAX)));
                    }
                });
                word.store(1, Ordering::Release);
                wake(&raw const word, 1);
            });
        }
    }

    #[test]
    fn wake_all_ends_every_sleep() {
        for (wait, wake) in SYSTEMS {
            let word = AtomicU32::new(0);
            std::thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| {
                        while word.load(Ordering::Acquire) == 0 {
                            wait(&word, 0, None);
                        }
                    });
                }
                word.store(1, Ordering::Release);
                wake(&raw const word, i32::MAX);
            });
        }
    }

    #[test]
    fn waking_nobody_does_nothing() {
        for (_, wake) in SYSTEMS {
            wake(&raw const *Box::new(AtomicU32::new(0)), 1);
        }
    }
}
