//! The preemption signal: its handler, and the one that was there before.
//!
//! SIGURG is Go's choice, for Go's reasons: its default is to be ignored, debuggers pass it on, and few programs use it. A
//! program that does keeps its handler: a signal that the runtime has not sent goes there.
//!
//! The handler runs on the M's alternate stack, with `SA_RESTART`, so that most system calls that it interrupts go on
//! by themselves.
#![expect(
    unsafe_code,
    reason = "signal handlers, and calling those that were there before"
)]

use core::ffi::{c_int, c_void};
use core::mem::{self, MaybeUninit};
use core::ptr;
use std::sync::OnceLock;

/// The signal that stops a goroutine.
pub(super) const PREEMPT: c_int = libc::SIGURG;

struct Installed {
    /// Says whether the signal was the runtime's, after doing what it asks for.
    handle: fn() -> bool,
    /// What was in force before.
    previous: libc::sigaction,
}

static INSTALLED: OnceLock<Installed> = OnceLock::new();

/// Puts `handle` in force for [`PREEMPT`]; once. It must be async-signal-safe. True if the system agreed.
pub(super) fn install(handle: fn() -> bool) -> bool {
    let mut previous = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: a query for a valid signal; `previous` is room for the answer.
    if unsafe { libc::sigaction(PREEMPT, ptr::null(), previous.as_mut_ptr()) } != 0 {
        return false;
    }
    // SAFETY: the call has written it.
    let previous = unsafe { previous.assume_init() };
    // Before the handler can run.
    INSTALLED.get_or_init(|| Installed { handle, previous });
    // SAFETY: all zeroes is a valid action.
    let mut action = unsafe { MaybeUninit::<libc::sigaction>::zeroed().assume_init() };
    action.sa_sigaction = on_signal as *const () as usize;
    action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_RESTART;
    // SAFETY: `on_signal` has the signature that SA_SIGINFO asks for and is async-signal-safe.
    unsafe { libc::sigaction(PREEMPT, &raw const action, ptr::null_mut()) == 0 }
}

extern "C" fn on_signal(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    let Some(installed) = INSTALLED.get() else {
        return;
    };
    if (installed.handle)() {
        return;
    }
    type Plain = extern "C" fn(c_int);
    type Informed = extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void);
    let previous = &installed.previous;
    match previous.sa_sigaction {
        // To ignore it is the default, too.
        libc::SIG_DFL | libc::SIG_IGN => {}
        handler => {
            let handler = ptr::with_exposed_provenance::<()>(handler);
            if previous.sa_flags & libc::SA_SIGINFO != 0 {
                // SAFETY: whoever installed it with this flag promised this signature.
                let handler = unsafe { mem::transmute::<*const (), Informed>(handler) };
                handler(signal, info, context);
            } else {
                // SAFETY: whoever installed it without the flag promised this signature.
                let handler = unsafe { mem::transmute::<*const (), Plain>(handler) };
                handler(signal);
            }
        }
    }
}

/// The thread's error number, put back when dropped: what a handler does must not show.
pub(super) struct Errno(c_int);

impl Errno {
    /// Remembers it.
    pub(super) fn save() -> Self {
        // SAFETY: the thread's own, valid for its life.
        Self(unsafe { *place() })
    }
}

impl Drop for Errno {
    fn drop(&mut self) {
        // SAFETY: as in `save`; the handler ends on the thread on which it began.
        unsafe { *place() = self.0 };
    }
}

#[cfg(any(target_os = "linux", target_os = "emscripten"))]
fn place() -> *mut c_int {
    // SAFETY: without preconditions.
    unsafe { libc::__errno_location() }
}

#[cfg(any(target_os = "macos", target_os = "ios", target_os = "freebsd"))]
fn place() -> *mut c_int {
    // SAFETY: without preconditions.
    unsafe { libc::__error() }
}

#[cfg(any(target_os = "android", target_os = "netbsd", target_os = "openbsd"))]
fn place() -> *mut c_int {
    // SAFETY: without preconditions.
    unsafe { libc::__errno() }
}
