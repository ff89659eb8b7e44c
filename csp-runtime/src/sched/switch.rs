//! The loop of an M, and how a goroutine leaves it: park and yield.
//!
//! `run` → `find` a goroutine → `execute`: resume it, and do what it asked for when it comes back.
//! Everything after the switch happens on the M's own stack, so the goroutine is complete and
//! can be resumed elsewhere as soon as `set_off_cpu` is called.
//!
//! The loop neither allocates, frees, takes a `std` lock nor runs user code: the goroutine that
//! holds such a lock may be the one that waits for this processor.

use core::panic::Location;
use core::ptr;

use crate::coroutine::Command;
use crate::goroutine::{self, Goroutine, Reason};
use crate::primitive::section;
use crate::primitive::sync::{AtomicBool, Ordering};
use crate::sched::shared::scheduler;
use crate::sched::{Machine, Processor, current, find, handoff, home, ready, signal, thread};
use crate::stacks::{default, fatal};

/// The life of an M, which has been given a P, or begins as a spare.
pub(super) fn run(m: &'static Machine, given: bool) -> ! {
    let _abort = AbortOnUnwind;
    // In the runtime, except while a goroutine runs.
    let _ = m.section.begin();
    current::set_machine(m);
    thread::unblock(signal::PREEMPT);
    m.introduce();
    if given {
        m.parker.park();
        let p = m.take_gift();
        debug_assert!(p.is_some(), "an M starts with a P");
    } else {
        find::sleep(m);
    }
    loop {
        let g = find::find(m);
        execute(m, g);
    }
}

/// A panic in the scheduler would take an M and its P away, and the program would hang without a word.
struct AbortOnUnwind;

impl Drop for AbortOnUnwind {
    fn drop(&mut self) {
        fatal::exit(format_args!(
            "fatal error: csp's scheduler panicked; this is a bug in csp-runtime\n"
        ));
    }
}

#[inline]
fn execute(m: &'static Machine, g: &'static Goroutine) {
    let p = m.processor();
    // Also for a bound goroutine, which this M does not run: what is due every so many picks must
    // come round although nothing but bound ones is picked.
    let tick = p.next_run();
    let bound = g.bound();
    if !bound.is_null() {
        handoff::to_bound(m, bound);
        return;
    }
    let last = g.last();
    let mut look = p.look_at.load(Ordering::Relaxed) == tick;
    if !ptr::eq(last, m.as_ptr()) {
        if last.is_null() {
            if home::begins_elsewhere(m, g) && handoff::to_other(m, g) {
                return;
            }
        } else if let Some(home) = home::home_of(g) {
            handoff::to_home(m, home, g);
            return;
        }
        g.set_last(m.as_ptr());
        look = true;
    }
    m.set_g(Some(g));
    m.blocking.store(false, Ordering::Relaxed);
    let command = g.resume();
    m.set_g(None);
    // In each case before anybody else may resume it, or use its slot.
    match command {
        Command::Park => {
            if look {
                home::look(m, g, true);
            }
            g.set_off_cpu();
        }
        Command::Yield => {
            if look {
                home::look(m, g, true);
            }
            g.set_off_cpu();
            let p = m.processor();
            // Alone in its own queue it would be the next again, before all in the global one.
            if p.is_queue_empty() && !scheduler().global.is_empty() {
                ready::ready_for_all(g);
            } else {
                ready::ready_last(p, g);
            }
        }
        Command::YieldToAll => {
            if look {
                home::look(m, g, false);
            }
            g.set_off_cpu();
            ready::ready_for_all(g);
        }
        Command::Done => {
            home::forget(m, g);
            g.set_ended();
            g.set_off_cpu();
            m.processor().end_goroutine();
        }
        Command::DoneDetached => {
            home::forget(m, g);
            g.set_off_cpu();
            let p = m.processor();
            p.end_goroutine();
            free_slot_to(Some(p), g);
        }
    }
}

/// Gives an ended goroutine's slot back: to the caller's P, or to the list of its class.
#[inline]
pub(crate) fn free_slot(g: &'static Goroutine) {
    let inside = current::enter();
    free_slot_to(inside.as_ref().map(current::Inside::processor), g);
}

#[inline]
fn free_slot_to(p: Option<&'static Processor>, g: &'static Goroutine) {
    match p {
        Some(p) if g.slot().class == default::class() => p.keep_slot(g),
        _ => goroutine::release(g),
    }
}

/// Parks the calling goroutine. It has made sure that somebody will make it ready, exactly once,
/// and that may happen before this function switches away. It is in a section of depth one, and has been since
/// before anybody could make it ready.
#[inline]
pub(crate) fn park(g: &'static Goroutine, reason: Reason, at: &'static Location<'static>) {
    debug_assert_eq!(section::depth(), 1, "the section goes over to the loop");
    g.set_waiting(reason, at);
    if g.bound().is_null() {
        g.suspend(Command::Park);
    } else {
        handoff::park_bound(g);
    }
}

/// Parks the calling goroutine, or the calling thread, for ever.
pub(crate) fn park_forever(reason: Reason, at: &'static Location<'static>) -> ! {
    loop {
        match current::goroutine() {
            Some(g) => {
                let _inside = section::enter();
                bind_if_needed(g);
                park(g, reason, at);
            }
            None => std::thread::park(),
        }
    }
}

/// Every goroutine keeps the thread it first ran on.
static PINNED: AtomicBool = AtomicBool::new(false);

/// Lets every goroutine keep the thread it first ran on, from now on. Each then needs a thread of
/// its own while it waits.
pub(crate) fn pin_goroutines() {
    PINNED.store(true, Ordering::Relaxed);
}

/// Before a wait: decides whether the goroutine must keep its thread. One that is locked to it must, and one that is unwinding,
/// because the panic count that `std::thread::panicking` reads belongs to the thread. To be called
/// before the goroutine's waiter becomes visible to others. True if it is bound now.
#[inline]
pub(crate) fn bind_if_needed(g: &'static Goroutine) -> bool {
    if std::thread::panicking() || PINNED.load(Ordering::Relaxed) || g.locked().get() > 0 {
        let m = current::machine().expect("a goroutine runs on an M");
        g.bind(m.as_ptr());
        return true;
    }
    if !g.bound().is_null() {
        g.bind(ptr::null_mut());
    }
    false
}

/// Lets other goroutines run: the caller goes to the back of its P's queue. On a plain thread, lets
/// other threads run.
#[inline]
pub(crate) fn yield_now() {
    yield_as(Command::Yield);
}

/// As [`yield_now`], but behind all others, as one does whose time is up.
pub(super) fn yield_to_all() {
    yield_as(Command::YieldToAll);
}

#[inline]
fn yield_as(command: Command) {
    let Some(inside) = current::enter() else {
        std::thread::yield_now();
        return;
    };
    let g = inside.goroutine();
    // It ends on whatever thread the goroutine is on then.
    core::mem::forget(inside);
    if bind_if_needed(g) {
        handoff::yield_bound(g);
    } else {
        g.suspend(command);
    }
    section::leave();
}

/// Locks the calling goroutine to its thread, once more; nothing on a plain thread.
pub(crate) fn lock_thread() {
    if let Some(g) = current::goroutine() {
        let times = g.locked().get().checked_add(1);
        g.locked()
            .set(times.expect("a goroutine locks its thread at most 255 times at once"));
    }
}

/// Undoes one [`lock_thread`].
pub(crate) fn unlock_thread() {
    if let Some(g) = current::goroutine() {
        g.locked().set(g.locked().get().saturating_sub(1));
    }
}

/// Counts a goroutine that a plain thread starts.
pub(crate) fn count_thread_start() {
    scheduler().started_outside.fetch_add(1, Ordering::Release);
}
