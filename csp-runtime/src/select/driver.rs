//! The select algorithm, after Go's.
//!
//! ```text
//!   lock all channels, in the order of their addresses
//!   poll the arms, in random order ──ready──▶ do it, unlock, wake the peer: done
//!   nothing ready, no waiting wanted ───────▶ unlock: nothing
//!   open the ticket, link a waiter into every channel, in the same order; unlock
//!   park, until a peer wins the ticket for one arm, or the earliest deadline does
//!   unlink the other arms; settle the one that won ──came to nothing──▶ again
//! ```
//!
//! Polling and linking under all locks is what makes the choice atomic: two selects that meet at
//! two channels at once cannot both be half committed. Locks are taken in one global order and no other
//! operation holds two, so there is no deadlock. Arms of one channel share its lock, which is taken
//! once.
//!
//! A send arm that is chosen has no value yet. It wins its peer or a place, and the value is made
//! outside all locks; see `channel::permit`.

use std::panic::Location;

use crate::goroutine::Reason;
use crate::primitive::clock::NEVER;
use crate::primitive::rng::Rng;
use crate::primitive::section;
use crate::primitive::spin::RawSpin;
use crate::protocol::ticket::{LAST_ARM, TIMEOUT};
use crate::sched::{self, current};
use crate::wait::{Case, Poll, Task};

/// What a select may do when nothing is ready.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Patience {
    /// Give up at once.
    None,
    /// Wait until this time, in nanoseconds of the monotonic clock.
    Until(u64),
}

/// How a select came out.
pub(super) enum Choice {
    /// This arm has committed.
    Arm(usize),
    /// Nothing was ready in time.
    Nothing,
    /// Every arm is disabled.
    AllDisabled,
}

/// How a round of a select came out.
enum Round {
    Over(Choice),
    /// It came to nothing; if an arm was let down by its peer, this one.
    Again(Option<usize>),
}

/// The most arms whose order is kept on the stack.
const SMALL: usize = 64;

/// The arms, behind whatever pointer the caller has.
pub(super) trait Cases {
    fn count(&self) -> usize;
    fn get(&mut self, index: usize) -> &mut dyn Case;
}

/// Runs a select.
pub(super) fn run(
    cases: &mut dyn Cases,
    biased: bool,
    patience: Patience,
    at: &'static Location<'static>,
) -> Choice {
    if patience != Patience::None {
        sched::checkpoint();
    }
    let count = cases.count();
    assert!(
        count <= usize::from(LAST_ARM),
        "a select has at most {LAST_ARM} arms, this one has {count}"
    );
    // Two permutations of the arms: in which order they are polled, and locked.
    let mut small = [0_u16; 2 * SMALL];
    let mut large = Vec::new();
    let orders = if count <= SMALL {
        &mut small[..2 * count]
    } else {
        large.resize(2 * count, 0);
        &mut large[..]
    };
    let (polls, locks) = orders.split_at_mut(count);
    order_of_locks(cases, locks);
    // The arm that was won and let down again: it goes back to where it was, to the front.
    let mut let_down = None;
    loop {
        order_of_polls(polls, biased);
        match attempt(cases, polls, locks, patience, let_down, at) {
            Round::Over(choice) => return choice,
            Round::Again(arm) => let_down = arm,
        }
    }
}

/// One round: poll, and wait if nothing is ready.
fn attempt(
    cases: &mut dyn Cases,
    polls: &[u16],
    locks: &[u16],
    patience: Patience,
    let_down: Option<usize>,
    at: &'static Location<'static>,
) -> Round {
    Task::warm_up();
    // Until this round is over: nobody may preempt who is in a list and does not wait yet.
    let _inside = section::enter();
    let task = Task::current();
    lock_all(cases, locks);
    let mut enabled = false;
    for &index in polls {
        let index = usize::from(index);
        let case = cases.get(index);
        if case.is_disabled() {
            continue;
        }
        enabled = true;
        match case.poll(task) {
            Poll::Pending => {}
            Poll::Ready(peer) => {
                unlock_all(cases, locks);
                if let Some(peer) = peer {
                    peer.ready();
                }
                return Round::Over(Choice::Arm(index));
            }
            Poll::Peer(peer) => {
                unlock_all(cases, locks);
                peer.ready();
                task.park(Reason::Select, at);
                return settle(cases, index);
            }
        }
    }
    let deadline = match patience {
        _ if !enabled => {
            unlock_all(cases, locks);
            return Round::Over(Choice::AllDisabled);
        }
        Patience::None => {
            unlock_all(cases, locks);
            return Round::Over(Choice::Nothing);
        }
        Patience::Until(deadline) => deadline,
    };
    wait(cases, polls, locks, task, deadline, let_down, at)
}

/// Links all arms, which are locked, and waits for one of them.
///
/// In the order of polling: of two arms of one channel, a peer meets the one that was linked first.
fn wait(
    cases: &mut dyn Cases,
    polls: &[u16],
    locks: &[u16],
    task: Task,
    deadline: u64,
    let_down: Option<usize>,
    at: &'static Location<'static>,
) -> Round {
    let ticket = task.ticket();
    let wait = ticket.open();
    let mut until = deadline;
    for &arm in polls {
        let index = usize::from(arm);
        let case = cases.get(index);
        if !case.is_disabled() {
            case.enqueue(task, wait, arm, let_down == Some(index));
            until = until.min(case.deadline());
        }
    }
    unlock_all(cases, locks);
    let winner = if until < NEVER {
        task.park_until(wait, until, Reason::Select, at);
        ticket.winner(wait)
    } else {
        task.park(Reason::Select, at);
        ticket.winner(wait)
    };
    ticket.close(wait);
    let winner = winner.expect("a task is made ready by the winner of its ticket");
    // The winner's waiter was unlinked by whoever claimed it; the others leave one by one.
    for arm in 0..cases.count() {
        let case = cases.get(arm);
        if arm != usize::from(winner)
            && let Some(lock) = case.lock()
        {
            let lock: *const RawSpin = lock;
            lock_at(lock);
            case.dequeue();
            unlock_at(lock);
        }
    }
    match winner {
        TIMEOUT if until == deadline => Round::Over(Choice::Nothing),
        // An alarm is due: poll it.
        TIMEOUT => Round::Again(None),
        winner => settle(cases, usize::from(winner)),
    }
}

/// Completes the operation of an arm that has won, or goes around again if its peer let it down.
fn settle(cases: &mut dyn Cases, arm: usize) -> Round {
    if cases.get(arm).settle() {
        Round::Over(Choice::Arm(arm))
    } else {
        Round::Again(Some(arm))
    }
}

/// A random permutation, each equally likely; or the order of the arms.
fn order_of_polls(polls: &mut [u16], biased: bool) {
    if biased {
        for (at, poll) in polls.iter_mut().enumerate() {
            *poll = at as u16;
        }
        return;
    }
    with_rng(|rng| {
        for at in 0..polls.len() {
            // Inside-out Fisher–Yates.
            let other = rng.below(at as u32 + 1) as usize;
            polls[at] = polls[other];
            polls[other] = at as u16;
        }
    });
}

/// Sorts the arms by the address of their lock. Arms without one come first.
fn order_of_locks(cases: &mut dyn Cases, locks: &mut [u16]) {
    for (at, lock) in locks.iter_mut().enumerate() {
        *lock = at as u16;
    }
    let mut address = |index: u16| address(cases.get(usize::from(index)));
    if locks.len() > SMALL {
        locks.sort_by_cached_key(|&index| address(index));
        return;
    }
    // Insertion sort: few arms, and often in order already.
    for at in 1..locks.len() {
        let moving = locks[at];
        let key = address(moving);
        let mut to = at;
        while to > 0 && address(locks[to - 1]) > key {
            locks[to] = locks[to - 1];
            to -= 1;
        }
        locks[to] = moving;
    }
}

fn address(case: &dyn Case) -> usize {
    case.lock()
        .map_or(0, |lock| std::ptr::from_ref(lock).addr())
}

fn lock_all(cases: &mut dyn Cases, locks: &[u16]) {
    let mut before: *const RawSpin = std::ptr::null();
    for &index in locks {
        if let Some(lock) = cases.get(usize::from(index)).lock()
            && !std::ptr::eq(lock, before)
        {
            lock.lock();
            before = lock;
        }
    }
}

fn unlock_all(cases: &mut dyn Cases, locks: &[u16]) {
    let mut before: *const RawSpin = std::ptr::null();
    for &index in locks {
        if let Some(lock) = cases.get(usize::from(index)).lock()
            && !std::ptr::eq(lock, before)
        {
            before = lock;
            unlock_at(lock);
        }
    }
}

#[expect(unsafe_code, reason = "locks taken and released apart")]
fn lock_at(lock: *const RawSpin) {
    // SAFETY: the lock belongs to a channel that an arm borrows for the whole select.
    unsafe { (*lock).lock() };
}

#[expect(unsafe_code, reason = "locks taken and released apart")]
fn unlock_at(lock: *const RawSpin) {
    // SAFETY: as in `lock_at`; `lock_all` or `lock_at` took it on this task.
    unsafe { (*lock).unlock() };
}

fn with_rng<R>(f: impl FnOnce(&mut Rng) -> R) -> R {
    if let Some(inside) = current::enter() {
        return inside.processor().with_local(|local| f(&mut local.rng));
    }
    // A plain thread: its own sequence, started from an address and the clock.
    let seed = take_seed();
    let start = if seed == 0 {
        crate::primitive::clock::now() ^ (std::ptr::from_ref(&seed).addr() as u64)
    } else {
        seed
    };
    let mut rng = Rng::new(start);
    let result = f(&mut rng);
    keep_seed(rng.next() | 1);
    result
}

std::thread_local! {
    /// Where a plain thread's sequence stands; 0 before the first use.
    static SEED: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}

/// Never inlined: the address of a thread-local on a goroutine's stack would tie it to its thread.
#[cold]
#[inline(never)]
fn take_seed() -> u64 {
    SEED.try_with(std::cell::Cell::get).unwrap_or(0)
}

/// As [`take_seed`].
#[cold]
#[inline(never)]
fn keep_seed(next: u64) {
    let _ = SEED.try_with(|seed| seed.set(next));
}
