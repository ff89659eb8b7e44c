//! Asynchronous preemption: stopping a goroutine that computes, wherever it is.
//!
//! ```text
//!   sysmon                          M1, goroutine g in user code             M2, a spare
//!   g has run for its slice
//!   sets ASK ───────────────────▶   g yields at its next operation that may
//!     … 1 ms later, same run …      wait, if it comes to one
//!   sends SIGURG ───────────────▶   handler, on the alternate stack:
//!                                   same run? in user code?
//!                                   binds g to M1, queues it
//!                                   gives its P away ─────────────────────▶  runs others
//!                                   waits on a futex
//!                                   … g is picked: M1 gets that P …
//!                                   returns; g goes on at the very instruction
//! ```
//!
//! No stack is switched in the handler, and the thread waits with its goroutine. So thread-locals stay
//! right, and a lock that the goroutine holds, of the C library for instance, is only an ordinary lock whose holder is
//! not running.
//!
//! # States of an M, and what the signal does
//!
//! | the M is | handler |
//! |---|---|
//! | in user code with the P and run that were meant | stops the goroutine |
//! | in user code of another run | nothing: the request is stale |
//! | in user code with the P, and told to let go of it | gives the P away and goes on, see `retake` |
//! | in a section | leaves PENDING; the section's end stops the goroutine |
//! | in user code without a P (back from a blocking call, and computing) | stops the goroutine until there is a P |
//! | no M, or the signal is not ours | calls the handler that was there before |
//!
//! # Rules
//! - A stop needs a spare M to take the P; without one nothing happens, and sysmon, which has asked for one, tries again.
//! - At most [`MAX_STOPPED`] goroutines are stopped with an M each. At that point the P goes to the one that has
//!   waited longest, in exchange: the number of threads stays bounded, and the slice is kept.
//! - A bound goroutine that is unwinding is stopped like any other: nothing moves.
//!
//! # Signal safety
//!
//! All that the handler reaches, and why it may: see "Asynchronous preemption" in `docs/architecture.md`.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64};

use crate::goroutine::Goroutine;
use crate::primitive::section::{ASK, Entered, LOST, PENDING};
use crate::primitive::sync::Ordering;
use crate::sched::shared::{Scheduler, scheduler};
use crate::sched::signal::{self, Errno};
use crate::sched::{Machine, Processor, current, handoff, procs, ready, retake};

/// The most goroutines that are stopped with a thread each.
const MAX_STOPPED: u32 = 64;

/// Goroutines stopped at the moment.
static STOPPED: AtomicU32 = AtomicU32::new(0);
/// Preemption is wanted.
static ENABLED: AtomicBool = AtomicBool::new(true);
/// The handler is in place.
static INSTALLED: OnceLock<bool> = OnceLock::new();
/// Counts for `metrics`.
static ASKED: AtomicU64 = AtomicU64::new(0);
static STOPS: AtomicU64 = AtomicU64::new(0);

/// Reads the environment: `CSP_PREEMPT=0` switches preemption off.
pub(super) fn init() {
    if std::env::var_os("CSP_PREEMPT").is_some_and(|value| value == "0") {
        disable();
    }
    if is_enabled() {
        INSTALLED.get_or_init(|| signal::install(on_signal));
    }
}

/// Switches preemption off for good. What was asked for already may still come.
pub(crate) fn disable() {
    ENABLED.store(false, Ordering::Relaxed);
}

/// Whether goroutines that compute are to be stopped.
pub(super) fn is_enabled() -> bool {
    ENABLED.load(Ordering::Relaxed)
}

/// How often goroutines were asked to let others run, and were stopped.
pub(super) fn counts() -> (u64, u64) {
    (ASKED.load(Ordering::Relaxed), STOPS.load(Ordering::Relaxed))
}

/// sysmon: asks the goroutine in the run `tick` on `m` to let others run at its next operation that may wait.
pub(super) fn ask(m: &'static Machine, tick: u32) {
    m.asked.store(tick, Ordering::Relaxed);
    m.section.set(ASK);
    ASKED.fetch_add(1, Ordering::Relaxed);
}

/// sysmon: stops the goroutine in the run `tick` on `m`, wherever it is; or, with `let_go`, has it go on without its P.
pub(super) fn signal(m: &'static Machine, tick: u32, let_go: bool) {
    if INSTALLED.get() != Some(&true) {
        return;
    }
    if let Some(thread) = m.thread() {
        m.asked.store(tick, Ordering::Relaxed);
        m.let_go.store(let_go, Ordering::Relaxed);
        m.signalled.store(true, Ordering::Release);
        thread.signal(signal::PREEMPT);
    }
}

/// The handler's body; true if the signal was ours.
fn on_signal() -> bool {
    let Some(m) = current::machine() else {
        return false;
    };
    if !m.signalled.swap(false, Ordering::AcqRel) {
        return false;
    }
    let _errno = Errno::save();
    if m.section.depth() > 0 {
        m.section.set(PENDING);
    } else {
        stop(m);
    }
    true
}

/// The outermost section has ended and a preemption was held back by it.
#[cold]
#[inline(never)]
pub(super) fn pending() {
    if let Some(m) = current::machine() {
        stop(m);
    }
}

/// Stops the goroutine that runs on `m`, which is in user code, if it is in the run that was meant.
fn stop(m: &'static Machine) {
    // From here to the end in a section, without a look at the flags: they are cleared here.
    if m.section.begin() == Entered::WithoutP {
        m.section.settle();
    }
    m.section.clear(ASK | PENDING);
    match (m.p(), m.g()) {
        (Some(p), Some(g)) if p.tick.load(Ordering::Relaxed) == m.asked.load(Ordering::Relaxed) => {
            if m.let_go.load(Ordering::Relaxed) {
                release(m, p);
            } else {
                stop_with_p(m, p, g);
            }
        }
        (None, Some(_)) if m.section.has(LOST) => {
            STOPS.fetch_add(1, Ordering::Relaxed);
            retake::regain(m);
        }
        _ => {}
    }
    // A signal that met this section finds the run changed.
    let _ = m.section.end();
}

fn stop_with_p(m: &'static Machine, p: &'static Processor, g: &'static Goroutine) {
    let sched = scheduler();
    let before = STOPPED.fetch_add(1, Ordering::Relaxed);
    let Some(heir) = heir(sched, p, before) else {
        STOPPED.fetch_sub(1, Ordering::Relaxed);
        return;
    };
    STOPS.fetch_add(1, Ordering::Relaxed);
    m.take_p();
    // Whatever runs with it next is another run, also a goroutine that only goes on.
    p.next_run();
    handoff::queue_in_place(m, g);
    ready::start(p, Some(heir), false);
    handoff::wait_in_place(m, g);
    STOPPED.fetch_sub(1, Ordering::Relaxed);
}

/// Without the heavy fence: lets go of the P from inside a call that seems to block, and goes on with the call.
fn release(m: &'static Machine, p: &'static Processor) {
    // None can be created here.
    let Some(heir) = scheduler().lists().machines.pop() else {
        return;
    };
    retake::go_away(m);
    m.section.set(LOST);
    ready::start(p, Some(heir), false);
}

/// Who takes the P of a goroutine that is being stopped: a spare M, or, when there are many stopped ones, the M of the
/// one that has waited longest.
fn heir(
    sched: &'static Scheduler,
    p: &'static Processor,
    stopped: u32,
) -> Option<&'static Machine> {
    // A P beyond `GOMAXPROCS` must come to a pick, which takes it out of service.
    if stopped >= MAX_STOPPED
        && !procs::must_retire(p)
        && let Some(oldest) = sched.stopped.pop()
    {
        return Machine::from_ptr(Goroutine::from_ptr(oldest).bound());
    }
    sched.lists().machines.pop()
}

/// At an operation that may wait: lets others run if sysmon has asked for it.
#[inline]
pub(crate) fn checkpoint() {
    if let Some(m) = current::machine()
        && m.section.has(ASK)
    {
        checkpoint_slow(m);
    }
}

#[cold]
#[inline(never)]
fn checkpoint_slow(m: &'static Machine) {
    m.section.clear(ASK);
    let same_run = m
        .p()
        .is_some_and(|p| p.tick.load(Ordering::Relaxed) == m.asked.load(Ordering::Relaxed));
    if same_run {
        super::switch::yield_to_all();
    }
}
