//! Who polls the network.
//!
//! | who | when | woken goroutines go |
//! |---|---|---|
//! | an M that has a P and found its own queues and the global one empty | before it searches elsewhere; does not block | to its own queue |
//! | an M that has goroutines queued, when it looks at the global queue first | nobody has polled for half a millisecond; does not block | to its own queue |
//! | one idle M, the *poller* | blocks until an event, the earliest timer, or until it is given a P | with it, if it gets a P; else to the global queue |
//! | sysmon | no P is idle and nobody has polled for a millisecond, or for five if goroutines are being picked | to those that go first |
//!
//! When tasks wait for sockets while Ms sleep and none of them polls, sysmon wakes one, which finds no work and becomes
//! the poller.
//!
//! The poller does not sleep at its parker, so whoever gives it a P has to end its poll: see `protocol::seat`.

use crate::goroutine::{Batch, Status};
use crate::netpoll;
use crate::primitive::clock;
use crate::protocol::seat::Seat;
use crate::sched::shared::scheduler;
use crate::sched::{Machine, Processor, ready, sysmon};
use crate::waitlist::Task;

/// Nanoseconds without a poll after which sysmon polls, while no M picks goroutines.
pub(super) const OVERDUE: u64 = 1_000_000;
/// The same while some M does, and should have polled by itself.
const LONG_OVERDUE: u64 = 5_000_000;
/// Nanoseconds without a poll after which an M polls that has goroutines queued.
const PAUSE: u64 = 500_000;

/// The idle M that polls.
static POLLER: Seat = Seat::new();

/// Whether an idle M polls.
pub(super) fn is_polled() -> bool {
    POLLER.is_taken()
}

/// Makes `m`, which is idle, the poller, if there is something to poll for and no other one. It must [`poll`] next.
pub(super) fn try_become_poller(m: &'static Machine) -> bool {
    netpoll::has_waiters() && POLLER.try_take(m.as_ptr().addr())
}

/// The poller polls, at most until `deadline`. Returns the goroutines that were woken, and whether the M was given a P
/// meanwhile.
pub(super) fn poll_idle(m: &'static Machine, deadline: u64) -> (Batch, bool) {
    let mut woken = Batch::new();
    let mut given = false;
    let called = || {
        POLLER.last_look();
        given = m.parker.try_take();
        given
    };
    netpoll::poll(deadline, called, &mut |task| collect(task, &mut woken));
    POLLER.leave();
    given = given || m.parker.try_take();
    (woken, given)
}

/// `m` has been given a P: ends its poll, if it is the poller.
pub(super) fn interrupt(m: &'static Machine) {
    if POLLER.holds(m.as_ptr().addr()) {
        netpoll::wake();
    }
}

/// Polls without blocking, for an M that holds `p` and has found nothing there. True if goroutines were woken.
pub(super) fn poll_busy(p: &'static Processor) -> bool {
    if !netpoll::has_waiters() || is_polled() {
        return false;
    }
    let mut woken = Batch::new();
    netpoll::poll(0, || false, &mut |task| collect(task, &mut woken));
    push_all(p, &mut woken)
}

/// Polls without blocking, for an M that holds `p` and has goroutines queued there, if nobody has for a while. So a
/// long queue does not leave that to sysmon, which would have to wake for it and let the woken overtake the queued.
#[cold]
pub(super) fn poll_between(p: &'static Processor) {
    if netpoll::has_waiters() && clock::now() >= netpoll::last_poll() + PAUSE {
        poll_busy(p);
    }
}

/// Puts woken goroutines into the queue of `p`, whose holder calls. True if there were any.
pub(super) fn push_all(p: &'static Processor, woken: &mut Batch) -> bool {
    let count = woken.len();
    while let Some(g) = woken.pop_front() {
        p.push(g);
    }
    if count > 1 {
        ready::wake_if_wanted();
    }
    count > 0
}

/// The poller has got a P and goes to work: another idle M should take the seat; and if none is there, sysmon must see
/// to the network.
pub(super) fn left_poll() {
    if netpoll::has_waiters() {
        ready::wake_fenced();
        sysmon::watch_timer(clock::now() + OVERDUE);
    }
}

/// Queues woken goroutines for whoever has a P. If every P is busy, they go first.
pub(super) fn push_outside(woken: &mut Batch) {
    if woken.is_empty() {
        return;
    }
    let sched = scheduler();
    if sched.idle.idle() == 0 {
        sched.urgent.push_batch(woken);
        sysmon::watch_timer(clock::now());
    } else {
        sched.global.push_batch(woken);
    }
    ready::wake_fenced();
}

/// sysmon: polls if nobody else does. `no_idle` says that every P is busy, `picking` that an M has picked many goroutines
/// since the last look.
pub(super) fn poll_if_overdue(now: u64, no_idle: bool, picking: bool) {
    let overdue = if picking { LONG_OVERDUE } else { OVERDUE };
    if !netpoll::has_waiters() || is_polled() || now < netpoll::last_poll() + overdue {
        return;
    }
    let sched = scheduler();
    let mut woken = Batch::new();
    netpoll::poll(0, || false, &mut |task| collect(task, &mut woken));
    if no_idle {
        sched.urgent.push_batch(&mut woken);
    } else {
        sched.global.push_batch(&mut woken);
    }
}

fn collect(task: Task, woken: &mut Batch) {
    match task {
        Task::Goroutine(g) => {
            g.set_status(Status::Runnable);
            woken.push_back(g.as_ptr());
        }
        Task::Thread(thread) => thread.parker.unpark(),
        Task::Future(_) => unreachable!("no future waits for a socket"),
    }
}
