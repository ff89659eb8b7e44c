//! The thread that watches the scheduler without holding a P.
//!
//! It makes good what the fast paths leave undone for the sake of their speed:
//! - a goroutine that stays in `runnext` because its waker computes instead of waiting;
//! - work in the ring of a busy P while another P is idle (the pushing M checks without a fence);
//! - due timers while the P that has them is busy and no idle M keeps a deadline as early;
//! - goroutines that block their thread or compute for longer than their slice (`patrol`).
//!
//! And it gives memory back to the system that has not been of use for a while (`scavenge`).
//!
//! For the first three it starts one M on an idle P, and the search of that M does the rest. It runs no user
//! code, and while goroutines run it takes no lock for longer than a few instructions and allocates
//! nothing. When everything has been idle for a while, it has the `deadlock` check made.
//!
//! # How often it looks
//!
//! | state | mode | period |
//! |---|---|---|
//! | some Ps idle, some at work | `FAST` | 50 us, doubling to 10 ms while nothing is scheduled |
//! | no P idle, marked blocking calls under way | `FAST` | 50 us, doubling to 400 us |
//! | no P idle, goroutines wait | `SLOW` | 1 ms, or when a slice ends |
//! | no P idle, nobody waits | `SLOW` | doubling to 10 ms |
//! | all Ps idle, some at work a moment ago | `FAST`, then `SLOW` | doubling to 1 ms |
//! | all Ps idle | `SLOW`, then `ASLEEP` after a second | until an M is started, memory is to be given back, or a second while a main function waits |
//!
//! In each of them it looks when the earliest timer is due that no idle M keeps.
//!
//! In `SLOW` and `ASLEEP` it is woken by the first `ready` that leaves a goroutine in `runnext` beside an idle P (then it
//! looks again after 5 us, whether that one is still there), by a P that is given away and becomes idle, by the first
//! marked call, and by an M that has a timer due long before its next look. That costs a system call, once, and then
//! nothing while the program stays busy.

use std::io;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};
use std::thread;

use crate::netpoll;
use crate::primitive::clock::{self, NEVER};
use crate::primitive::parker::Parker;
use crate::primitive::precise;
use crate::sched::patrol::Patrol;
use crate::sched::scavenge::Scavenger;
use crate::sched::shared::scheduler;
use crate::sched::{deadlock, net, quit, ready};

const FAST: u32 = 0;
const SLOW: u32 = 1;
const ASLEEP: u32 = 2;

/// Nanoseconds between the look after it was woken and a second one.
const GLANCE: u64 = 5_000;
/// Nanoseconds between two looks.
const SHORTEST: u64 = 50_000;
const LONGEST: u64 = 10_000_000;
/// Nanoseconds between two looks while goroutines wait and no P is idle.
const BUSY: u64 = 1_000_000;
/// From this period on, others must wake it.
const SLOW_FROM: u64 = 400_000;
/// A timer due this much before the next look is worth waking it.
const EARLIER: u64 = 1_000_000;
/// Looks at a wholly idle scheduler before it asks whether this is a deadlock: some milliseconds.
const DEADLOCK_LOOKS: u32 = 8;
/// Looks at a wholly idle scheduler before it goes to sleep.
const IDLE_LOOKS: u32 = 100;
/// Nanoseconds that it sleeps then, if a main function waits.
const WATCHING: u64 = 1_000_000_000;

/// How alert it is; written by sysmon, and set to `FAST` by whoever wakes it.
static MODE: AtomicU32 = AtomicU32::new(FAST);
/// Until when it sleeps; 0 while it is awake or looks often.
static NEXT_LOOK: AtomicU64 = AtomicU64::new(0);
static PARKER: Parker = Parker::new();

/// Starts the thread.
///
/// # Errors
///
/// If the system refuses it.
pub(super) fn start() -> io::Result<()> {
    thread::Builder::new()
        .name("csp-sysmon".into())
        .stack_size(128 << 10)
        .spawn(run)?;
    Ok(())
}

/// An M was started: there is something to watch.
#[inline]
pub(super) fn watch() {
    if MODE.load(Ordering::Relaxed) == ASLEEP {
        wake();
    }
}

/// An idle M that kept a deadline has other work now: sysmon must know of it.
pub(super) fn watch_timers() {
    if MODE.load(Ordering::Relaxed) != FAST && scheduler().next_timer() != NEVER {
        wake();
    }
}

/// The calling M has a timer due at `when`, and may be about to run a goroutine for long.
#[inline]
pub(super) fn watch_timer(when: u64) {
    if NEXT_LOOK.load(Ordering::Relaxed) > when.saturating_add(EARLIER) {
        wake();
    }
}

/// A goroutine was left in `runnext`: if a P is idle, somebody must look after it soon.
#[inline]
pub(super) fn watch_if_idle() {
    if scheduler().idle.idle() > 0 && MODE.load(Ordering::Relaxed) != FAST {
        wake();
    }
}

/// A plain thread waits for a socket: if nobody polls, an M must.
pub(crate) fn watch_net() {
    // The wait is counted; partner: the fence in `sleep`, before which the mode is set.
    fence(Ordering::SeqCst);
    if !net::is_polled() && MODE.load(Ordering::Relaxed) != FAST {
        wake();
    }
}

/// A call that may block begins.
#[inline]
pub(crate) fn watch_call() {
    if MODE.load(Ordering::Relaxed) != FAST {
        wake();
    }
}

#[cold]
fn wake() {
    if MODE.swap(FAST, Ordering::AcqRel) != FAST {
        NEXT_LOOK.store(0, Ordering::Relaxed);
        PARKER.unpark();
    }
}

/// Makes sysmon look once more, whatever its mode. Async-signal-safe.
pub(super) fn unpark() {
    PARKER.unpark();
}

fn run() {
    precise::timers();
    let mut patrol = Patrol::new();
    let mut scavenger = Scavenger::new(clock::now());
    let mut delay = SHORTEST;
    let mut idle_looks = 0;
    let mut woken = false;
    loop {
        quit::pass_on();
        let mut now = clock::refresh();
        let mut found = patrol.look(now);
        // Whoever woke it may have done so for this one, some time ago: a sleep would double that.
        if std::mem::take(&mut woken) && found.fresh && scheduler().idle.idle() > 0 {
            now = pause(now + GLANCE);
            let before = found;
            found = patrol.look(now);
            found.active |= before.active;
            found.hot |= before.hot;
        }
        if wants_m(now, found.wanted) {
            ready::wake_fenced();
        }
        let sched = scheduler();
        let idle = sched.idle.idle();
        let procs = sched.procs.load(Ordering::Relaxed);
        if found.active || idle < procs {
            scavenger.note_activity(now);
        }
        scavenger.step(now, idle >= procs);
        let due = found.due.min(scavenger.due());
        idle_looks = if idle >= procs && !found.active {
            idle_looks + 1
        } else {
            0
        };
        delay = match () {
            // Nothing runs that could leave undone what sysmon makes good: a server between two requests.
            () if idle >= procs && idle_looks < DEADLOCK_LOOKS => (delay * 2).min(BUSY),
            () if idle > 0 && found.active => SHORTEST,
            () if idle > 0 => (delay * 2).min(LONGEST),
            () if found.hot => (delay * 2).min(SLOW_FROM - 1),
            () if found.waiting => BUSY,
            () => (delay * 2).clamp(BUSY, LONGEST),
        };
        if idle_looks == DEADLOCK_LOOKS {
            deadlock::check();
        }
        // As many as are away can come back and run on the idle Ps; more have to be watched.
        if idle_looks > IDLE_LOOKS && sched.away.load(Ordering::Relaxed) <= idle {
            // The last thread that could end the wait may itself end without a word.
            let watching = deadlock::is_watching();
            woken = sleep(
                ASLEEP,
                if watching { WATCHING } else { NEVER },
                scavenger.due(),
                NEVER,
            );
            // After a sleep for the sake of memory alone there is nothing new to be seen.
            idle_looks = if woken || watching { 0 } else { IDLE_LOOKS };
            delay = SHORTEST;
        } else if delay >= SLOW_FROM {
            woken = sleep(
                SLOW,
                delay,
                due,
                if found.picking { BUSY } else { SHORTEST },
            );
            if woken {
                delay = SHORTEST;
            }
        } else {
            PARKER.park_until((now + delay).min(due));
        }
    }
}

/// Waits for a time too short to sleep; returns the time.
fn pause(until: u64) -> u64 {
    loop {
        let now = clock::now();
        if now >= until {
            return now;
        }
        std::hint::spin_loop();
    }
}

/// Whether tasks wait for sockets, an idle P could poll for them, and nobody does.
fn is_poll_wanted() -> bool {
    netpoll::has_waiters() && !net::is_polled() && scheduler().idle.idle() > 0
}

/// Whether an M should be started on an idle P.
fn wants_m(now: u64, wanted: bool) -> bool {
    let sched = scheduler();
    if wanted || sched.idle.idle() == 0 {
        return wanted;
    }
    // Sockets are waited for, and nobody polls: the M will find nothing, and poll.
    if is_poll_wanted() {
        return true;
    }
    // A timer due earlier than the one an idle M keeps, or with no keeper, has only its P to see it.
    let next = sched.next_timer();
    next < sched.keeper.load(Ordering::Relaxed) && next <= now
}

/// Sleeps for `delay` ns, or until `due`, or until the next timer that nobody keeps but at least for `floor`, in a mode in
/// which others wake it. True if one did.
fn sleep(mode: u32, delay: u64, due: u64, floor: u64) -> bool {
    MODE.store(mode, Ordering::SeqCst);
    // Partner: the locked instruction with which an M takes a P out of the idle ones, before it looks
    // at the mode.
    fence(Ordering::SeqCst);
    let sched = scheduler();
    let now = clock::now();
    let mut until = now.saturating_add(delay).min(due);
    let next = sched.next_timer();
    if next < sched.keeper.load(Ordering::Relaxed) {
        until = until.min(next.max(now.saturating_add(floor)));
    }
    NEXT_LOOK.store(until, Ordering::Relaxed);
    // Something to do came up before the mode was visible: look again at once.
    let busy = mode == ASLEEP && sched.idle.idle() < sched.procs.load(Ordering::SeqCst);
    let woken = if busy || is_poll_wanted() {
        true
    } else if until == NEVER {
        PARKER.park();
        true
    } else {
        PARKER.park_until(until)
    };
    NEXT_LOOK.store(0, Ordering::Relaxed);
    MODE.store(FAST, Ordering::SeqCst);
    woken
}
