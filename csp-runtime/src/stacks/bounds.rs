//! Where the stack of a plain thread is, as the system tells.
//!
//! Glibc before 2.27 counted the guard as a part of the stack, so its size is taken off; with a later one that leaves a page
//! out. The main thread's stack is made larger as it is used; its low end is where the limit of now would have it.
//!
//! Systems that tell otherwise, or not, have no bounds here: then threads do not grow their stacks.
#![expect(unsafe_code, reason = "system calls that describe a thread")]

use core::ops::Range;

/// The calling thread's stack, guard not included. May allocate, and read files.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn of_this_thread() -> Option<Range<usize>> {
    use core::mem::MaybeUninit;
    use core::ptr;

    let mut attributes = MaybeUninit::<libc::pthread_attr_t>::uninit();
    // SAFETY: asks about the calling thread; `attributes` is room for the answer.
    if unsafe { libc::pthread_getattr_np(libc::pthread_self(), attributes.as_mut_ptr()) } != 0 {
        return None;
    }
    let (mut low, mut size, mut guard) = (ptr::null_mut(), 0, 0);
    // SAFETY: the attributes are initialised, and there is room for both answers.
    let stack = unsafe { libc::pthread_attr_getstack(attributes.as_ptr(), &mut low, &mut size) };
    // SAFETY: as above.
    let guarded = unsafe { libc::pthread_attr_getguardsize(attributes.as_ptr(), &mut guard) };
    // SAFETY: initialised by the first call, and not used again.
    unsafe { libc::pthread_attr_destroy(attributes.as_mut_ptr()) };
    if stack != 0 || guarded != 0 || low.is_null() {
        return None;
    }
    let high = low.addr().checked_add(size)?;
    Some(low.addr().checked_add(guard)?..high)
}

/// Not known.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn of_this_thread() -> Option<Range<usize>> {
    None
}

#[cfg(all(test, not(loom), any(target_os = "linux", target_os = "android")))]
mod tests {
    use super::*;
    use core::ptr;

    #[test]
    fn a_local_lies_within_the_bounds() {
        let check = || {
            let local = 0_u8;
            let bounds = of_this_thread().unwrap();
            assert!(bounds.contains(&ptr::from_ref(&local).addr()));
            assert!(bounds.len() <= 256 << 20 && bounds.len() > 32 << 10);
        };
        check();
        let small = std::thread::Builder::new().stack_size(128 << 10);
        small.spawn(check).unwrap().join().unwrap();
    }
}
