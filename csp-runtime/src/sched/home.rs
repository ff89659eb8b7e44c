//! Which M a goroutine has to go on with, and on which it had better not begin: the migration guard's place in the
//! scheduler.
//!
//! A goroutine that an M picks and that last ran on another is looked at first (`migration`). If something on its stack
//! belongs to the other thread, it goes there (`handoff::to_home`); else it moves.
//!
//! Such a goroutine is *tied*: while another computes on that thread, it waits. One that computes for ever would end it,
//! although other processors are idle, and nothing can be done then: a goroutine that was stopped anywhere holds
//! whatever its thread had at that moment. So an M to which goroutines are known to be tied does not begin new ones, of
//! which nobody knows for how long they will compute: another M does (`handoff::to_other`). Only goroutines from a `go!`
//! that is known to start well-behaved ones (`sites`) begin there all the same.
//!
//! | a goroutine is looked at | because |
//! |---|---|
//! | when it first waits, and when it first waits on another M than before | most are tied then, or never |
//! | at one in 122 picks of its P, on average | it may be tied since, or no longer |
//! | when another M picks it | it would move |
//!
//! What was found holds until the next look. `Goroutine::is_tied` is protected as the stack is, by `on_cpu`;
//! `Machine::tied` counts the tied goroutines whose `last` it is, those included that run.
//!
//! Not met by this, and documented on the crate's front page: a hog that has waited before, or is the first from a `go!`
//! whose others behaved; one that ties another to its thread itself; and one that begins while nobody knows yet that a
//! goroutine which has waited there is tied since.

use core::panic::Location;

use crate::goroutine::Goroutine;
use crate::migration::{self, Verdict};
use crate::primitive::sync::{AtomicBool, Ordering};
use crate::sched::{Machine, Processor, sites};
use crate::stacks::Segment;

/// The goroutine that is to be looked at is drawn from so many picks to come. By chance: those that take turns come up
/// every so many picks, and all of them are to be looked at. Three times the picks between two draws (`find`), so that one
/// is drawn every two such spans on average.
const DRAWN_FROM: u32 = 183;

/// Goroutines have been tied: from now on it is noted how others behave, well or not.
static ANY: AtomicBool = AtomicBool::new(false);

/// The M on which `g`, which the caller has picked, has to go on; `None` if any will do.
#[cold]
#[inline(never)]
pub(super) fn home_of(g: &'static Goroutine) -> Option<&'static Machine> {
    let home = Machine::from_ptr(g.last())?;
    // It may be a few instructions from being off its stack.
    g.wait_until_off_cpu();
    // SAFETY: the caller has taken the goroutine from its queue, and no M is on its stack.
    #[expect(unsafe_code, reason = "reads the stack of another goroutine")]
    let verdict = unsafe { verdict(home, g, true) };
    note(home, g, verdict);
    match verdict {
        Verdict::MustStay(_) => Some(home),
        // Where nobody can say, it is documented that nobody looks.
        Verdict::MayMove | Verdict::Unknown => None,
    }
}

/// At some picks of `p`: draws the one to come whose goroutine is to be looked at, unless one was drawn that is still to
/// come. Holder only.
pub(super) fn draw(p: &'static Processor) {
    let tick = p.tick.load(Ordering::Relaxed);
    // Also one that was passed over counts as far ahead.
    let ahead = p
        .look_at
        .load(Ordering::Relaxed)
        .wrapping_sub(tick)
        .wrapping_sub(1);
    if ahead >= DRAWN_FROM {
        let at = p.with_local(|local| local.rng.below(DRAWN_FROM));
        p.look_at
            .store(tick.wrapping_add(1).wrapping_add(at), Ordering::Relaxed);
    }
}

/// Looks whether `g`, which `m` has just left, is tied to it. `willing` if it has let others run by itself. Nobody may
/// resume it before this returns.
#[cold]
#[inline(never)]
pub(super) fn look(m: &'static Machine, g: &'static Goroutine, willing: bool) {
    // SAFETY: it has left its stack, and nobody else has it yet (caller).
    #[expect(unsafe_code, reason = "reads the stack of a goroutine")]
    let verdict = unsafe { verdict(m, g, false) };
    note(m, g, verdict);
    if willing && ANY.load(Ordering::Relaxed) {
        trust(g);
    }
}

/// `g` has ended on `m`.
#[inline]
pub(super) fn forget(m: &'static Machine, g: &'static Goroutine) {
    if ANY.load(Ordering::Relaxed) {
        ended(m, g);
    }
}

#[cold]
#[inline(never)]
fn ended(m: &'static Machine, g: &'static Goroutine) {
    note(m, g, Verdict::MayMove);
    trust(g);
}

/// Whether `g`, which has not run yet, is not to begin on `m`, as it might keep those that are tied to it for ever.
#[inline]
pub(super) fn begins_elsewhere(m: &'static Machine, g: &'static Goroutine) -> bool {
    has_tied(m) && !g.spawned_at().is_some_and(sites::is_trusted)
}

/// Whether goroutines are known to be tied to `m`.
#[inline]
pub(super) fn has_tied(m: &'static Machine) -> bool {
    m.tied.load(Ordering::Relaxed) > 0
}

/// The goroutine on `m` has kept its thread in the run of `p` with number `tick`: `fault` is one of those of [`sites`].
/// A hint. False if nobody is watched yet.
pub(super) fn distrust(m: &'static Machine, p: &'static Processor, tick: u32, fault: u64) -> bool {
    if !ANY.load(Ordering::Relaxed) {
        return false;
    }
    let site = m.g().and_then(Goroutine::spawned_at);
    // Else it is the next goroutine already, or was.
    if p.tick.load(Ordering::Relaxed) == tick {
        blame(site, fault);
    }
    true
}

/// `g`, which is the caller's, has come back from a call in which it had its thread for a time slice and longer.
pub(super) fn has_blocked(g: &'static Goroutine) {
    if ANY.load(Ordering::Relaxed) {
        blame(g.spawned_at(), sites::LONG);
    }
}

fn blame(site: Option<&'static Location<'static>>, fault: u64) {
    if let Some(site) = site {
        sites::distrust(site, fault);
    }
}

/// `g`, which is the caller's, has let others have its thread.
fn trust(g: &'static Goroutine) {
    if let Some(site) = g.spawned_at() {
        sites::trust(site);
    }
}

/// Notes whether `g`, which is the caller's, is tied to `home`, its last M.
fn note(home: &'static Machine, g: &'static Goroutine, verdict: Verdict) {
    let tied = matches!(verdict, Verdict::MustStay(_));
    if tied == g.is_tied() {
        return;
    }
    g.set_tied(tied);
    if tied {
        home.tied.fetch_add(1, Ordering::Relaxed);
        ANY.store(true, Ordering::Relaxed);
    } else {
        home.tied.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What the guard says about going on with another M than `home`, on which `g` ran last; counted if it is `about_to_move`.
///
/// # Safety
///
/// The goroutine is the caller's, and off its stack.
#[expect(unsafe_code, reason = "reads the stack of another goroutine")]
unsafe fn verdict(home: &'static Machine, g: &'static Goroutine, about_to_move: bool) -> Verdict {
    let Some(locals) = home.thread_locals() else {
        return Verdict::Unknown;
    };
    if !locals.is_guarded() {
        return Verdict::MayMove;
    }
    let (frame, _) = g.suspended_at();
    let segment = g.segment();
    let stack = segment.map_or_else(|| g.first_stack(), Segment::stack);
    // SAFETY: the caller's promise.
    let low_end = unsafe { g.low_end(frame.sp, migration::SLACK) };
    // SAFETY: as above.
    let own = unsafe { g.suspended_locals() };
    if about_to_move {
        // SAFETY: as above; Ms' threads never end.
        unsafe { migration::check(locals, frame, low_end, stack, segment, own) }
    } else {
        // SAFETY: as above.
        unsafe { migration::look(locals, frame, low_end, stack, segment, own) }.0
    }
}
