//! `GOMAXPROCS`: growing and shrinking the set of Ps while goroutines run.
//!
//! Growing creates Ps, or takes retired ones back, and puts them into the idle list. Shrinking only
//! lowers the number: idle Ps beyond it are retired at once, and a P that is held is retired by its
//! holder at its next pick. The contents of a retired P move to the others.

use core::sync::atomic::Ordering;

use crate::goroutine::Goroutine;
use crate::primitive::clock::NEVER;
use crate::sched::shared::{MAX_PROCS, scheduler};
use crate::sched::{Machine, Processor, creator, current, ready};

/// Ps kept out of service, for [`lend`].
const LENT: u32 = 2;

/// Sets the number of Ps, 1 to `MAX_PROCS`, and returns the one before.
pub(crate) fn set_procs(n: usize) -> usize {
    let sched = scheduler();
    let n = n.clamp(1, MAX_PROCS) as u32;
    // Creating allocates: do it before taking the lock. Losing a race leaks one P, harmlessly.
    let wanted = (n + LENT).min(MAX_PROCS as u32);
    let fresh: Vec<_> = (sched.count()..wanted).map(Processor::create).collect();
    let mut surplus = Vec::with_capacity(MAX_PROCS);
    let before = {
        let mut lists = sched.lists();
        let before = sched.procs.swap(n, Ordering::SeqCst);
        for &p in &fresh {
            if p.id == sched.count() {
                p.retired.store(true, Ordering::Relaxed);
                sched.add(p);
            }
        }
        for p in sched.all().filter(|p| p.id < n) {
            if p.retired.swap(false, Ordering::Relaxed) {
                sched.put_idle(&mut lists, p);
            }
        }
        while let Some(at) = lists.idle_procs.iter().position(|p| p.id >= n) {
            // Ours now, as if an M held it: only once it is empty does it count as retired.
            let p = lists.idle_procs.swap_remove(at);
            sched.idle.p_busy();
            surplus.push(p);
        }
        before
    };
    // Freed here, outside the lock.
    drop(fresh);
    for p in surplus {
        hand_over_contents(p);
    }
    ready::wake_fenced();
    before as usize
}

/// The number of Ps that may run.
pub(crate) fn procs() -> usize {
    scheduler().procs.load(Ordering::Relaxed) as usize
}

/// Whether it may pay to wait for another goroutine's next few instructions without letting go of the processor: that
/// one may be running, and nobody waits for this processor.
pub(crate) fn may_spin() -> bool {
    match current::enter() {
        Some(inside) => procs() > 1 && !inside.processor().has_work(),
        None => true,
    }
}

/// Whether `p` lies beyond `GOMAXPROCS` now.
#[inline]
pub(super) fn must_retire(p: &Processor) -> bool {
    p.id >= scheduler().procs.load(Ordering::Relaxed)
}

/// Takes `p` from `m`, which holds it, and out of service. The M must sleep afterwards.
pub(super) fn retire(m: &'static Machine, p: &'static Processor) {
    m.take_p();
    if m.set_spinning(false) {
        let _ = scheduler().idle.stop_spin();
    }
    hand_over_contents(p);
}

/// Empties a P that is beyond `GOMAXPROCS` and that nobody holds any more, and marks it retired.
pub(super) fn hand_over_contents(p: &'static Processor) {
    let sched = scheduler();
    p.give_slots();
    sched.global.push_batch(&mut p.take_all());
    if p.timers.next() != NEVER {
        // It takes memory, which an M's loop must not ask for.
        creator::move_timers(p);
    }
    {
        let mut lists = sched.lists();
        // Raised again meanwhile: back into service, which `set_procs` could not do.
        if must_retire(p) {
            p.retired.store(true, Ordering::Relaxed);
        } else {
            sched.put_idle(&mut lists, p);
        }
    }
    ready::wake_fenced();
}

/// Lends a P to the stopped goroutine that has waited longest: one out of service, which goes out of service again at
/// its M's next pick. Without one, or without anybody to lend it to, nothing happens.
pub(super) fn lend() {
    let sched = scheduler();
    let lists = sched.lists();
    let Some(p) = sched.all().find(|p| p.retired.load(Ordering::Relaxed)) else {
        return;
    };
    let Some(g) = sched.stopped.pop().map(Goroutine::from_ptr) else {
        return;
    };
    p.retired.store(false, Ordering::Relaxed);
    drop(lists);
    // The goroutine goes on without a pick.
    p.next_run();
    Machine::from_ptr(g.bound())
        .expect("a stopped goroutine is bound to its M")
        .give(p, false);
}

/// Moves the timers of a P out of service to the first one, which is never out of service. Allocates, so
/// only the creator calls it.
pub(super) fn move_timers(p: &'static Processor) {
    if let Some(first) = scheduler().get(0)
        && first.id != p.id
    {
        p.timers.drain_into(&first.timers);
    }
}
