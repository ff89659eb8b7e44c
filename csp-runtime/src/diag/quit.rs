//! SIGQUIT in a program with a `#[csp::main]`: the list of goroutines, then status 2, as in Go.
//!
//! ```text
//!   any thread               csp-sysmon               csp-creator
//!   SIGQUIT: handler         wakes, sees the flag     makes the report: takes memory and locks,
//!   sets a flag, wakes ────▶ passes it on ──────────▶ reads files; ends the process
//! ```
//!
//! It works whatever the goroutines do: none has to run, and neither thread needs a P.
//!
//! A handler of the program, or its choice to ignore the signal (as for a job in the background of a
//! shell), is left in force if it was there before main began; one that it installs later replaces ours
//! as usual.
//!
//! The handler runs on a stack of ours, which the main thread is given once and which is never unmapped.
//! `std::process::exit` unmaps the one that the standard library gave the main thread, from whatever thread calls it,
//! and a signal sent to the process usually meets the main thread, also during that exit.
//!
//! On other systems than Linux waking a thread is not safe in a handler (`primitive::futex`): the signal
//! ends the process as usual there.
#![cfg_attr(
    target_os = "linux",
    expect(unsafe_code, reason = "installs a signal handler")
)]

#[cfg(target_os = "linux")]
pub(crate) use linux::on_sigquit;

/// Leaves the signal's action as it is.
#[cfg(not(target_os = "linux"))]
pub(crate) fn on_sigquit() {}

#[cfg(target_os = "linux")]
mod linux {
    use core::ffi::c_int;
    use core::mem::MaybeUninit;
    use core::{mem, ptr};

    use super::super::exit;
    use crate::sched::quit;
    use crate::stacks::AltStack;

    /// Makes SIGQUIT end the process with a report, unless something else is in force for it.
    pub(crate) fn on_sigquit() {
        let mut action = MaybeUninit::<libc::sigaction>::zeroed();
        // SAFETY: a query for a valid signal; `action` is room for the answer.
        unsafe { libc::sigaction(libc::SIGQUIT, ptr::null(), action.as_mut_ptr()) };
        // SAFETY: the call has written it, and all zeroes would be a valid "default action" too.
        let mut action = unsafe { action.assume_init() };
        if action.sa_sigaction != libc::SIG_DFL {
            return;
        }
        quit::prepare(exit::on_quit);
        // Leaked, once in a process: a later call finds the handler in force.
        mem::forget(AltStack::install());
        action.sa_sigaction = on_signal as *const () as usize;
        // On the alternate stack, for a goroutine's may have no room left; and system calls go on.
        action.sa_flags = libc::SA_ONSTACK | libc::SA_RESTART;
        // Nothing shall come between the flag and waking its reader.
        // SAFETY: the set is a valid one, and SIGURG a valid signal.
        unsafe { libc::sigaddset(&raw mut action.sa_mask, libc::SIGURG) };
        // SAFETY: the mask that was there is a valid one; `on_signal` has the signature of a handler
        // without SA_SIGINFO and is async-signal-safe.
        unsafe { libc::sigaction(libc::SIGQUIT, &raw const action, ptr::null_mut()) };
    }

    /// The handler.
    extern "C" fn on_signal(_: c_int) {
        // SAFETY: the address of the calling thread's `errno`, which is always there.
        let errno = unsafe { libc::__errno_location() };
        // SAFETY: as above; the thread itself is here, in its handler.
        let before = unsafe { errno.read() };
        quit::ask();
        // SAFETY: as above.
        unsafe { errno.write(before) };
    }
}
