//! The memory-mapping calls, and nothing else: the only `mmap` of the runtime and the only file of
//! this module that asks which operating system it is on.
//!
//! Linux is the tested system. Elsewhere on unix the plain calls serve: no guard regions, no huge
//! pages to turn off, no limit on maps to read.
//!
//! Locked memory: after `mlockall(MCL_FUTURE)` the system fills every new mapping with memory at
//! once, which for a reservation of hundreds of GiB is the end of the process; `mlockall(MCL_CURRENT)`
//! fills what is there already. What cannot be accessed is not filled. So [`reserve`] maps without
//! access, and [`open`] gives access to the part that is wanted next. Where a fresh page is resident
//! before anybody touched it, `reserve` asks for locking on first touch besides, which holds for the
//! parts opened later; if `mlockall` comes after it, these are filled when they are opened, which is what
//! the program has asked for.

#![expect(
    unsafe_code,
    reason = "system calls that map, protect and release memory"
)]

use super::limit::Limit;
use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicUsize, Ordering};
use std::io;

/// Returns the system's page size.
pub(super) fn page_size() -> usize {
    // Written once with a value that never differs, so threads may race to it.
    static PAGE: AtomicUsize = AtomicUsize::new(0);
    match PAGE.load(Ordering::Relaxed) {
        0 => {
            // SAFETY: a query without preconditions.
            let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
            let page = usize::try_from(page).unwrap_or(4096);
            PAGE.store(page, Ordering::Relaxed);
            page
        }
        page => page,
    }
}

/// Maps `len` bytes, aligned to `align`, that nobody can access before they are [opened](open). They cost
/// memory only page by page as they are touched, never in huge pages, and are left out of core dumps.
///
/// `len` and `align` are multiples of the page size, `align` a power of two.
pub(super) fn reserve(len: usize, align: usize) -> io::Result<NonNull<u8>> {
    let filled = system::fills_new_mappings();
    let whole = len.checked_add(align).ok_or(io::ErrorKind::OutOfMemory)?;
    let start = map(whole, libc::PROT_NONE, system::NO_RESERVE)?;
    let before = start.addr().get().next_multiple_of(align) - start.addr().get();
    // SAFETY: `before` is below `align`, so both cuts lie inside the `len + align` bytes just
    // mapped, which nobody else knows of.
    let base = unsafe {
        let base = start.add(before);
        unmap(start, before);
        unmap(base.add(len), align - before);
        base
    };
    if filled {
        // SAFETY: the range was just mapped, and nothing is in it.
        unsafe { system::lock_on_touch(base, len) };
    }
    // SAFETY: the range was just mapped, and the call changes no content.
    unsafe { system::refuse_huge_pages(base, len) };
    // SAFETY: as above.
    unsafe { system::set_dumped(base, len, false) };
    Ok(base)
}

/// Whether access costs something by itself: `mlockall` fills what is accessible, or a limit counts it.
pub(super) fn access_costs() -> bool {
    Limit::counts_what_is_open() || system::fills_new_mappings()
}

/// Gives access to a part of a reservation, and puts it into core dumps; neighbouring parts become one
/// mapping again.
///
/// # Errors
///
/// When a limit counts what can be written (`RLIMIT_DATA`, strict overcommit) and would not leave `spare`
/// bytes, if any, to the rest of the program.
///
/// # Safety
///
/// The range is page-aligned, was mapped by [`reserve`], and nobody uses it yet.
pub(super) unsafe fn open(start: NonNull<u8>, len: usize, spare: usize) -> io::Result<()> {
    // SAFETY: the caller's word.
    unsafe { protect(start, len, libc::PROT_READ | libc::PROT_WRITE)? };
    if spare > 0 && Limit::counts_what_is_open() {
        match map(spare, libc::PROT_READ | libc::PROT_WRITE, 0) {
            // SAFETY: just mapped, and nobody knows of it.
            Ok(room) => unsafe { unmap(room, spare) },
            Err(error) => {
                // SAFETY: the caller's word.
                let _ = unsafe { deny(start, len) };
                return Err(error);
            }
        }
    }
    // SAFETY: the caller's word.
    unsafe { system::set_dumped(start, len, true) };
    Ok(())
}

/// Maps `len` bytes of which the lowest page cannot be accessed; both ends page-aligned.
pub(super) fn map_with_guard_page(len: usize) -> io::Result<NonNull<u8>> {
    let base = map(len, libc::PROT_READ | libc::PROT_WRITE, 0)?;
    // SAFETY: the page was just mapped, and nothing is in it.
    match unsafe { deny(base, page_size()) } {
        Ok(()) => Ok(base),
        Err(error) => {
            // SAFETY: the range was just mapped, and nobody knows of it.
            unsafe { unmap(base, len) };
            Err(error)
        }
    }
}

/// Makes about `count` maps of nothing, which [`unmap`] ends together.
pub(super) fn many_maps(count: usize) -> Option<Pages> {
    let page = page_size();
    let len = count * page;
    let start = map(len, libc::PROT_NONE, system::NO_RESERVE).ok()?;
    for at in (0..count).step_by(2) {
        // SAFETY: a page of what was just mapped, which nobody else knows of. If it fails, there are as many as there are.
        let _ = unsafe { protect(start.add(at * page), page, libc::PROT_READ) };
    }
    Some(Pages { start, len })
}

fn map(len: usize, access: libc::c_int, flags: libc::c_int) -> io::Result<NonNull<u8>> {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANON | flags;
    // SAFETY: a new anonymous mapping at an address of the system's choice replaces nothing.
    let start = unsafe { libc::mmap(ptr::null_mut(), len, access, flags, -1, 0) };
    if start == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    NonNull::new(start.cast()).ok_or_else(|| io::ErrorKind::OutOfMemory.into())
}

/// Ends a mapping, or a part of one; an empty range is left alone.
///
/// # Safety
///
/// The range is page-aligned, was mapped by this module, and nobody uses it from now on.
pub(super) unsafe fn unmap(start: NonNull<u8>, len: usize) {
    if len > 0 {
        // SAFETY: the caller's word. The call cannot fail on a mapped, aligned range at a
        // mapping's end, and if it did the range would merely stay.
        unsafe { libc::munmap(start.as_ptr().cast(), len) };
    }
}

/// Makes every access to the range a fault, by splitting its mapping.
///
/// # Safety
///
/// The range is page-aligned, was mapped by this module, and nobody needs what is in it.
pub(super) unsafe fn deny(start: NonNull<u8>, len: usize) -> io::Result<()> {
    // SAFETY: the caller's word.
    unsafe { protect(start, len, libc::PROT_NONE) }
}

/// # Safety
///
/// As for [`deny`], with the access given.
unsafe fn protect(start: NonNull<u8>, len: usize, access: libc::c_int) -> io::Result<()> {
    // SAFETY: the caller's word.
    check(unsafe { libc::mprotect(start.as_ptr().cast(), len, access) })
}

/// Makes every access to the range a fault without splitting its mapping, where the system can.
///
/// # Errors
///
/// `InvalidInput` (EINVAL) or `Unsupported`: no such guards here, or not in locked memory.
///
/// # Safety
///
/// As for [`deny`].
pub(super) unsafe fn install_guard(start: NonNull<u8>, len: usize) -> io::Result<()> {
    // SAFETY: the caller's word.
    unsafe { system::install_guard(start, len) }
}

/// Whole pages of a reservation. Laid out as an `iovec`.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct Pages {
    /// The first byte; page-aligned.
    pub(super) start: NonNull<u8>,
    /// Bytes, a multiple of the page size.
    pub(super) len: usize,
}

const _: () = assert!(size_of::<Pages>() == size_of::<libc::iovec>());

// SAFETY: it describes memory, and gives no access to it.
unsafe impl Send for Pages {}

/// How many ranges one call of [`give_back`] may have.
pub(super) const MOST_RANGES: usize = 256;

/// Does what [`install_guard`] does to ranges of one length in one system call, and returns to how many from the first
/// on; to none where the system has no such call. What was left out is for [`install_guard`], which tells why.
///
/// # Safety
///
/// As for [`deny`], for each of them.
pub(super) unsafe fn install_guards(ranges: &[Pages]) -> usize {
    // SAFETY: the caller's word.
    unsafe { system::install_guards(ranges) }
}

/// Gives pages that are about to be written their memory, in one system call instead of a fault for each. Where the
/// system cannot, or has no memory, nothing happens: the faults will tell.
///
/// # Safety
///
/// The ranges are parts of mappings of this module.
pub(super) unsafe fn populate(ranges: &[Pages]) {
    // SAFETY: the caller's word.
    unsafe { system::populate(ranges) }
}

/// Gives the pages of a range that is about to be written their memory, those that have none yet.
///
/// # Errors
///
/// If the system does not know the call, or has no memory; some pages may have got it.
///
/// # Safety
///
/// The range is a part of a mapping of this module, and has no guard.
pub(super) unsafe fn fill(range: Pages) -> io::Result<()> {
    // SAFETY: the caller's word.
    unsafe { system::fill(range) }
}

/// Gives the memory of ranges back to the system: they stay mapped and read as zero. Guards in them stay.
///
/// # Errors
///
/// If the system refuses some of it: locked memory, for instance. What it took before stays given back.
///
/// # Safety
///
/// The ranges lie in mappings made by [`reserve`], and nobody needs what is in them.
pub(super) unsafe fn give_back(ranges: &[Pages]) -> io::Result<()> {
    // SAFETY: the caller's word.
    unsafe { system::advise(ranges, libc::MADV_DONTNEED) }
}

/// Lifts the guards in ranges that [`install_guard`] has set, so that their page tables can be given back too.
///
/// # Errors
///
/// If the system refuses it.
///
/// # Safety
///
/// As for [`give_back`], and nobody relies on the guards.
pub(super) unsafe fn lift_guards(ranges: &[Pages]) -> io::Result<()> {
    // SAFETY: the caller's word.
    unsafe { system::advise(ranges, system::MADV_GUARD_REMOVE) }
}

/// Returns how many mappings the process may have, where the system has such a limit.
pub(super) fn max_map_count() -> Option<usize> {
    system::max_map_count()
}

/// Tells whether the system grants no more memory than it has: strict overcommit.
pub(super) fn promises_are_kept() -> bool {
    system::promises_are_kept()
}

/// Turns a system call's 0 or -1 into a result.
fn check(code: libc::c_int) -> io::Result<()> {
    if code == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

#[cfg(target_os = "linux")]
mod system {
    use super::*;
    use core::ffi::CStr;
    use core::sync::atomic::AtomicBool;

    /// Keeps address space out of the account of promised memory.
    pub(super) const NO_RESERVE: libc::c_int = libc::MAP_NORESERVE;
    /// `MADV_GUARD_INSTALL` of Linux 6.13: faults by page-table entry instead of by mapping.
    const MADV_GUARD_INSTALL: libc::c_int = 102;

    pub(super) unsafe fn install_guard(start: NonNull<u8>, len: usize) -> io::Result<()> {
        // SAFETY: the word of `super::install_guard`'s caller.
        check(unsafe { libc::madvise(start.as_ptr().cast(), len, MADV_GUARD_INSTALL) })
    }

    /// `MADV_GUARD_REMOVE` of Linux 6.13.
    pub(super) const MADV_GUARD_REMOVE: libc::c_int = 103;
    /// `PIDFD_SELF` of Linux 6.14: this process, without a descriptor, which would name the parent after a fork.
    const PIDFD_SELF: libc::c_int = -10_000;

    /// Gives the same advice for many ranges: in one call where the system can, which takes it a fifth of the time.
    pub(super) unsafe fn advise(ranges: &[Pages], advice: libc::c_int) -> io::Result<()> {
        for ranges in ranges.chunks(MOST_RANGES) {
            let wanted: usize = ranges.iter().map(|range| range.len).sum();
            // SAFETY: the caller's word.
            if unsafe { advise_at_once(ranges, advice) } == wanted {
                continue;
            }
            // Doing it again does no harm.
            for range in ranges {
                // SAFETY: the caller's word.
                check(unsafe { libc::madvise(range.start.as_ptr().cast(), range.len, advice) })?;
            }
        }
        Ok(())
    }

    /// Gives the same advice for many ranges in one call, and returns for how many of their bytes, from the first on.
    ///
    /// # Safety
    ///
    /// The advice may be given for each of the ranges.
    unsafe fn advise_at_once(ranges: &[Pages], advice: libc::c_int) -> usize {
        // Written once when the system does not know the call, and then it never does.
        static REFUSED: AtomicBool = AtomicBool::new(false);
        if REFUSED.load(Ordering::Relaxed) {
            return 0;
        }
        // SAFETY: the caller's word; the ranges are laid out as `iovec`s, and are read during the call only.
        let done = unsafe {
            libc::syscall(
                libc::SYS_process_madvise,
                PIDFD_SELF,
                ranges.as_ptr(),
                ranges.len(),
                advice,
                0,
            )
        };
        usize::try_from(done).unwrap_or_else(|_| {
            if matches!(
                io::Error::last_os_error().raw_os_error(),
                Some(libc::EBADF | libc::ENOSYS | libc::EPERM | libc::ESRCH)
            ) {
                REFUSED.store(true, Ordering::Relaxed);
            }
            0
        })
    }

    pub(super) unsafe fn install_guards(ranges: &[Pages]) -> usize {
        let Some(first) = ranges.first() else {
            return 0;
        };
        // SAFETY: the word of `super::install_guards`'s caller.
        unsafe { advise_at_once(ranges, MADV_GUARD_INSTALL) / first.len }
    }

    pub(super) unsafe fn populate(ranges: &[Pages]) {
        // SAFETY: it changes no content, and the memory is this module's (caller).
        unsafe { advise_at_once(ranges, libc::MADV_POPULATE_WRITE) };
    }

    pub(super) unsafe fn fill(range: Pages) -> io::Result<()> {
        let Pages { start, len } = range;
        // SAFETY: it changes no content, and the memory is this module's (caller).
        check(unsafe { libc::madvise(start.as_ptr().cast(), len, libc::MADV_POPULATE_WRITE) })
    }

    pub(super) unsafe fn refuse_huge_pages(start: NonNull<u8>, len: usize) {
        // A kernel without huge pages refuses, and has none to turn off.
        // SAFETY: the range is the caller's own mapping; its content is not changed.
        unsafe { libc::madvise(start.as_ptr().cast(), len, libc::MADV_NOHUGEPAGE) };
    }

    pub(super) unsafe fn set_dumped(start: NonNull<u8>, len: usize, dumped: bool) {
        let advice = if dumped {
            libc::MADV_DODUMP
        } else {
            libc::MADV_DONTDUMP
        };
        // A refusal makes core dumps larger or smaller, and nothing else.
        // SAFETY: the range is the caller's own mapping; its content is not changed.
        unsafe { libc::madvise(start.as_ptr().cast(), len, advice) };
    }

    pub(super) unsafe fn lock_on_touch(start: NonNull<u8>, len: usize) {
        // On failure the mapping is filled when it is opened, as the program has asked for.
        // SAFETY: the range is the caller's own mapping; its content is not changed.
        unsafe {
            libc::mlock2(
                start.as_ptr().cast(),
                len,
                libc::MLOCK_ONFAULT as libc::c_uint,
            )
        };
    }

    /// Tells whether `mlockall(MCL_FUTURE)` is in force: whether an untouched page has memory.
    pub(super) fn fills_new_mappings() -> bool {
        let len = page_size();
        let Ok(page) = map(len, libc::PROT_READ | libc::PROT_WRITE, 0) else {
            return false;
        };
        let mut resident = 0u8;
        // SAFETY: one page was just mapped, and one byte is room for its answer.
        let code = unsafe { libc::mincore(page.as_ptr().cast(), len, &raw mut resident) };
        // SAFETY: the page is this function's own.
        unsafe { unmap(page, len) };
        code == 0 && resident & 1 == 1
    }

    pub(super) fn max_map_count() -> Option<usize> {
        setting(c"/proc/sys/vm/max_map_count")
    }

    pub(super) fn promises_are_kept() -> bool {
        setting(c"/proc/sys/vm/overcommit_memory") == Some(2)
    }

    /// Reads a number from a file of the system's, without allocating.
    fn setting(path: &CStr) -> Option<usize> {
        // SAFETY: the path ends in a nul byte and the flags need no mode.
        let file = unsafe { libc::open(path.as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC) };
        if file < 0 {
            return None;
        }
        let mut text = [0u8; 32];
        // SAFETY: the buffer has the length given.
        let len = unsafe { libc::read(file, text.as_mut_ptr().cast(), text.len()) };
        // SAFETY: the descriptor was opened above and is closed once.
        unsafe { libc::close(file) };
        let text = text.get(..usize::try_from(len).ok()?)?;
        str::from_utf8(text).ok()?.trim().parse().ok()
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use super::*;

    /// The other systems account memory when it is touched.
    pub(super) const NO_RESERVE: libc::c_int = 0;
    /// Never asked for: there are no such guards.
    pub(super) const MADV_GUARD_REMOVE: libc::c_int = -1;

    /// `MADV_DONTNEED` is a hint elsewhere, after which old content may come back: nothing is given back.
    pub(super) unsafe fn advise(_: &[Pages], _: libc::c_int) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(super) unsafe fn install_guard(_: NonNull<u8>, _: usize) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(super) unsafe fn install_guards(_: &[Pages]) -> usize {
        0
    }

    pub(super) unsafe fn populate(_: &[Pages]) {}

    pub(super) unsafe fn fill(_: Pages) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(super) unsafe fn refuse_huge_pages(_: NonNull<u8>, _: usize) {}

    pub(super) unsafe fn set_dumped(_: NonNull<u8>, _: usize, _: bool) {}

    pub(super) unsafe fn lock_on_touch(_: NonNull<u8>, _: usize) {}

    pub(super) fn fills_new_mappings() -> bool {
        false
    }

    pub(super) fn max_map_count() -> Option<usize> {
        None
    }

    pub(super) fn promises_are_kept() -> bool {
        false
    }
}
