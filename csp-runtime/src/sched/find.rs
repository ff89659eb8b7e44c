//! Where an M looks for its next goroutine, and how it goes to sleep when there is none.
//!
//! Order of the search: due timers of the own P; the M's mail; what the clock or the network woke while all
//! Ps were busy; every 61st time the global queue or the stopped goroutines, so that they do
//! not starve; `runnext`; the own ring; the global queue; then, if it may count as searching, half of
//! another P's ring, its due timers, and at last its `runnext`.
//!
//! `runnext` is taken at most [`INHERIT_MAX`] times in a row while others wait in the ring: two
//! goroutines that wake each other for ever must not keep the rest from running.
//!
//! An M that finds nothing puts its P into the idle list and sleeps. The one that knows of the
//! earliest timer sleeps until then (the *keeper*).

use core::ptr;

use crate::goroutine::{Batch, Goroutine, Status};
use crate::primitive::clock::{self, NEVER};
use crate::primitive::sync::{Ordering, fence, spin_loop};
use crate::sched::shared::{Lists, scheduler};
use crate::sched::{Machine, Processor, creator, home, net, procs, ready, scavenge, sysmon};

/// The global queue is looked at first once in this many picks.
const GLOBAL_EVERY: u32 = 61;
/// Goroutines that wait for a P with their thread are looked at first once in this many picks. Odd, because a stop
/// advances the number of picks by two.
const STOPPED_EVERY: u32 = 5;
/// Once in this many picks, those that the clock or the network has woken do not go first.
const URGENT_NOT: u32 = 4;
/// The most goroutines in a row from `runnext` while the ring is not empty.
const INHERIT_MAX: u32 = 64;
/// The most goroutines taken from the global queue at once.
const GLOBAL_BATCH: usize = 128;
/// The most timers fired before goroutines run again.
const FIRE_BATCH: usize = 64;
/// Rounds over all other Ps before an M gives up.
const ROUNDS: u32 = 4;

/// The next goroutine for `m`, which holds a P before and after, if not the same.
#[inline]
pub(super) fn find(m: &'static Machine) -> &'static Goroutine {
    let p = m.processor();
    match take_own(m, p) {
        Some(g) if !m.is_spinning() => {
            ready::share_burst(p);
            g
        }
        Some(g) => {
            stop_spinning(m);
            g
        }
        None => find_slow(m),
    }
}

#[inline]
fn take_own(m: &'static Machine, p: &'static Processor) -> Option<&'static Goroutine> {
    if procs::must_retire(p) {
        return None;
    }
    let sched = scheduler();
    if p.timers.next() != NEVER {
        fire_due(p, p);
        sysmon::watch_timer(p.timers.next());
    }
    let tick = p.tick.load(Ordering::Relaxed);
    if !m.mail.is_empty()
        && let Some(g) = m.mail.pop()
    {
        return Some(Goroutine::from_ptr(g));
    }
    if !sched.urgent.is_empty()
        && !tick.is_multiple_of(URGENT_NOT)
        && let Some(g) = sched.urgent.pop()
    {
        return Some(Goroutine::from_ptr(g));
    }
    // They may hold locks for which others give up their threads.
    if !sched.stopped.is_empty()
        && tick.is_multiple_of(STOPPED_EVERY)
        && let Some(g) = sched.stopped.pop()
    {
        return Some(Goroutine::from_ptr(g));
    }
    if tick.is_multiple_of(GLOBAL_EVERY) {
        look_around(p);
        if let Some(g) = take_one_global(p) {
            return Some(g);
        }
    }
    if let Some(g) = p.take_next() {
        let fair = p.with_local(|local| {
            local.inherited = local.inherited.saturating_add(1);
            local.inherited < INHERIT_MAX
        });
        if fair || p.is_queue_empty() {
            return Some(g);
        }
        p.push(g.as_ptr());
    }
    let g = p.pop_and_fetch()?;
    p.with_local(|local| local.inherited = 0);
    Some(g)
}

/// What is due at a pick now and then.
#[cold]
#[inline(never)]
fn look_around(p: &'static Processor) {
    scavenge::trim(p);
    home::draw(p);
    net::poll_between(p);
}

/// Takes the oldest goroutine of the global queue or of the stopped ones, in turn.
#[cold]
fn take_one_global(p: &'static Processor) -> Option<&'static Goroutine> {
    let sched = scheduler();
    let g = if stopped_next(p) {
        sched.stopped.pop().or_else(|| sched.global.pop())
    } else {
        sched.global.pop().or_else(|| sched.stopped.pop())
    }?;
    Some(Goroutine::from_ptr(g))
}

/// Whether it is the turn of the stopped goroutines; the next time it is that of the others.
fn stopped_next(p: &'static Processor) -> bool {
    p.with_local(|local| {
        local.stopped_next = !local.stopped_next;
        local.stopped_next
    })
}

#[cold]
#[inline(never)]
fn find_slow(m: &'static Machine) -> &'static Goroutine {
    loop {
        let p = m.processor();
        if procs::must_retire(p) {
            procs::retire(m, p);
            sleep(m);
            continue;
        }
        if let Some(g) = take_own(m, p)
            .or_else(|| take_global(p))
            .or_else(|| net::poll_busy(p).then(|| p.pop()).flatten())
            .or_else(|| search(m, p))
        {
            if m.is_spinning() {
                stop_spinning(m);
            }
            return g;
        }
        rest(m, p);
    }
}

/// The M found work while it searched. Work that became ready in the meantime woke nobody, because
/// somebody was searching: pass the search on if there is any.
#[cold]
fn stop_spinning(m: &'static Machine) {
    m.set_spinning(false);
    ready::stop_spin();
}

/// Takes a fair share of the global queue.
fn take_global(p: &'static Processor) -> Option<&'static Goroutine> {
    let sched = scheduler();
    if let Some(g) = sched.urgent.pop() {
        return Some(Goroutine::from_ptr(g));
    }
    if !sched.stopped.is_empty()
        && stopped_next(p)
        && let Some(g) = sched.stopped.pop()
    {
        return Some(Goroutine::from_ptr(g));
    }
    let waiting = sched.global.len();
    if waiting == 0 {
        return sched.stopped.pop().map(Goroutine::from_ptr);
    }
    let share = waiting / sched.procs.load(Ordering::Relaxed).max(1) as usize + 1;
    let mut batch = [None; GLOBAL_BATCH];
    let count = sched
        .global
        .pop_batch(&mut batch[..share.min(GLOBAL_BATCH)]);
    let mut batch = batch[..count].iter().flatten();
    let first = *batch.next()?;
    batch.for_each(|&g| p.push(g));
    Some(Goroutine::from_ptr(first))
}

/// Makes the goroutines runnable whose timers at `from` are due, on `p`, which the caller holds.
/// True if there were any. Not inlined: its frame would be paid by every pick.
#[inline(never)]
pub(super) fn fire_due(p: &'static Processor, from: &'static Processor) -> bool {
    let now = clock::now();
    if from.timers.next() > now {
        return false;
    }
    let mut fired = Batch::new();
    from.timers.pop_due(now, FIRE_BATCH, &mut |g| {
        Goroutine::from_ptr(g).set_status(Status::Runnable);
        fired.push_back(g);
    });
    let sched = scheduler();
    if sched.global.is_empty() {
        return net::push_all(p, &mut fired);
    }
    // More wait than one ring holds: behind them the woken would be late by as long as a ring takes.
    let any = !fired.is_empty();
    sched.urgent.push_batch(&mut fired);
    any
}

/// Looks at the other Ps.
fn search(m: &'static Machine, p: &'static Processor) -> Option<&'static Goroutine> {
    let sched = scheduler();
    if !m.is_spinning() {
        if !sched.idle.try_spin(sched.procs.load(Ordering::Relaxed)) {
            return None;
        }
        m.set_spinning(true);
    }
    let count = sched.count();
    for round in 0..ROUNDS {
        let last = round + 1 == ROUNDS;
        let start = p.with_local(|local| local.rng.below(count));
        for step in 0..count {
            let Some(victim) = sched.get((start + step) % count) else {
                continue;
            };
            if ptr::eq(victim, p) {
                continue;
            }
            if victim.is_worth_sharing()
                && let Some(g) = victim.steal_into(p)
            {
                return Some(g);
            }
            if last {
                if victim.timers.next() != NEVER && fire_due(p, victim) {
                    // Not where they were put: another may have taken them since.
                    return p.pop().or_else(|| take_global(p));
                }
                if let Some(g) = steal_next(victim) {
                    return Some(g);
                }
            }
        }
        if sched.has_global()
            && let Some(g) = take_global(p)
        {
            return Some(g);
        }
    }
    None
}

/// Takes another P's `runnext`, but only if that P does not get to it by itself within a few
/// microseconds: its goroutine may be about to wait, and then its M goes on with the next at
/// once and with a warm cache.
fn steal_next(victim: &'static Processor) -> Option<&'static Goroutine> {
    let next = victim.peek_next();
    if next.is_null() {
        return None;
    }
    let tick = victim.tick.load(Ordering::Relaxed);
    let until = clock::now() + 3_000;
    while clock::now() < until {
        spin_loop();
        if victim.tick.load(Ordering::Relaxed) != tick || victim.peek_next() != next {
            return None;
        }
    }
    victim.steal_next(next)
}

/// Puts the P into the idle list and sleeps, unless work turns up meanwhile. The M holds a P when
/// this returns.
fn rest(m: &'static Machine, p: &'static Processor) {
    let sched = scheduler();
    scavenge::trim(p);
    {
        let mut lists = sched.lists();
        // Under this lock every outside producer's push is either visible here, or its fence
        // comes later and it sees the idle P.
        if sched.has_global() || !m.mail.is_empty() || procs::must_retire(p) {
            return;
        }
        m.take_p();
        sched.put_idle(&mut lists, p);
        lists.machines.push(m);
    }
    if m.set_spinning(false) {
        let _ = sched.idle.stop_spin();
    }
    // Partner: the fence in `ready::wake_fenced`, and the argument in `protocol::idle`.
    fence(Ordering::SeqCst);
    if sched.has_work_to_share() {
        let mut lists = sched.lists();
        if wake_up(m, &mut lists) {
            drop(lists);
            sysmon::watch();
            return;
        }
    }
    // What was left to the other Ps may turn out to be worth sharing after all.
    if sched.all().any(|p| !p.is_queue_empty()) {
        sysmon::watch_if_idle();
    }
    sleep_listed(m);
}

/// Takes `m` out of the idle list and an idle P for it. False if there is no P, or if somebody
/// else took the M out and is about to give it one.
fn wake_up(m: &'static Machine, lists: &mut Lists) -> bool {
    let Some(at) = lists.machines.iter().position(|other| ptr::eq(*other, m)) else {
        return false;
    };
    let Some(p) = scheduler().take_idle(lists) else {
        return false;
    };
    lists.machines.swap_remove(at);
    m.hold(p);
    true
}

/// Sleeps until somebody gives this M a P, or until the earliest timer is due and a P is idle.
pub(super) fn sleep(m: &'static Machine) {
    let sched = scheduler();
    let mut mail = Batch::new();
    {
        let mut lists = sched.lists();
        m.mail.pop_batch(usize::MAX, &mut mail);
        lists.machines.push(m);
    }
    creator::end_pause();
    if !mail.is_empty() {
        // Without a P it can do nothing for them. Whoever picks one finds this M asleep and gives it a P.
        sched.global.push_batch(&mut mail);
        ready::wake_fenced();
    }
    sleep_listed(m);
}

/// As [`sleep`], for an M that is in the idle list.
fn sleep_listed(m: &'static Machine) {
    loop {
        let (deadline, polls) = role(m);
        let (mut woken, given) = if polls {
            net::poll_idle(m, deadline)
        } else {
            (Batch::new(), m.parker.park_until(deadline))
        };
        clock::refresh();
        let awake = if given {
            let p = m.take_gift();
            debug_assert!(p.is_some(), "a token comes with a P");
            p.is_some()
        } else {
            end_sleep(m, deadline)
        };
        if given && deadline != NEVER {
            give_up_deadline(deadline);
        }
        if awake {
            net::push_all(m.processor(), &mut woken);
            if polls {
                net::left_poll();
            }
            return;
        }
        if deadline != NEVER {
            // It is due, or has no keeper, and this M can do nothing about it.
            sysmon::watch_timers();
        }
        net::push_outside(&mut woken);
    }
}

/// What an idle M does beside sleeping: until when it keeps the earliest timer, and whether it polls the network.
fn role(m: &'static Machine) -> (u64, bool) {
    let sched = scheduler();
    let lists = sched.lists();
    if lists.idle_procs.is_empty() {
        return (NEVER, false);
    }
    let next = sched.next_timer();
    let deadline = if next < sched.keeper.load(Ordering::Relaxed) {
        sched.keeper.store(next, Ordering::Relaxed);
        next
    } else {
        NEVER
    };
    (deadline, net::try_become_poller(m))
}

/// The sleep ended without a P: by the deadline, or because there is something on the network. True if the M has a
/// P now, and is no longer in the idle list.
fn end_sleep(m: &'static Machine, deadline: u64) -> bool {
    let sched = scheduler();
    let mut lists = sched.lists();
    if deadline != NEVER && sched.keeper.load(Ordering::Relaxed) == deadline {
        sched.keeper.store(NEVER, Ordering::Relaxed);
    }
    let awake = wake_up(m, &mut lists);
    drop(lists);
    if awake {
        sysmon::watch();
    }
    awake
}

/// The deadline that an M kept until it was given a P has no keeper now.
fn give_up_deadline(deadline: u64) {
    let sched = scheduler();
    let lists = sched.lists();
    if sched.keeper.load(Ordering::Relaxed) == deadline {
        sched.keeper.store(NEVER, Ordering::Relaxed);
    }
    drop(lists);
    sysmon::watch_timers();
}
