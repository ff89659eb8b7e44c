//! Where a thread's thread-locals are, for other threads to look at.
//!
//! [`ThreadLocals::of_this_thread`] is called by an M's thread before it runs any goroutine. It asks the dynamic linker
//! for the thread's static TLS block of the program and of each library loaded so far:
//!
//! ```text
//!   low                                              thread pointer
//!   ┌───────────────┬──────────────┬────────────────┬───────────────
//!   │ libraries     │ C library    │ program        │ the C library's own
//!   └───────────────┴──────────────┴────────────────┴───────────────
//!    ◀──────────── pointers to here tie ───────────▶
//! ```
//!
//! Invariants:
//! - Ms never end, so the blocks stay mapped, and other threads may read them at any time.
//! - What the C library's own words point to is nobody's handle, and is left out: its allocator's caches and the list of
//!   destructors change all the time, and the neighbours of the small objects there are anybody's.
//! - `early` holds the words that looked like addresses before the first goroutine ran: the allocator's cache, the
//!   handle of the current thread, the runtime's own. A word that still has that value was not set by a goroutine. So the
//!   words that many stacks could share, without meaning anything, do not count.
//!
//! # Reading the blocks of a running thread
//!
//! The words are read with relaxed atomic loads while their thread may write them with ordinary stores. On the machine
//! each is one aligned load or store: a value is old or new, never torn. Which of the two is read does not matter: what
//! ties a goroutine to a thread was stored there by the goroutine itself, or found by it there, before it was
//! suspended; that happens before the check, since the goroutine came here through a run queue. A goroutine that runs on
//! the old thread now may take such a value away again, and the check may or may not see it; the check an instant later
//! could not see it either. Nothing that is read is followed. To the compiler these are accesses of two threads
//! that do not synchronise, one of them not atomic; the blocks are reached through addresses that the linker gave, so
//! that it can neither know of the two nor draw conclusions.
//!
//! Not seen: libraries loaded later with `dlopen` and those whose block a thread has not yet touched, since such blocks
//! lie elsewhere and come and go; values behind `pthread_setspecific`. On systems other than Linux on x86-64 nothing is
//! known: [`ThreadLocals::is_known`] is false.
#![expect(
    unsafe_code,
    reason = "asks the linker, and reads another thread's words"
)]

use core::ops::Range;
use core::ptr;
use std::sync::OnceLock;

use super::counts::{self, Counters};
use crate::primitive::sync::{AtomicUsize, Ordering};

/// Bytes to a word.
const WORD: usize = size_of::<usize>();
/// Ranges that are no further apart than this are one when addresses are compared: what lies between them is padding.
const GAP: usize = 4096;
/// The lowest address of any object.
const LOWEST: usize = 1 << 16;
/// One past the highest address that a process has.
const HIGHEST: usize = 1 << 47;

/// A thread's static thread-locals; see the module.
pub(crate) struct ThreadLocals {
    /// The blocks whose words may be handles, lowest first.
    blocks: Box<[Range<usize>]>,
    /// All blocks with small gaps closed, for comparing addresses; one, as a rule. Their ends belong to them.
    spans: Box<[Range<usize>]>,
    /// From the first of `spans` to the last: nearly every word of a stack is refused by this one comparison.
    hull: Range<usize>,
    /// Where program and libraries are mapped: pointers to there are not to the heap.
    images: Box<[Range<usize>]>,
    /// Words that looked like addresses before any goroutine ran here, by address.
    early: Box<[Early]>,
    /// Whether the guard is switched on.
    guarded: bool,
    /// Checks made against this thread.
    counters: Counters,
}

/// A word, and what it held at first.
struct Early {
    at: usize,
    value: usize,
}

/// What the dynamic linker says.
#[derive(Default)]
struct Linked {
    /// All but the C library's.
    blocks: Vec<Range<usize>>,
    /// All.
    spans: Vec<Range<usize>>,
    images: Vec<Range<usize>>,
}

/// `CSP_MIGRATION_GUARD=0` switches the guard off, to show what happens without it.
fn is_switched_on() -> bool {
    static ON: OnceLock<bool> = OnceLock::new();
    *ON.get_or_init(|| std::env::var_os("CSP_MIGRATION_GUARD").is_none_or(|value| value != "0"))
}

impl ThreadLocals {
    /// The calling thread's. Allocates, and the result lives for ever, so the thread must never end. To be called
    /// once, after the runtime has set its own thread-locals and before any goroutine runs on the thread.
    pub(crate) fn of_this_thread() -> &'static Self {
        let Linked {
            mut blocks,
            mut spans,
            mut images,
        } = linked();
        spans.extend(thread_pointer().map(|at| at..at));
        spans.sort_by_key(|span| span.start);
        blocks.sort_by_key(|block| block.start);
        images.sort_by_key(|image| image.start);
        let spans = close_gaps(spans);
        let hull = spans.first().zip(spans.last());
        let mut locals = Self {
            hull: hull.map_or(0..0, |(first, last)| first.start..last.end),
            spans,
            blocks: blocks.into(),
            images: images.into(),
            early: Box::default(),
            guarded: is_switched_on(),
            counters: Counters::new(),
        };
        let mut early = Vec::new();
        locals.for_each_address(&mut |at, value| early.push(Early { at, value }));
        locals.early = early.into();
        let locals: &'static Self = Box::leak(Box::new(locals));
        counts::register(locals);
        locals
    }

    /// Whether the guard is switched on.
    #[inline]
    pub(crate) fn is_guarded(&self) -> bool {
        self.guarded
    }

    /// Whether anything is known about the thread.
    #[inline]
    pub(super) fn is_known(&self) -> bool {
        !self.spans.is_empty()
    }

    pub(super) fn counts(&self) -> &Counters {
        &self.counters
    }

    /// Whether `address` points to a thread-local, one past the last, or is the thread pointer, from which the
    /// compiler computes the rest.
    #[inline]
    pub(super) fn contains(&self, address: usize) -> bool {
        is_at(&self.hull, address) && self.spans.iter().any(|span| is_at(span, address))
    }

    /// Calls `f` with each word that may be an address outside the images and these blocks, and that was set since
    /// the first goroutine ran.
    #[inline]
    pub(super) fn for_each_pointer(&self, f: &mut impl FnMut(usize)) {
        let mut early = self.early.iter().peekable();
        self.for_each_address(&mut |at, value| {
            while early.next_if(|known| known.at < at).is_some() {}
            let unchanged = early
                .peek()
                .is_some_and(|known| known.at == at && known.value == value);
            if !unchanged && !self.contains(value) && !self.is_in_image(value) {
                f(value);
            }
        });
    }

    fn is_in_image(&self, address: usize) -> bool {
        let next = self.images.partition_point(|image| image.start <= address);
        next > 0 && self.images[next - 1].contains(&address)
    }

    /// Calls `f` with the place and the value of each word that may be an address, lowest place first.
    #[inline]
    fn for_each_address(&self, f: &mut impl FnMut(usize, usize)) {
        for block in &self.blocks {
            // A pointer that is not aligned, or not whole, is none.
            let mut at = block.start.next_multiple_of(WORD);
            while at + WORD <= block.end {
                // Most words are zero or small. No bit of an address is in any of four: none of them is one.
                if at + 4 * WORD <= block.end {
                    let four = [0, 1, 2, 3].map(|next| load(at + next * WORD));
                    if four.into_iter().fold(0, |all, word| all | word) < LOWEST {
                        at += 4 * WORD;
                        continue;
                    }
                }
                let value = load(at);
                if is_address(value) {
                    f(at, value);
                }
                at += WORD;
            }
        }
    }
}

/// The word at `at`, in one of the blocks.
#[inline(always)]
fn load(at: usize) -> usize {
    // SAFETY: the callers give aligned places in the blocks of a thread that does not end, which stay mapped. Others
    // may write the word; see the module.
    let word = unsafe { AtomicUsize::from_ptr(ptr::with_exposed_provenance_mut(at)) };
    word.load(Ordering::Relaxed)
}

/// Whether `address` is in the range or is its end.
#[inline(always)]
fn is_at(range: &Range<usize>, address: usize) -> bool {
    address.wrapping_sub(range.start) <= range.end - range.start
}

/// Whether a word may be an address of memory that a process has allocated.
#[inline(always)]
fn is_address(word: usize) -> bool {
    word.wrapping_sub(LOWEST) < HIGHEST - LOWEST
}

/// Joins ranges, lowest first, that are less than [`GAP`] apart.
fn close_gaps(ranges: Vec<Range<usize>>) -> Box<[Range<usize>]> {
    let mut closed: Vec<Range<usize>> = Vec::new();
    for range in ranges {
        match closed.last_mut() {
            Some(last) if range.start.saturating_sub(last.end) < GAP => {
                last.end = last.end.max(range.end);
            }
            _ => closed.push(range),
        }
    }
    closed.into()
}

/// The calling thread's blocks, and the images that are loaded.
#[cfg(all(target_arch = "x86_64", target_os = "linux", not(miri)))]
fn linked() -> Linked {
    use core::ffi::{CStr, c_int, c_void};

    /// Notes one image. Called under the linker's lock; it allocates, which does not call the linker.
    unsafe extern "C" fn note(
        info: *mut libc::dl_phdr_info,
        size: usize,
        to: *mut c_void,
    ) -> c_int {
        if size < size_of::<libc::dl_phdr_info>() {
            return 0;
        }
        // SAFETY: the linker passes what it describes, for the time of the call.
        let info = unsafe { &*info };
        // SAFETY: `linked` passes its own variable, which nobody else uses meanwhile.
        let to = unsafe { &mut *to.cast::<Linked>() };
        // SAFETY: the linker gives the place and the number of the headers.
        let headers =
            unsafe { core::slice::from_raw_parts(info.dlpi_phdr, info.dlpi_phnum.into()) };
        // SAFETY: the linker gives a string, which is empty for the program.
        let name = unsafe { CStr::from_ptr(info.dlpi_name) };
        let is_libc = name.to_bytes().ends_with(b"/libc.so.6");
        for header in headers {
            let start = match header.p_type {
                libc::PT_LOAD => (info.dlpi_addr + header.p_vaddr) as usize,
                // Null if this thread has not touched the library's thread-locals and they are not static.
                libc::PT_TLS if !info.dlpi_tls_data.is_null() => {
                    info.dlpi_tls_data.expose_provenance()
                }
                _ => continue,
            };
            let range = start..start + header.p_memsz as usize;
            if header.p_type == libc::PT_LOAD {
                to.images.push(range);
                continue;
            }
            if !is_libc {
                to.blocks.push(range.clone());
            }
            to.spans.push(range);
        }
        0
    }

    let mut found = Linked::default();
    // SAFETY: `note` has the type that is asked for, and unwinds only if memory is out, which aborts.
    unsafe { libc::dl_iterate_phdr(Some(note), (&raw mut found).cast()) };
    found
}

/// What the compiler adds a thread-local's offset to.
#[cfg(all(target_arch = "x86_64", target_os = "linux", not(miri)))]
fn thread_pointer() -> Option<usize> {
    let at: usize;
    // SAFETY: reads the word that the x86-64 ABI puts at the thread pointer: its own address.
    unsafe {
        core::arch::asm!("mov {}, fs:[0]", out(reg) at, options(nostack, preserves_flags, readonly));
    }
    Some(at)
}

#[cfg(not(all(target_arch = "x86_64", target_os = "linux", not(miri))))]
fn linked() -> Linked {
    Linked::default()
}

#[cfg(not(all(target_arch = "x86_64", target_os = "linux", not(miri))))]
fn thread_pointer() -> Option<usize> {
    None
}

#[cfg(test)]
impl core::fmt::Display for ThreadLocals {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let bytes: usize = self.blocks.iter().map(ExactSizeIterator::len).sum();
        let (blocks, early) = (self.blocks.len(), self.early.len());
        write!(f, "{bytes} bytes in {blocks} blocks, {early} early words")
    }
}
