//! Taking the P from a thread that blocks, and getting one again afterwards.
//!
//! ```text
//!   goroutine, in a call that blocks            sysmon
//!   holds its P all the same                    sees the same run for a while, and the thread asleep
//!                                               (or the call marked by `csp::blocking`)
//!                                               steals the P, see `primitive::section`
//!                                               ───▶ another M runs with it
//!   the call returns; user code goes on,
//!   without a P, to the next runtime section
//!   `regain`: an idle P, or waits its turn ◀─── whoever picks the goroutine gives its P to this M
//! ```
//!
//! The thread in the call is not disturbed: no signal, no `EINTR`, nothing of its own is touched. That it runs
//! without a P between the call's return and the next section is what a P-less moment costs; if it goes on
//! computing there while every P is busy, it is stopped like any other that computes (`preempt`).
//!
//! Where the heavy fence is missing, the thread is told by a signal to let go of its P (`preempt`), which a few system
//! calls answer with `EINTR`.

use crate::goroutine::Status;
use crate::primitive::clock;
use crate::primitive::section::{self, LOST};
use crate::primitive::sync::{AtomicU64, Ordering};
use crate::primitive::{barrier, section::Hooks};
use crate::sched::shared::scheduler;
use crate::sched::signal::Errno;
use crate::sched::{Machine, Processor, creator, current, handoff, home, preempt, sysmon};

/// Nanoseconds without a P after which a goroutine is one that keeps its thread.
const LONG: u64 = 10_000_000;

/// How often a P was taken.
static TAKEN: AtomicU64 = AtomicU64::new(0);

/// How often a P was taken.
pub(super) fn count() -> u64 {
    TAKEN.load(Ordering::Relaxed)
}

/// Prepares the process; before there are any Ms.
pub(super) fn init() {
    barrier::init();
    section::set_hooks(Hooks {
        without_p: entered_without_p,
        pending: preempt::pending,
    });
}

/// sysmon: takes `p` from `m` if it is in user code in the run with number `tick`. Then the P is the caller's.
pub(super) fn steal(m: &'static Machine, p: &'static Processor, tick: u32) -> bool {
    if !barrier::is_ready() {
        return false;
    }
    m.section.steal(barrier::heavy, || {
        let same_run = m.p().is_some_and(|held| core::ptr::eq(held, p))
            && p.tick.load(Ordering::Relaxed) == tick;
        if same_run {
            go_away(m);
        }
        same_run
    })
}

/// Parts `m` from its P, which is the caller's from now on. For whoever has the right to `p` of `m`: sysmon in the
/// midst of a steal, or the M itself.
pub(super) fn go_away(m: &'static Machine) {
    scheduler().away.fetch_add(1, Ordering::SeqCst);
    m.parted.store(clock::now(), Ordering::Relaxed);
    TAKEN.fetch_add(1, Ordering::Relaxed);
    m.take_p();
    if let Some(g) = m.g() {
        g.set_away();
    }
}

/// The calling goroutine begins a call that may block. True if it is in one already.
#[inline]
pub(crate) fn begin_call() -> bool {
    match current::machine() {
        Some(m) => {
            let nested = m.blocking.load(Ordering::Relaxed);
            m.blocking.store(true, Ordering::Relaxed);
            sysmon::watch_call();
            nested
        }
        None => false,
    }
}

/// The call is over; gets a P if that was taken meanwhile.
#[inline]
pub(crate) fn end_call(nested: bool) {
    // First: getting a P may take a while, and ends the mark.
    drop(section::enter());
    if let Some(m) = current::machine() {
        m.blocking.store(nested, Ordering::Relaxed);
    }
}

/// The outermost section has been entered while the P was being taken.
#[cold]
#[inline(never)]
pub(super) fn entered_without_p() {
    let m = current::machine().expect("only an M has sections");
    if m.section.settle() {
        regain(m);
    }
}

/// Gets a P for the goroutine that runs here, which lost its own; inside a section.
#[cold]
pub(super) fn regain(m: &'static Machine) {
    // The call that has just returned may have left a number there.
    let _errno = Errno::save();
    let sched = scheduler();
    let g = m.g().expect("only a running goroutine loses its P");
    // A sysmon that took the P has written `p` before it cleared STEAL, which was seen.
    debug_assert!(m.p().is_none());
    if clock::now() - m.parted.load(Ordering::Relaxed) >= LONG {
        home::has_blocked(g);
    }
    let mut lists = sched.lists();
    let idle = sched.take_idle(&mut lists);
    if let Some(p) = idle {
        drop(lists);
        // What ran with it before is not what goes on now.
        p.next_run();
        m.hold(p);
        back(m);
        // It may have timers, or work that its last holder was sure another would find.
        handoff::took_idle();
    } else {
        handoff::queue_in_place(m, g);
        drop(lists);
        creator::end_pause();
        handoff::wait_in_place(m, g);
        back(m);
    }
    g.set_status(Status::Running);
    m.blocking.store(false, Ordering::Relaxed);
    m.stray_since.store(0, Ordering::Relaxed);
}

fn back(m: &'static Machine) {
    m.section.clear(LOST);
    scheduler().away.fetch_sub(1, Ordering::SeqCst);
}
