//! The guards at the slots' low ends: how they are set, and the limit of the second way.
//!
//! Two ways, tried in this order and never back:
//!
//! - **Regions** (`MADV_GUARD_INSTALL`, Linux 6.13): the fault is an entry in the page table. The
//!   mapping stays one, so a million stacks are one map.
//! - **Protection** (`mprotect`): splits the mapping at every guard, two maps a stack. The process
//!   may have `vm.max_map_count` of them (65,530 unless changed), which ends at about 32,600
//!   stacks. A few maps are left for the rest of the program, which must still be able to load
//!   debug information and print the error that says so.
//!
//! The way is found by using it: older kernels refuse the first guard, and one that took the first
//! refuses later ones in memory that `mlockall` has locked. Each refusal moves the process to the
//! second way; guards already set stay good. `CSP_STACK_GUARD=mprotect` starts with the second.
//!
//! A guard survives `MADV_DONTNEED` and `fork`, and slots are never unmapped. Only that of a free slot is ever lifted,
//! if it is a region (see `chunk::spare`), and set again before the slot is used.

#![expect(unsafe_code, reason = "setting guards on fresh slots")]

use super::chunk::Run;
use super::error::StackError;
use super::map::{self, Pages};
use super::slot::Slot;
use crate::primitive::spin::Spin;
use core::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};
use std::env;
use std::io;

/// The environment variable that names the way; `mprotect` is the only value heeded.
const CHOICE: &str = "CSP_STACK_GUARD";
/// Maps that guards leave to the rest of the program.
const SPARE_MAPS: usize = 256;
/// Maps that are kept for the moment at which there are no others.
const ASIDE_MAPS: usize = 64;
/// What the limit is taken for when the system does not tell: Linux's default.
const USUAL_MAPS: usize = 65_530;

const UNKNOWN: u8 = 0;
const REGIONS: u8 = 1;
const PROTECTION: u8 = 2;

/// The way in use. It only goes up, and each value is right to act on even when it is stale: a
/// stale `REGIONS` is refused once more.
static WAY: AtomicU8 = AtomicU8::new(UNKNOWN);
/// How many guards may be set by protection; 0 until somebody has asked. Written with what the system said, which threads
/// may race to, and lowered when it refuses more.
static LIMIT: AtomicUsize = AtomicUsize::new(0);
/// Guards set, or about to be set, by protection. Never above what `protection_limit` returned.
static PROTECTED: AtomicUsize = AtomicUsize::new(0);

/// Tells whether guards are page-table entries, so that stacks are not limited by memory maps.
pub(super) fn uses_regions() -> bool {
    way() == REGIONS
}

fn way() -> u8 {
    match WAY.load(Ordering::Relaxed) {
        UNKNOWN => first_way(),
        way => way,
    }
}

#[cold]
fn first_way() -> u8 {
    let forced = env::var_os(CHOICE).is_some_and(|choice| choice == "mprotect");
    let way = if forced { PROTECTION } else { REGIONS };
    WAY.fetch_max(way, Ordering::Relaxed).max(way)
}

/// Sets the guards of a run's slots, lowest first, and returns how many now have one: at least 1.
///
/// Setting a guard again does no harm.
///
/// # Errors
///
/// When not even the first slot's guard could be set.
///
/// # Safety
///
/// The run is claimed by the caller alone, and nobody needs what is in its slots.
pub(super) unsafe fn install(run: &Run) -> Result<u32, StackError> {
    let mut done = 0;
    if way() == REGIONS {
        // SAFETY: the guards are page-aligned parts of slots that nobody has touched.
        done = unsafe { map::install_guards(Spans::of(run, Slot::guard).as_slice()) } as u32;
        while done < run.len {
            let slot = run.slot(done);
            // SAFETY: the guard is a page-aligned part of a slot that nobody uses.
            match unsafe { map::install_guard(slot.base, slot.class.guard_size()) } {
                Ok(()) => done += 1,
                Err(source) if source.kind() == io::ErrorKind::OutOfMemory => {
                    return at_least_one(done, StackError::Guard { source });
                }
                Err(_) => {
                    WAY.fetch_max(PROTECTION, Ordering::Relaxed);
                    break;
                }
            }
        }
    }
    if done == run.len {
        return Ok(done);
    }
    // SAFETY: the caller's word.
    unsafe { protect(run, done) }
}

/// Gives the top pages of a run's slots their memory; for slots that will be used at once.
pub(super) fn populate(run: &Run) {
    // SAFETY: parts of the run's mapping.
    unsafe { map::populate(Spans::of(run, Slot::top_page).as_slice()) };
}

/// A part of each slot of a run, up to [`Spans::MOST`] of them.
struct Spans {
    /// The first `len` are set.
    spans: [Pages; Spans::MOST],
    len: usize,
}

impl Spans {
    /// A kibibyte of the caller's stack; more would hardly save a system call.
    const MOST: usize = 64;

    fn of(run: &Run, part: fn(Slot) -> Pages) -> Self {
        let mut spans = [part(run.slot(0)); Self::MOST];
        let len = spans.len().min(run.len as usize);
        for (at, span) in spans[..len].iter_mut().enumerate().skip(1) {
            *span = part(run.slot(at as u32));
        }
        Self { spans, len }
    }

    fn as_slice(&self) -> &[Pages] {
        &self.spans[..self.len]
    }
}

/// Sets the guards of the slots from `done` on by protection; as [`install`].
///
/// # Safety
///
/// As for [`install`].
#[cold]
unsafe fn protect(run: &Run, mut done: u32) -> Result<u32, StackError> {
    set_maps_aside();
    let granted = grant((run.len - done) as usize);
    let mut failure = None;
    let end = done + granted as u32;
    while done < end {
        let slot = run.slot(done);
        // SAFETY: the guard is a page-aligned part of a slot that nobody has touched.
        if let Err(source) = unsafe { map::deny(slot.base, slot.class.guard_size()) } {
            PROTECTED.fetch_sub((end - done) as usize, Ordering::Relaxed);
            if source.kind() == io::ErrorKind::OutOfMemory {
                end_of_maps();
            }
            failure = Some(source);
            break;
        }
        done += 1;
    }
    let error = match failure {
        Some(source) if source.kind() != io::ErrorKind::OutOfMemory => StackError::Guard { source },
        source => StackError::MapCount {
            stacks: PROTECTED.load(Ordering::Relaxed),
            source,
        },
    };
    at_least_one(done, error)
}

fn at_least_one(done: u32, error: StackError) -> Result<u32, StackError> {
    if done > 0 { Ok(done) } else { Err(error) }
}

/// Grants up to `want` guards by protection, none once the maps are used up.
///
/// Counted ahead of the system calls, so that running out is noticed while there are still maps
/// for the rest of the program. The counter guards no memory, hence `Relaxed`.
fn grant(want: usize) -> usize {
    let limit = protection_limit();
    let room = |used: usize| want.min(limit.saturating_sub(used));
    let taken = PROTECTED.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
        Some(used + room(used))
    });
    let (Ok(used) | Err(used)) = taken;
    room(used)
}

/// Maps that belong to nobody, for the moment at which the system refuses one because the rest of the program has used
/// them up: handling the error takes some. `None` before the first guard, and after that moment.
static ASIDE: Spin<Option<Pages>> = Spin::new(None);

/// Sets maps aside, once.
fn set_maps_aside() {
    static ONCE: AtomicBool = AtomicBool::new(false);
    if !ONCE.swap(true, Ordering::Relaxed) {
        *ASIDE.lock() = map::many_maps(ASIDE_MAPS);
    }
}

/// The system has refused a map: hands out those set aside, and sets no further guards, which would take them.
#[cold]
pub(super) fn end_of_maps() {
    if way() != PROTECTION {
        return;
    }
    LIMIT.store(PROTECTED.load(Ordering::Relaxed).max(1), Ordering::Relaxed);
    let aside = ASIDE.lock().take();
    if let Some(pages) = aside {
        // SAFETY: they belong to nobody.
        unsafe { map::unmap(pages.start, pages.len) };
    }
}

/// Returns how many guards may be set by protection.
fn protection_limit() -> usize {
    match LIMIT.load(Ordering::Relaxed) {
        0 => {
            let maps = map::max_map_count().unwrap_or(USUAL_MAPS);
            // A limit too low for the spare still allows a few stacks, as far as they go.
            let limit = (maps.saturating_sub(SPARE_MAPS) / 2).max(16);
            LIMIT.store(limit, Ordering::Relaxed);
            limit
        }
        limit => limit,
    }
}
