//! Making goroutines runnable, and waking an M for them when that pays.
//!
//! See the module docs of `sched` for the policy and for why no wake-up is lost.

use core::mem;

use crate::goroutine::{Goroutine, Status, prefetch_switch};
use crate::primitive::sync::{Ordering, fence};
use crate::sched::shared::scheduler;
use crate::sched::{Processor, creator, current, sysmon};

/// Makes a goroutine runnable: next on the caller's P, or in the global queue if the caller has
/// none. The caller owns the one wake-up of the goroutine's current wait.
#[inline]
pub(crate) fn ready(g: &'static Goroutine) {
    g.set_status(Status::Runnable);
    match current::enter() {
        Some(inside) => ready_on(inside.processor(), g),
        None => inject(g),
    }
}

/// As [`ready`], for the holder of `p`.
#[inline]
pub(super) fn ready_by(p: &'static Processor, g: &'static Goroutine) {
    g.set_status(Status::Runnable);
    prefetch_switch(g);
    ready_on(p, g);
}

#[inline]
fn ready_on(p: &'static Processor, g: &'static Goroutine) {
    match p.put_next(g) {
        // A second one: worth another processor, if one is idle and it is not over in a moment.
        Some(before) => {
            p.push(before);
            share(p);
        }
        // The first one: this M goes on with it in a moment, or sysmon finds it.
        None => sysmon::watch_if_idle(),
    }
}

/// Makes a new goroutine runnable: next on the caller's P if nothing else waits there, or at the end
/// of its queue. Of a burst of new goroutines all but the first thus cost no locked instruction,
/// and they start in the order in which they were made.
///
/// An M is woken for them when this one picks its next goroutine ([`share_burst`]), or by sysmon, whichever is first: while the
/// burst is being made the other M would take each new goroutine away while it is in this processor's cache, and make both
/// slower.
#[inline]
pub(crate) fn ready_new(g: &'static Goroutine) {
    let Some(inside) = current::enter() else {
        ready(g);
        return;
    };
    ready_new_on(inside.processor(), g);
}

/// As [`ready_new`], by the holder of `p` in a section of its own.
#[inline]
pub(crate) fn ready_new_on(p: &'static Processor, g: &'static Goroutine) {
    if p.has_work() {
        g.set_status(Status::Runnable);
        p.push(g.as_ptr());
        p.with_local(|local| local.burst = true);
        sysmon::watch_if_idle();
    } else {
        g.set_status(Status::Runnable);
        ready_on(p, g);
    }
}

/// Wakes an M for a burst of new goroutines that has ended, since this one has picked a goroutine. Holder only.
#[inline]
pub(super) fn share_burst(p: &'static Processor) {
    if p.with_local(|local| mem::take(&mut local.burst)) && !p.is_queue_empty() {
        share(p);
    }
}

/// Makes a goroutine runnable behind everything that is queued on the caller's P. Holder only.
#[inline]
pub(crate) fn ready_last(p: &'static Processor, g: &'static Goroutine) {
    g.set_status(Status::Runnable);
    p.push(g.as_ptr());
    share(p);
}

/// Wakes an M if a P is idle, nobody searches, and what waits on `p` is worth it; otherwise sysmon looks after it.
#[inline]
fn share(p: &'static Processor) {
    if scheduler().idle.wants_wake() {
        share_slow(p);
    }
}

#[cold]
#[inline(never)]
fn share_slow(p: &'static Processor) {
    if p.is_worth_sharing() {
        wake_one();
    } else {
        sysmon::watch_if_idle();
    }
}

/// Makes a goroutine runnable behind everything that is queued anywhere.
pub(crate) fn ready_for_all(g: &'static Goroutine) {
    g.set_status(Status::Runnable);
    inject(g);
}

/// Queues a goroutine where any M finds it, and wakes one.
#[cold]
fn inject(g: &'static Goroutine) {
    scheduler().global.push(g.as_ptr());
    wake_fenced();
}

/// Wakes an M if a P is idle and nobody searches, after work became visible to all. The fence makes
/// sure that either this caller sees the P go idle or its last holder sees the work (its partner
/// is the fence in `find::rest`).
pub(crate) fn wake_fenced() {
    fence(Ordering::SeqCst);
    wake_if_wanted();
}

/// As [`wake_fenced`] without the fence: a miss costs latency only.
#[inline]
pub(crate) fn wake_if_wanted() {
    if scheduler().idle.wants_wake() {
        wake_one();
    }
}

/// Starts an M that searches, on an idle P, unless somebody searches already.
#[cold]
pub(crate) fn wake_one() {
    let sched = scheduler();
    if !sched.idle.try_wake() {
        return;
    }
    let found = {
        let mut lists = sched.lists();
        sched
            .take_idle(&mut lists)
            .map(|p| (p, lists.machines.pop()))
    };
    match found {
        Some((p, machine)) => start(p, machine, true),
        // The P found another holder in the meantime, who looks around by itself.
        None => stop_spin(),
    }
}

/// One M less searches, without having found anything. The last one looks once more: work that
/// became ready while it was counted has woken nobody.
pub(crate) fn stop_spin() {
    let sched = scheduler();
    if sched.idle.stop_spin() {
        fence(Ordering::SeqCst);
        if sched.has_work_to_share() {
            wake_if_wanted();
        }
    }
}

/// Lets an M run with `p`: the one given, which the caller took out of the idle list, or a new one.
pub(crate) fn start(
    p: &'static Processor,
    machine: Option<&'static crate::sched::Machine>,
    spinning: bool,
) {
    match machine {
        Some(m) => m.give(p, spinning),
        None => creator::request(p, spinning),
    }
    sysmon::watch();
}
