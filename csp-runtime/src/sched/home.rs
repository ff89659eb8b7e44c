//! Which M a goroutine has to go on with: the migration guard's place in the scheduler.
//!
//! A goroutine that an M picks and that last ran on another is looked at first (`migration`). If something on its stack
//! belongs to the other thread, it goes there (`handoff::to_home`); else it moves.

use crate::goroutine::Goroutine;
use crate::migration::{self, Verdict};
use crate::sched::Machine;
use crate::stacks::Segment;

/// The M on which `g`, which the caller has picked, has to go on; `None` if any will do.
#[cold]
#[inline(never)]
pub(super) fn home_of(g: &'static Goroutine) -> Option<&'static Machine> {
    let home = Machine::from_ptr(g.last())?;
    let locals = home.thread_locals()?;
    // It may be a few instructions from being off its stack.
    g.wait_until_off_cpu();
    let (frame, _) = g.suspended_at();
    let segment = g.segment();
    let stack = segment.map_or_else(|| g.first_stack(), Segment::stack);
    // SAFETY: the caller has taken the goroutine from its queue, and no M is on its stack.
    #[expect(unsafe_code, reason = "reads the coroutine of another goroutine")]
    let low_end = unsafe { g.low_end(frame.sp, migration::SLACK) };
    // SAFETY: as above.
    #[expect(unsafe_code, reason = "reads the locals of another goroutine")]
    let own = unsafe { g.suspended_locals() };
    // SAFETY: as above; Ms' threads never end.
    #[expect(unsafe_code, reason = "reads the stack of another goroutine")]
    let verdict = unsafe { migration::check(locals, frame, low_end, stack, segment, own) };
    match verdict {
        Verdict::MustStay(_) => Some(home),
        // Where nobody can say, it is documented that nobody looks.
        Verdict::MayMove | Verdict::Unknown => None,
    }
}
