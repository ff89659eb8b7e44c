//! A goroutine that must keep its thread while it waits.
//!
//! ```text
//!   M1 (goroutine g unwinds, waits)           M2 (scheduler loop)
//!   binds g, publishes its waiter
//!   gives its P away ───────────────────────▶ runs others with it
//!   sleeps, still on g's stack                 … g is made ready and queued
//!                                              picks g: bound to M1
//!   wakes with the P ◀─────────────────────── gives its P to M1, sleeps
//!   g goes on
//! ```
//!
//! No stack is switched on the way: the thread itself sleeps. The entry in the run queue is
//! an ordinary one; `Goroutine::bound` says that only M1 can continue it.

use core::ptr;

use crate::goroutine::{Goroutine, Status};
use crate::primitive::sync::{Ordering, fence};
use crate::sched::shared::scheduler;
use crate::sched::{Machine, Processor, current, find, procs, ready};

/// Parks the calling goroutine together with its thread.
#[cold]
pub(super) fn park_bound(g: &'static Goroutine) {
    let m = current::machine().expect("a goroutine runs on an M");
    let p = m.p.take().expect("a running goroutine has a P");
    give_away(p);
    m.parker.park();
    let given = m.take_gift();
    debug_assert!(given.is_some(), "a bound goroutine is continued with a P");
    // A gift never makes this M a searcher: it has its goroutine.
    debug_assert!(!m.spinning.get());
    g.bind(ptr::null_mut());
    g.set_status(Status::Running);
}

/// Lets others run although the calling goroutine is bound.
#[cold]
pub(super) fn yield_bound(g: &'static Goroutine) {
    let m = current::machine().expect("a goroutine runs on an M");
    ready::ready_last(m.processor(), g);
    park_bound(g);
}

/// `m` picked a goroutine bound to another M: gives it the P and becomes a spare until it is
/// given one itself.
#[cold]
pub(super) fn to_bound(m: &'static Machine, bound: *mut ()) {
    let p = m.p.take().expect("the scheduler loop has a P");
    Machine::from_ptr(bound)
        .expect("checked by the caller")
        .give(p, false);
    find::sleep(m);
}

/// Passes a P to an idle or a new M if it has anything to do, or else to the idle list.
fn give_away(p: &'static Processor) {
    let sched = scheduler();
    let mut lists = sched.lists();
    if procs::must_retire(p) {
        drop(lists);
        procs::hand_over_contents(p);
        return;
    }
    let idle = !p.has_work()
        && sched.global.is_empty()
        && p.timers.next() == crate::primitive::clock::NEVER;
    if idle {
        sched.put_idle(&mut lists, p);
        drop(lists);
        // As in `find::rest`, whose partner this fence has too: work may have arrived since.
        fence(Ordering::SeqCst);
        if sched.has_queued() {
            ready::wake_fenced();
        }
    } else {
        let machine = lists.machines.pop();
        drop(lists);
        ready::start(p, machine, false);
    }
}
