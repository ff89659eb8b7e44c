//! The thread that watches the scheduler without holding a P.
//!
//! It makes good what the fast paths leave undone for the sake of their speed:
//! - a goroutine that stays in `runnext` because its waker computes instead of waiting;
//! - work in the ring of a busy P while another P is idle (the pushing M checks without a fence);
//! - due timers while the P that has them is busy and no idle M keeps a deadline as early.
//!
//! For each it starts one M on an idle P, and the search of that M does the rest. It runs no user
//! code, and while goroutines run it takes no lock for longer than a few instructions and allocates
//! nothing. When everything has been idle for a while, it has the `deadlock` check made.
//!
//! # How often it looks
//!
//! | state | mode | period |
//! |---|---|---|
//! | some Ps idle, some at work | `FAST` | 50 us, doubling to 10 ms while nothing is scheduled |
//! | no P idle | `SLOW` | 10 ms: there is no M to start |
//! | all Ps idle | `SLOW`, then `ASLEEP` after a second | until an M is started, or a second while a main function waits |
//!
//! In `SLOW` and `ASLEEP` it is woken by the first `ready` that leaves a goroutine in `runnext` beside
//! an idle P, which costs that goroutine one system call, once, and then nothing while the
//! program stays busy.

use std::io;
use std::sync::atomic::{AtomicU32, Ordering, fence};
use std::thread;

use crate::primitive::clock::{self, NEVER};
use crate::primitive::parker::Parker;
use crate::primitive::precise;
use crate::sched::shared::{MAX_PROCS, scheduler};
use crate::sched::{deadlock, ready};

const FAST: u32 = 0;
const SLOW: u32 = 1;
const ASLEEP: u32 = 2;

/// Nanoseconds between two looks.
const SHORTEST: u64 = 50_000;
const LONGEST: u64 = 10_000_000;
/// From this period on, `ready` must wake it.
const SLOW_FROM: u64 = 400_000;
/// Looks at a wholly idle scheduler before it asks whether this is a deadlock: some milliseconds.
const DEADLOCK_LOOKS: u32 = 8;
/// Looks at a wholly idle scheduler before it goes to sleep.
const IDLE_LOOKS: u32 = 100;
/// Nanoseconds that it sleeps then, if a main function waits.
const WATCHING: u64 = 1_000_000_000;

/// How alert it is; written by sysmon, and set to `FAST` by whoever wakes it.
static MODE: AtomicU32 = AtomicU32::new(FAST);
static PARKER: Parker = Parker::new();

/// What it saw at a P the last time.
#[derive(Clone, Copy, Default)]
struct Seen {
    tick: u32,
    /// Address of the goroutine in `runnext`, compared only.
    next: usize,
}

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

/// A goroutine was left in `runnext`: if a P is idle, somebody must look after it soon.
#[inline]
pub(super) fn watch_if_idle() {
    if scheduler().idle.idle() > 0 && MODE.load(Ordering::Relaxed) != FAST {
        wake();
    }
}

#[cold]
fn wake() {
    if MODE.swap(FAST, Ordering::AcqRel) != FAST {
        PARKER.unpark();
    }
}

fn run() {
    precise::timers();
    let mut seen = vec![Seen::default(); MAX_PROCS];
    let mut delay = SHORTEST;
    let mut idle_looks = 0;
    loop {
        let active = look(&mut seen);
        let sched = scheduler();
        let idle = sched.idle.idle();
        let procs = sched.procs.load(Ordering::Relaxed);
        if idle == 0 {
            delay = LONGEST;
        } else if active {
            delay = SHORTEST;
        } else {
            delay = (delay * 2).min(LONGEST);
        }
        idle_looks = if idle >= procs && !active {
            idle_looks + 1
        } else {
            0
        };
        if idle_looks == DEADLOCK_LOOKS {
            deadlock::check();
        }
        if idle_looks > IDLE_LOOKS {
            idle_looks = 0;
            // The last thread that could end the wait may itself end without a word.
            let watching = deadlock::is_watching();
            sleep(ASLEEP, if watching { WATCHING } else { NEVER });
            delay = SHORTEST;
        } else if delay >= SLOW_FROM {
            if sleep(SLOW, delay) {
                delay = SHORTEST;
            }
        } else {
            PARKER.park_until(clock::now() + delay);
        }
    }
}

/// Looks at every P and starts an M if one is wanted. True if goroutines were scheduled since the
/// last look.
fn look(seen: &mut [Seen]) -> bool {
    let sched = scheduler();
    let mut active = false;
    let mut waiting = !sched.global.is_empty();
    for (p, seen) in sched.all().zip(seen) {
        let now = Seen {
            tick: p.tick.load(Ordering::Relaxed),
            next: p.peek_next().addr(),
        };
        let scheduled = now.tick != seen.tick;
        active |= scheduled;
        waiting |= !p.is_queue_empty();
        waiting |= !scheduled && now.next != 0 && now.next == seen.next;
        *seen = now;
    }
    // A timer due earlier than the one an idle M keeps, or with no keeper, has only its P to see it.
    if !waiting && sched.idle.idle() > 0 {
        let next = sched.next_timer();
        waiting = next < sched.keeper.load(Ordering::Relaxed) && next <= clock::now();
    }
    if waiting {
        ready::wake_fenced();
    }
    active
}

/// Sleeps for `delay` ns in a mode in which others wake it. True if one did.
fn sleep(mode: u32, delay: u64) -> bool {
    MODE.store(mode, Ordering::SeqCst);
    // Partner: the locked instruction with which an M takes a P out of the idle ones, before it looks
    // at the mode.
    fence(Ordering::SeqCst);
    let sched = scheduler();
    let mut until = clock::now().saturating_add(delay);
    let next = sched.next_timer();
    if sched.idle.idle() > 0 && next < sched.keeper.load(Ordering::Relaxed) {
        until = until.min(next.max(clock::now() + SHORTEST));
    }
    // Something to do came up before the mode was visible: look again at once.
    let woken = if mode == ASLEEP && sched.idle.idle() < sched.procs.load(Ordering::SeqCst) {
        true
    } else if until == NEVER {
        PARKER.park();
        true
    } else {
        PARKER.park_until(until)
    };
    MODE.store(FAST, Ordering::SeqCst);
    woken
}
