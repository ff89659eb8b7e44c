//! A goroutine that keeps its thread while it waits: for what it waits for, or for a P.
//!
//! ```text
//!   M1 (goroutine g)                          M2 (scheduler loop)
//!   binds g, publishes its waiter
//!   gives its P away ───────────────────────▶ runs others with it
//!   sleeps, still on g's stack                 … g is made ready and queued
//!                                              picks g: bound to M1
//!   wakes with the P ◀─────────────────────── gives its P to M1, sleeps
//!   g goes on
//! ```
//!
//! No stack is switched on the way: the thread itself sleeps. The entry in the run queue is
//! an ordinary one; `Goroutine::bound` says that only M1 can continue it. Four kinds wait like this: goroutines
//! that unwind, those locked to their thread, those that a signal has stopped (`preempt`), and those that came back from
//! a blocking call without a P (`retake`).
//!
//! **Mail.** A goroutine that has left its stack, but that only M1 may resume (its stack refers to M1's
//! thread-locals, see `migration`), is put into M1's mail. M1 looks there at each pick, and is woken with a P if it
//! sleeps without a goroutine. If it sleeps *with* one, or is in a blocking call, the mail waits. In the mail also goes
//! to another M what is not to begin on this one; it comes together with the P.

use core::ptr;

use crate::goroutine::{Goroutine, Status};
use crate::primitive::clock::{self, NEVER};
use crate::primitive::sync::{Ordering, fence};
use crate::sched::shared::{Scheduler, scheduler};
use crate::sched::{
    Machine, Processor, creator, current, find, home, patrol, procs, ready, sysmon,
};

/// So many that any M could run are passed over at once, to the end of their queue, to find one that only its own M can:
/// the lists are locked meanwhile. The next attempt meets the next ones.
const MOST_PASSED: usize = 128;

/// Parks the calling goroutine together with its thread; in a section.
#[cold]
pub(super) fn park_bound(g: &'static Goroutine) {
    let m = current::machine().expect("a goroutine runs on an M");
    let p = m.take_p().expect("a running goroutine has a P");
    give_away(p);
    wait_in_place(m, g);
}

/// Lets others run although the calling goroutine is bound; in a section.
#[cold]
pub(super) fn yield_bound(g: &'static Goroutine) {
    let m = current::machine().expect("a goroutine runs on an M");
    ready::ready_last(m.processor(), g);
    park_bound(g);
}

/// Queues the goroutine that runs on `m` among those that wait for a P with their thread. It must wait next.
pub(super) fn queue_in_place(m: &'static Machine, g: &'static Goroutine) {
    g.bind(m.as_ptr());
    g.set_status(Status::Runnable);
    scheduler().stopped.push(g.as_ptr());
}

/// Sleeps until the goroutine that runs on `m`, which is bound, is picked, and goes on with the picker's P.
pub(super) fn wait_in_place(m: &'static Machine, g: &'static Goroutine) {
    m.parker.park();
    let given = m.take_gift();
    debug_assert!(given.is_some(), "a bound goroutine is continued with a P");
    // A gift never makes this M a searcher: it has its goroutine.
    debug_assert!(!m.is_spinning());
    g.bind(ptr::null_mut());
    g.set_status(Status::Running);
}

/// `m` picked a goroutine bound to another M: gives it the P and becomes a spare until it is
/// given one itself.
#[cold]
pub(super) fn to_bound(m: &'static Machine, bound: *mut ()) {
    let p = m.take_p().expect("the scheduler loop has a P");
    Machine::from_ptr(bound)
        .expect("checked by the caller")
        .give(p, false);
    find::sleep(m);
}

/// `m` picked a goroutine that only `home` may resume: leaves it there, with the P if `home` sleeps.
#[cold]
pub(super) fn to_home(m: &'static Machine, home: &'static Machine, g: &'static Goroutine) {
    let sched = scheduler();
    let mut lists = sched.lists();
    // Under the lock: an M that goes to sleep looks at its mail under it.
    g.set_status(Status::Tied);
    home.mail.push(g.as_ptr());
    let at = lists.machines.iter().position(|idle| ptr::eq(*idle, home));
    let Some(at) = at else {
        return;
    };
    lists.machines.swap_remove(at);
    drop(lists);
    let p = m.take_p().expect("the scheduler loop has a P");
    home.give(p, false);
    find::sleep(m);
}

/// `m` picked a goroutine that is to begin with another M (`home`): leaves it in the mail of one to which nobody is tied,
/// and gives that one the P. False if there is none and none will be started.
#[cold]
#[inline(never)]
pub(super) fn to_other(m: &'static Machine, g: &'static Goroutine) -> bool {
    let mut lists = scheduler().lists();
    let at = lists
        .machines
        .iter()
        .rposition(|idle| !home::has_tied(idle));
    let other = at.map(|at| lists.machines.remove(at));
    if let Some(other) = other {
        other.mail.push(g.as_ptr());
    }
    drop(lists);
    if other.is_none() && !creator::claim_apart() {
        return false;
    }
    let p = m.take_p().expect("the scheduler loop has a P");
    match other {
        Some(other) => ready::start(p, Some(other), false),
        None => creator::request_apart(p, g),
    }
    find::sleep(m);
    true
}

/// `p`, which is the caller's, was to have a new M, and the system refuses one: gives it to an M that is idle by now, or
/// else to one that waits for a P together with its goroutine; perhaps all do. If there is none, it goes to the idle
/// list, or out of service; false then, and the caller looks again after a while.
pub(super) fn to_any(p: &'static Processor) -> bool {
    let sched = scheduler();
    // Nobody else may be there to do it.
    let now = clock::now();
    for other in sched.all() {
        patrol::fire_due(sched, other, now);
    }
    sched.global.push_batch(&mut p.take_all());
    // Under the lock: those that want a P queue for one under it.
    let mut lists = sched.lists();
    if procs::must_retire(p) {
        drop(lists);
        procs::hand_over_contents(p);
        return false;
    }
    let taker = lists.machines.pop().or_else(|| {
        let g = sched.stopped.pop().map(Goroutine::from_ptr);
        Machine::from_ptr(g.or_else(|| next_bound(sched))?.bound())
    });
    if taker.is_none() {
        sched.put_idle(&mut lists, p);
    }
    drop(lists);
    let found = taker.is_some();
    if found {
        // A goroutine that waits there goes on without a pick.
        p.next_run();
        ready::start(p, taker, false);
    }
    found
}

/// Takes a goroutine that only its own M can continue out of the queues that belong to no P.
fn next_bound(sched: &Scheduler) -> Option<&'static Goroutine> {
    for _ in 0..sched.urgent.len().min(MOST_PASSED) {
        let g = Goroutine::from_ptr(sched.urgent.pop()?);
        if !g.bound().is_null() {
            return Some(g);
        }
        sched.urgent.push(g.as_ptr());
    }
    for _ in 0..sched.global.len().min(MOST_PASSED) {
        let g = Goroutine::from_ptr(sched.global.pop()?);
        if !g.bound().is_null() {
            return Some(g);
        }
        sched.global.push(g.as_ptr());
    }
    None
}

/// A P was taken out of the idle list by an M that does not search: work that arrived when it became idle may count on
/// it, and its timers have no keeper.
pub(super) fn took_idle() {
    fence(Ordering::SeqCst);
    if scheduler().has_work_to_share() {
        ready::wake_if_wanted();
    }
    sysmon::watch();
}

/// Passes a P to an idle or a new M if it has anything to do, or else to the idle list.
pub(super) fn give_away(p: &'static Processor) {
    let sched = scheduler();
    let mut lists = sched.lists();
    if procs::must_retire(p) {
        drop(lists);
        procs::hand_over_contents(p);
        return;
    }
    let idle = !p.has_work() && !sched.has_global() && p.timers.next() == NEVER;
    if idle {
        sched.put_idle(&mut lists, p);
        drop(lists);
        // As in `find::rest`, whose partner this fence has too: work may have arrived since.
        fence(Ordering::SeqCst);
        if sched.has_work_to_share() {
            ready::wake_fenced();
        }
        // Nor did anybody watch the `runnext` of other Ps while none was idle. Should sysmon be about to slow down, it
        // sees this P at its next look.
        sysmon::watch_if_idle();
    } else {
        let machine = lists.machines.pop();
        drop(lists);
        ready::start(p, machine, false);
    }
}
