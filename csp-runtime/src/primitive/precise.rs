//! Timed sleeps that end on time.
//!
//! Linux delays the end of a thread's timed sleeps by up to 50 us, so that it can serve several at
//! once. The threads of the runtime that keep timers ask for 1 us instead. Other systems need nothing.

/// Asks for exact ends of the calling thread's timed sleeps. It is a wish: failing changes nothing.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "a system call")]
pub(crate) fn timers() {
    const NANOSECONDS: libc::c_ulong = 1_000;
    // SAFETY: sets an attribute of the calling thread; the arguments are numbers.
    unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, NANOSECONDS) };
}

/// Asks for exact ends of the calling thread's timed sleeps. Nothing to ask for here.
#[cfg(not(target_os = "linux"))]
pub(crate) fn timers() {}
