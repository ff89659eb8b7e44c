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
//! If all locks are biased to the caller's P, the first line is one flag for all of them; see `primitive::biased`.
//!
//! Polling and linking under all locks is what makes the choice atomic: two selects that meet at
//! two channels at once cannot both be half committed. Locks are taken in one global order and no other
//! operation holds two, so there is no deadlock. Arms of one channel share its lock, which is taken
//! once.
//!
//! A send arm that is chosen has no value yet. It wins its peer or a place, and the value is made
//! outside all locks; see `channel::permit`.

use std::panic::Location;
use std::ptr;

use crate::goroutine::Reason;
use crate::primitive::biased::{Biased, Hold, Owner};
use crate::primitive::clock::NEVER;
use crate::primitive::rng::Rng;
use crate::primitive::section;
use crate::protocol::ticket::{LAST_ARM, TIMEOUT, Wait};
use crate::sched::{self, Processor, current};
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

/// The most arms whose order and locks are kept on the stack.
const SMALL: usize = 16;

/// The arms, behind whatever pointer the caller has.
pub(super) trait Cases {
    fn count(&self) -> usize;
    fn get(&mut self, index: usize) -> &mut dyn Case;
}

/// Runs a select.
///
/// Inlined, with all that waits: behind a switch every return is mispredicted, so the fewer frames the better.
#[inline(always)]
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
    let (mut few_polls, mut few_locks) = ([0; SMALL], [ptr::null(); SMALL]);
    let (mut many_polls, mut many_locks) = (Vec::new(), Vec::new());
    let (polls, locks) = if count <= SMALL {
        (&mut few_polls[..count], &mut few_locks[..count])
    } else {
        many_polls.resize(count, 0);
        many_locks.resize(count, ptr::null());
        (&mut many_polls[..], &mut many_locks[..])
    };
    if !find_locks(cases, locks) {
        return Choice::AllDisabled;
    }
    // The arm that was won and let down again: it goes back to where it was, to the front.
    let mut let_down = None;
    loop {
        match attempt(cases, polls, locks, biased, patience, let_down, at) {
            Round::Over(choice) => return choice,
            Round::Again(arm) => let_down = arm,
        }
    }
}

/// Notes the lock of each arm, or null if it has none. False if every arm is disabled.
fn find_locks(cases: &mut dyn Cases, locks: &mut [*const Biased]) -> bool {
    let mut enabled = false;
    for (index, at) in locks.iter_mut().enumerate() {
        let case = cases.get(index);
        match case.lock() {
            Some(lock) => *at = lock,
            None if case.is_disabled() => continue,
            None => {}
        }
        enabled = true;
    }
    enabled
}

/// One round: poll, and wait if nothing is ready.
#[inline(always)]
fn attempt(
    cases: &mut dyn Cases,
    polls: &mut [u16],
    locks: &mut [*const Biased],
    biased: bool,
    patience: Patience,
    let_down: Option<usize>,
    at: &'static Location<'static>,
) -> Round {
    Task::warm_up();
    // Until this round is over: nobody may preempt who is in a list and does not wait yet.
    let _inside = section::enter();
    let p = current::processor();
    let owner = p.map(|p| &p.owner);
    let mut rng = Rng::new(if biased { 0 } else { seed(p) });
    for (at, poll) in polls.iter_mut().enumerate() {
        *poll = at as u16;
    }
    let task = Task::current();
    let hold = lock_all(locks, owner);
    for next in 0..polls.len() {
        if !biased {
            // Fisher–Yates, as far as it is needed: each permutation is equally likely.
            let left = (polls.len() - next) as u32;
            polls.swap(next, next + rng.below(left) as usize);
        }
        let index = usize::from(polls[next]);
        match cases.get(index).poll(task) {
            Poll::Pending => {}
            Poll::Ready(peer) => {
                unlock_all(locks, owner, hold);
                if let Some(peer) = peer {
                    peer.ready();
                }
                return Round::Over(Choice::Arm(index));
            }
            Poll::Peer(peer) => {
                unlock_all(locks, owner, hold);
                peer.ready();
                task.park(Reason::Select, at);
                return settle(cases, index);
            }
        }
    }
    let deadline = match patience {
        Patience::None => {
            unlock_all(locks, owner, hold);
            return Round::Over(Choice::Nothing);
        }
        Patience::Until(deadline) => deadline,
    };
    let until = enqueue(cases, polls, task, deadline, let_down);
    unlock_all(locks, owner, hold);
    wait(cases, locks, task, until, deadline, at)
}

/// Links all arms, which are locked, to the task's ticket, which it opens. Returns the earliest deadline.
///
/// In the order of polling: of two arms of one channel, a peer meets the one that was linked first.
#[inline(always)]
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
        let front = let_down == Some(index);
        until = until.min(cases.get(index).enqueue(task, wait, arm, front));
    }
    (wait, until)
}

/// Waits for one of the arms, which are linked, and unlinks the others.
#[inline(always)]
fn wait(
    cases: &mut dyn Cases,
    locks: &[*const Biased],
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

/// Where the random choices of one select start. `p` is the caller's, who is in a section.
fn seed(p: Option<&'static Processor>) -> u64 {
    match p {
        Some(p) => p.with_local(|local| local.rng.next()),
        None => with_own_rng(Rng::next),
    }
}

/// Takes all the locks: by the P's flag if all are biased to it, and else one by one, in the order of their addresses.
#[inline]
fn lock_all(locks: &mut [*const Biased], owner: Option<&'static Owner>) -> Hold {
    if let Some(owner) = owner
        && enter_all(locks, owner)
    {
        return Hold::Inside;
    }
    lock_words(locks, owner);
    Hold::Word
}

/// Takes all the locks at once, if all are biased to the caller's P.
#[inline]
fn enter_all(locks: &[*const Biased], owner: &'static Owner) -> bool {
    // Others wait for the flag while it is set: for a select of a thousand arms that would be long.
    if locks.len() > SMALL {
        return false;
    }
    owner.enter();
    if locks.iter().all(|&lock| is_mine(lock, owner)) {
        return true;
    }
    owner.leave();
    false
}

#[inline]
fn unlock_all(locks: &[*const Biased], owner: Option<&'static Owner>, hold: Hold) {
    match (hold, owner) {
        (Hold::Inside, Some(owner)) => owner.leave(),
        _ => unlock_words(locks, owner),
    }
}

/// The locks one by one. Arms without a lock come first, and those that share one are neighbours.
fn lock_words(locks: &mut [*const Biased], owner: Option<&'static Owner>) {
    if locks.len() > SMALL {
        locks.sort_unstable();
    } else {
        // Insertion sort: few arms, and often in order already.
        for at in 1..locks.len() {
            let mut to = at;
            while to > 0 && locks[to - 1] > locks[to] {
                locks.swap(to - 1, to);
                to -= 1;
            }
        }
    }
    let mut before = ptr::null();
    for &lock in &*locks {
        if lock != before {
            lock_at(lock, owner);
        }
        before = lock;
    }
}

fn unlock_words(locks: &[*const Biased], owner: Option<&'static Owner>) {
    let mut before = ptr::null();
    for &lock in locks {
        if lock != before {
            unlock_at(lock, owner);
        }
        before = lock;
    }
}

/// Unlinks all arms but the winner, which was unlinked by whoever claimed it.
fn dequeue_others(cases: &mut dyn Cases, locks: &[*const Biased], winner: u16) {
    let owner = current::processor().map(|p| &p.owner);
    let winner = usize::from(winner);
    if let Some(owner) = owner
        && enter_all(locks, owner)
    {
        for arm in (0..cases.count()).filter(|&arm| arm != winner) {
            cases.get(arm).dequeue();
        }
        owner.leave();
        return;
    }
    for arm in (0..cases.count()).filter(|&arm| arm != winner) {
        let case = cases.get(arm);
        if let Some(lock) = case.lock().map(ptr::from_ref) {
            lock_at(lock, owner);
            case.dequeue();
            unlock_at(lock, owner);
        }
    }
}

/// Whether an arm has no lock, or one that is biased to this P.
#[inline]
#[expect(unsafe_code, reason = "locks behind pointers")]
fn is_mine(lock: *const Biased, owner: &'static Owner) -> bool {
    // SAFETY: null, or the lock of a channel that an arm borrows for the whole select.
    unsafe { lock.as_ref() }.is_none_or(|lock| lock.is_mine(owner))
}

#[expect(unsafe_code, reason = "locks behind pointers")]
fn lock_at(lock: *const Biased, owner: Option<&'static Owner>) {
    // SAFETY: the lock of a channel that an arm borrows for the whole select.
    unsafe { (*lock).lock_word(owner) };
}

#[expect(unsafe_code, reason = "locks behind pointers")]
fn unlock_at(lock: *const Biased, owner: Option<&'static Owner>) {
    // SAFETY: as in `lock_at`; `lock_at` took its word on this task, for the same P.
    unsafe { (*lock).unlock_word(owner) };
}

/// A plain thread has a sequence of its own, started from an address and the clock.
fn with_own_rng<R>(f: impl FnOnce(&mut Rng) -> R) -> R {
    let seed = take_seed();
    let start = if seed == 0 {
        crate::primitive::clock::now() ^ (ptr::from_ref(&seed).addr() as u64)
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
