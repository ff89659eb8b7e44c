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
use crate::primitive::biased::{Biased, Hold, Owner};
use crate::primitive::clock::NEVER;
use crate::primitive::rng::Rng;
use crate::primitive::section;
use crate::protocol::ticket::{LAST_ARM, TIMEOUT, Wait};
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
    let owner = owner();
    let hold = lock_all(cases, locks, owner);
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
                unlock_all(cases, locks, owner, hold);
                if let Some(peer) = peer {
                    peer.ready();
                }
                return Round::Over(Choice::Arm(index));
            }
            Poll::Peer(peer) => {
                unlock_all(cases, locks, owner, hold);
                peer.ready();
                task.park(Reason::Select, at);
                return settle(cases, index);
            }
        }
    }
    let deadline = match patience {
        _ if !enabled => {
            unlock_all(cases, locks, owner, hold);
            return Round::Over(Choice::AllDisabled);
        }
        Patience::None => {
            unlock_all(cases, locks, owner, hold);
            return Round::Over(Choice::Nothing);
        }
        Patience::Until(deadline) => deadline,
    };
    let until = enqueue(cases, polls, task, deadline, let_down);
    unlock_all(cases, locks, owner, hold);
    wait(cases, locks, task, until, deadline, at)
}

/// Links all arms, which are locked, to the task's ticket, which it opens. Returns the earliest deadline.
///
/// In the order of polling: of two arms of one channel, a peer meets the one that was linked first.
fn enqueue(
    cases: &mut dyn Cases,
    polls: &[u16],
    task: Task,
    deadline: u64,
    let_down: Option<usize>,
) -> (Wait, u64) {
    let wait = task.ticket().open();
    let mut until = deadline;
    for &arm in polls {
        let index = usize::from(arm);
        let case = cases.get(index);
        if !case.is_disabled() {
            case.enqueue(task, wait, arm, let_down == Some(index));
            until = until.min(case.deadline());
        }
    }
    (wait, until)
}

/// Waits for one of the arms, which are linked, and unlinks the others.
fn wait(
    cases: &mut dyn Cases,
    locks: &[u16],
    task: Task,
    (wait, until): (Wait, u64),
    deadline: u64,
    at: &'static Location<'static>,
) -> Round {
    let ticket = task.ticket();
    let winner = if until < NEVER {
        task.park_until(wait, until, Reason::Select, at);
        ticket.winner(wait)
    } else {
        task.park(Reason::Select, at);
        ticket.winner(wait)
    };
    ticket.close(wait);
    let winner = winner.expect("a task is made ready by the winner of its ticket");
    dequeue_others(cases, locks, winner);
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

/// The flag of the caller's P, for locks that are biased to it; the caller is in a section.
fn owner() -> Option<&'static Owner> {
    current::processor().map(|p| &p.owner)
}

/// Takes the locks of all arms: by the P's flag if all are biased to it, and else one by one.
fn lock_all(cases: &mut dyn Cases, locks: &[u16], owner: Option<&'static Owner>) -> Hold {
    if enter_all(cases, locks, owner) {
        return Hold::Inside;
    }
    let mut before: *const Biased = std::ptr::null();
    for &index in locks {
        if let Some(lock) = cases.get(usize::from(index)).lock()
            && !std::ptr::eq(lock, before)
        {
            lock.lock_word(owner);
            before = lock;
        }
    }
    Hold::Word
}

/// Takes the locks of all arms at once, if all are biased to the caller's P.
fn enter_all(cases: &mut dyn Cases, locks: &[u16], owner: Option<&'static Owner>) -> bool {
    let Some(owner) = owner else {
        return false;
    };
    // Others wait for the flag while it is set: for a select of a thousand arms that would be long.
    if locks.len() > SMALL {
        return false;
    }
    owner.enter();
    let mut is_mine = |&index: &u16| {
        let lock = cases.get(usize::from(index)).lock();
        lock.is_none_or(|lock| lock.is_mine(owner))
    };
    if locks.iter().rev().all(&mut is_mine) {
        return true;
    }
    owner.leave();
    false
}

fn unlock_all(cases: &mut dyn Cases, locks: &[u16], owner: Option<&'static Owner>, hold: Hold) {
    if let (Hold::Inside, Some(owner)) = (hold, owner) {
        owner.leave();
        return;
    }
    let mut before: *const Biased = std::ptr::null();
    for &index in locks {
        if let Some(lock) = cases.get(usize::from(index)).lock()
            && !std::ptr::eq(lock, before)
        {
            before = lock;
            unlock_at(lock, owner);
        }
    }
}

/// Unlinks all arms but the winner, which was unlinked by whoever claimed it.
fn dequeue_others(cases: &mut dyn Cases, locks: &[u16], winner: u16) {
    let owner = owner();
    let all = enter_all(cases, locks, owner);
    for arm in 0..cases.count() {
        let case = cases.get(arm);
        if arm == usize::from(winner) {
            continue;
        }
        if all {
            case.dequeue();
        } else if let Some(lock) = case.lock() {
            let lock: *const Biased = lock;
            lock_at(lock, owner);
            case.dequeue();
            unlock_at(lock, owner);
        }
    }
    if all && let Some(owner) = owner {
        owner.leave();
    }
}

#[expect(unsafe_code, reason = "locks taken and released apart")]
fn lock_at(lock: *const Biased, owner: Option<&'static Owner>) {
    // SAFETY: the lock belongs to a channel that an arm borrows for the whole select.
    unsafe { (*lock).lock_word(owner) };
}

#[expect(unsafe_code, reason = "locks taken and released apart")]
fn unlock_at(lock: *const Biased, owner: Option<&'static Owner>) {
    // SAFETY: as in `lock_at`; `lock_all` or `lock_at` took its word on this task, for the same P.
    unsafe { (*lock).unlock_word(owner) };
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
