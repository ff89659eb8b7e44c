//! What happens when a goroutine's stack is used up: a fault in a guard becomes a report, and every
//! other fault goes to whoever handled faults before.
//!
//! ```text
//!   stack runs into its guard ─▶ SIGSEGV, on the thread's alternate stack
//!                                   │
//!              si_addr in a guard of the arena?
//!                 yes │                       │ no, or a signal that somebody sent
//!                     ▼                       ▼
//!        report(slot, address)      the earlier handler, as the kernel would have called it;
//!        _exit(2)                   without one: default action, the instruction faults again,
//!                                   and the process dies of the true signal
//! ```
//!
//! The earlier handler is most often the standard library's, which recognises the guards of plain
//! threads; their overflow keeps its own message. Ours is installed with that handler's mask and
//! restart flags, so that it runs under the conditions it asked for; only SIGURG is held back
//! besides, so that nothing that a program does in its handler comes between a fault and its report.
//!
//! `si_addr` alone decides. Where the stack pointer was is not asked: with a large frame it may be
//! below the guard, and code that merely reads a guard through a stray pointer is as wrong.
//!
//! No allocation, no lock and no thread-local from the fault to `report`. A second thread that
//! overflows while the first one reports waits for the end; a fault inside `report` finds the
//! signal blocked, for which the kernel ends the process.

#![expect(
    unsafe_code,
    reason = "signal handlers, and calling those that were there before"
)]

use super::arena::arena;
use super::fatal;
use super::slot::Slot;
use core::ffi::{c_int, c_void};
use core::mem::{self, MaybeUninit};
use core::ptr;
use core::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Once, OnceLock};

/// What the handler needs; set before it is installed, never changed.
struct Installed {
    /// Says whose stack overflowed, and ends the process.
    report: fn(Slot, usize),
    /// What was in force for SIGSEGV.
    segv: libc::sigaction,
    /// What was in force for SIGBUS, which some systems send for a guard.
    bus: libc::sigaction,
}

static INSTALLED: OnceLock<Installed> = OnceLock::new();
/// Set by the first thread that reports.
static REPORTING: AtomicBool = AtomicBool::new(false);

/// Installs the fault handler; only the first call of a process does anything, and later ones wait
/// for it.
///
/// `report` gets the slot and the address that was touched. It runs in the signal handler on the
/// thread's alternate stack, must be async-signal-safe, and should end the process; if it returns,
/// the process ends with status 2.
pub(crate) fn install(report: fn(Slot, fault_addr: usize)) {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let (segv, bus) = (in_force(libc::SIGSEGV), in_force(libc::SIGBUS));
        // The handler reads it, so it is set first; `call_once` makes this the only writer.
        let installed = INSTALLED.get_or_init(|| Installed { report, segv, bus });
        put(libc::SIGSEGV, &installed.segv);
        put(libc::SIGBUS, &installed.bus);
    });
}

/// Returns what is in force for a signal.
fn in_force(signal: c_int) -> libc::sigaction {
    let mut action = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: a query for a valid signal; `action` is room for the answer.
    let code = unsafe { libc::sigaction(signal, ptr::null(), action.as_mut_ptr()) };
    debug_assert_eq!(code, 0);
    // SAFETY: the call has written it, and all zeroes would be a valid "default action" too.
    unsafe { action.assume_init() }
}

/// Puts the handler in force for a signal, under the conditions of the one before.
fn put(signal: c_int, previous: &libc::sigaction) {
    let mut action = *previous;
    action.sa_sigaction = on_fault as *const () as usize;
    let kept = previous.sa_flags & (libc::SA_RESTART | libc::SA_NODEFER);
    action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | kept;
    // Nothing shall interrupt the report half-way.
    // SAFETY: the set is a valid one, and SIGURG a valid signal.
    unsafe { libc::sigaddset(&mut action.sa_mask, libc::SIGURG) };
    // SAFETY: `on_fault` has the signature that SA_SIGINFO asks for and is async-signal-safe.
    let code = unsafe { libc::sigaction(signal, &action, ptr::null_mut()) };
    debug_assert_eq!(code, 0);
}

/// The handler.
extern "C" fn on_fault(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    let Some(installed) = INSTALLED.get() else {
        return;
    };
    // SAFETY: with SA_SIGINFO the kernel passes a valid `info`.
    let code = unsafe { (*info).si_code };
    // Only the kernel sends codes above zero; the address means nothing in other signals.
    let by_fault = code > 0;
    if by_fault {
        // SAFETY: as above, and a fault's `info` has an address.
        let addr = unsafe { (*info).si_addr() }.addr();
        if let Some(slot) = arena()
            .lookup(addr)
            .or_else(|| arena().lookup_segment(addr))
            .filter(|slot| slot.guard_range().contains(&addr))
        {
            end_with_report(installed.report, slot, addr);
        }
    }
    let previous = if signal == libc::SIGBUS {
        &installed.bus
    } else {
        &installed.segv
    };
    // SAFETY: the arguments are those the kernel passed for this signal.
    unsafe { hand_over(previous, by_fault, signal, info, context) }
}

#[cold]
fn end_with_report(report: fn(Slot, usize), slot: Slot, addr: usize) -> ! {
    // Relaxed: it only elects a thread; nothing is read on the strength of it.
    if REPORTING.swap(true, Ordering::Relaxed) {
        loop {
            // SAFETY: async-signal-safe and without preconditions; the reporter ends the process.
            unsafe { libc::pause() };
        }
    }
    report(slot, addr);
    fatal::end()
}

/// Does what the kernel would have done had our handler not been there.
///
/// # Safety
///
/// The arguments are those of the running handler, and `previous` was in force for its signal.
unsafe fn hand_over(
    previous: &libc::sigaction,
    by_fault: bool,
    signal: c_int,
    info: *mut libc::siginfo_t,
    context: *mut c_void,
) {
    type Plain = extern "C" fn(c_int);
    type Informed = extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void);
    match previous.sa_sigaction {
        // A fault cannot be ignored: the kernel takes the default action then, too.
        libc::SIG_IGN if !by_fault => {}
        libc::SIG_DFL | libc::SIG_IGN => {
            restore_default(signal);
            if !by_fault {
                // SAFETY: async-signal-safe; the signal strikes when the handler returns.
                unsafe { libc::raise(signal) };
            }
        }
        handler => {
            if previous.sa_flags & libc::SA_RESETHAND != 0 {
                restore_default(signal);
            }
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

/// Puts the default action in force.
fn restore_default(signal: c_int) {
    // SAFETY: all zeroes is a valid action: SIG_DFL, no flags, empty mask.
    let action = unsafe { MaybeUninit::<libc::sigaction>::zeroed().assume_init() };
    debug_assert_eq!(action.sa_sigaction, libc::SIG_DFL);
    // SAFETY: async-signal-safe; the default action needs nothing of the program.
    unsafe { libc::sigaction(signal, &action, ptr::null_mut()) };
}

#[cfg(all(test, not(loom)))]
mod tests;
