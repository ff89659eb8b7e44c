//! [`AltStack`]: the stack on which a worker thread's signal handlers run.
//!
//! A goroutine that has used up its stack has no room left for the handler that says so, which needs
//! a stack of the thread's own:
//!
//! ```text
//!   low                                                     high
//!   ┌────────────┬────────────────────────────────────────────┐
//!   │ guard page │ 64 KiB, or what the processor needs + 32 KiB│  ◀─ handlers start here
//!   └────────────┴────────────────────────────────────────────┘
//! ```
//!
//! Only pages that a handler touched cost memory. The size is above the processor's own minimum
//! (`AT_MINSIGSTKSZ`), because the registers saved on entry alone are 11 KiB with wide vectors.
//!
//! The standard library gives each of its threads a smaller one; it is put back on drop.

#![expect(unsafe_code, reason = "sigaltstack, and the memory it points to")]

use super::error::StackError;
use super::fatal;
use super::map;
use core::mem::{ManuallyDrop, MaybeUninit};
use core::ptr::{self, NonNull};
use std::io;

/// What handlers have at least.
const MIN_ROOM: usize = 64 * 1024;
/// What handlers have beyond the saved registers.
const ROOM_BESIDE_REGISTERS: usize = 32 * 1024;

/// The calling thread's alternate signal stack, in force until it is dropped.
///
/// Not `Send`: it is dropped on the thread that installed it, outside of signal handlers.
pub(crate) struct AltStack {
    /// The mapping, guard page first.
    base: NonNull<u8>,
    /// The mapping's length.
    len: usize,
    /// What the thread had before.
    previous: libc::stack_t,
}

/// Memory for an [`AltStack`], not yet in force: so that whoever starts a thread knows that there is enough.
pub(crate) struct Reserved {
    /// The mapping, guard page first.
    base: NonNull<u8>,
    /// The mapping's length.
    len: usize,
}

// SAFETY: the mapping belongs to no thread.
unsafe impl Send for Reserved {}

impl Reserved {
    /// Puts it in force on the calling thread.
    ///
    /// # Errors
    ///
    /// When called on an alternate stack.
    pub(crate) fn install(self) -> Result<AltStack, StackError> {
        let page = map::page_size();
        let mine = libc::stack_t {
            // SAFETY: the guard page is a part of the mapping.
            ss_sp: unsafe { self.base.add(page) }.as_ptr().cast(),
            ss_flags: 0,
            ss_size: self.len - page,
        };
        let mut previous = MaybeUninit::uninit();
        // SAFETY: `mine` is memory that stays mapped until the result's drop takes it out of
        // force; `previous` is room for the answer.
        if unsafe { libc::sigaltstack(&mine, previous.as_mut_ptr()) } != 0 {
            let source = io::Error::last_os_error();
            return Err(StackError::SignalStack { source });
        }
        let this = ManuallyDrop::new(self);
        Ok(AltStack {
            base: this.base,
            len: this.len,
            // SAFETY: the call succeeded and so has written it.
            previous: unsafe { previous.assume_init() },
        })
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        // SAFETY: the mapping is this value's own, and was not put in force: nobody knows of it.
        unsafe { map::unmap(self.base, self.len) };
    }
}

impl AltStack {
    /// Maps the memory for one.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub(crate) fn reserve() -> Result<Reserved, StackError> {
        let page = map::page_size();
        let len = room().next_multiple_of(page) + page;
        let base =
            map::map_with_guard_page(len).map_err(|source| StackError::SignalStack { source })?;
        Ok(Reserved { base, len })
    }

    /// Gives the calling thread an alternate signal stack.
    ///
    /// Ends the process with a message and status 2 when there is no memory for it, because a
    /// worker without one would die of its first stack overflow without a word.
    /// [`try_install`](Self::try_install) lets the caller decide.
    pub(crate) fn install() -> AltStack {
        Self::try_install().unwrap_or_else(|error| refused(&error))
    }

    /// Gives the calling thread an alternate signal stack.
    ///
    /// # Errors
    ///
    /// When there is no memory for it, or when called on an alternate stack.
    pub(crate) fn try_install() -> Result<AltStack, StackError> {
        Self::reserve()?.install()
    }
}

/// Ends the process for want of an alternate stack.
pub(crate) fn refused(error: &StackError) -> ! {
    match error {
        StackError::SignalStack { source } => {
            let code = source.raw_os_error().unwrap_or(0);
            fatal::exit(format_args!("fatal error: {error} (os error {code})\n"))
        }
        error => fatal::exit(format_args!("fatal error: {error}\n")),
    }
}

impl AltStack {
    /// As [`try_install`](Self::try_install) on a thread that has none: one that C code has started, or that is ending and
    /// runs the destructors of its thread-locals. `None` on others, and without memory.
    pub(crate) fn install_if_none() -> Option<AltStack> {
        let mut now = MaybeUninit::<libc::stack_t>::uninit();
        // SAFETY: a query; `now` is room for the answer.
        if unsafe { libc::sigaltstack(ptr::null(), now.as_mut_ptr()) } != 0 {
            return None;
        }
        // SAFETY: the call succeeded and so has written it.
        let now = unsafe { now.assume_init() };
        if now.ss_flags & libc::SS_DISABLE == 0 {
            return None;
        }
        Self::try_install().ok()
    }
}

impl Drop for AltStack {
    fn drop(&mut self) {
        // SAFETY: `previous` is what this thread had before, and its owner, if any, still has it:
        // scopes on one thread end in reverse order.
        let restored = unsafe { libc::sigaltstack(&self.previous, ptr::null_mut()) } == 0;
        // A refusal means that a handler is running on it at this moment; then it must stay.
        if restored {
            // SAFETY: the mapping is this value's own, and no longer in force.
            unsafe { map::unmap(self.base, self.len) };
        }
    }
}

/// Returns the bytes a handler's stack should have.
fn room() -> usize {
    MIN_ROOM.max(registers() + ROOM_BESIDE_REGISTERS)
}

/// Returns what the kernel writes to a handler's stack before the handler starts.
fn registers() -> usize {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        // SAFETY: a query without preconditions; 0 when the kernel does not tell.
        unsafe { libc::getauxval(libc::AT_MINSIGSTKSZ) as usize }
    }
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    {
        libc::MINSIGSTKSZ
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use std::thread;

    fn current() -> libc::stack_t {
        let mut now = MaybeUninit::uninit();
        // SAFETY: a query; `now` is room for the answer.
        let code = unsafe { libc::sigaltstack(ptr::null(), now.as_mut_ptr()) };
        assert_eq!(code, 0);
        // SAFETY: the call succeeded and so has written it.
        unsafe { now.assume_init() }
    }

    #[test]
    fn thread_has_it_until_it_is_dropped() {
        thread::spawn(|| {
            let before = current();
            let stack = AltStack::install();
            let during = current();
            assert_eq!(during.ss_flags, 0);
            assert!(during.ss_size >= MIN_ROOM);
            assert_ne!(during.ss_sp, before.ss_sp);
            drop(stack);
            assert_eq!(current().ss_sp, before.ss_sp);
            assert_eq!(current().ss_flags, before.ss_flags);
        })
        .join()
        .unwrap();
    }

    #[test]
    fn nested_ones_end_in_reverse_order() {
        thread::spawn(|| {
            let outer = AltStack::install();
            let in_outer = current().ss_sp;
            drop(AltStack::install());
            assert_eq!(current().ss_sp, in_outer);
            drop(outer);
        })
        .join()
        .unwrap();
    }
}
