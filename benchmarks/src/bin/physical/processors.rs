//! What goes on in a processor and between two: a locked instruction, a cache line's way, system calls, a wake-up.
//!
//! The first thread stays on the first processor that the process may use, a second, where a round needs one, on the next.
//! They spin without a pause instruction, which takes longer than some of what is measured.

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::{Pid, getppid};

use crate::system;

/// Of a round, unless something else is said there.
const COUNT: usize = 10_000;
/// System calls of a round that stop the other processor.
const BARRIERS: usize = 1_000;
/// Wake-ups of a round.
const WAKES: usize = 20;
/// How long the woken thread is left alone before the next, so that its processor has found nothing else to do.
const ASLEEP: Duration = Duration::from_micros(100);

/// One to a line, and to the pair of lines that some processors fetch at once.
#[repr(align(128))]
struct Line<T>(T);

/// Binds this thread to the first processor that it may use, and returns the second, if there is one.
pub(crate) fn bind_to_first() -> Option<usize> {
    let allowed = sched_getaffinity(Pid::from_raw(0)).expect("the affinity can be read");
    let mut usable = (0..CpuSet::count()).filter(|&cpu| allowed.is_set(cpu) == Ok(true));
    let first = usable.next().expect("this runs somewhere");
    let second = usable.next();
    bind_to(first);
    second
}

/// Binds this thread to a processor.
fn bind_to(cpu: usize) {
    let mut only = CpuSet::new();
    only.set(cpu).expect("the number is in range");
    sched_setaffinity(Pid::from_raw(0), &only).expect("the affinity can be set");
}

/// One locked addition.
pub(crate) fn locked() -> f64 {
    let line = Line(AtomicU64::new(0));
    mean(COUNT, || {
        black_box(&line).0.fetch_add(1, Ordering::Relaxed);
    })
}

/// A value to the other processor, and its answer in the same line.
pub(crate) fn line(second: usize) -> f64 {
    let line = Line(AtomicU32::new(0));
    // Odd numbers are questions, even ones answers; the line carries nothing but the number.
    let answer = |question: u32| {
        spin_until(|| line.0.load(Ordering::Relaxed) == question);
        line.0.store(question + 1, Ordering::Relaxed);
    };
    let questions = (1..=2 * COUNT as u32).step_by(2);
    thread::scope(|scope| {
        let other = questions.clone();
        scope.spawn(|| {
            bind_to(second);
            other.for_each(answer);
        });
        let mut questions = questions;
        let mut ask = || {
            let question = questions.next().expect("as many as are answered");
            line.0.store(question, Ordering::Relaxed);
            spin_until(|| line.0.load(Ordering::Relaxed) == question + 1);
        };
        // The first answer is the sign that the other thread runs.
        ask();
        mean(COUNT - 1, ask)
    })
}

/// A system call that only returns a number.
pub(crate) fn syscall() -> f64 {
    mean(COUNT, || {
        black_box(getppid());
    })
}

/// A barrier on all running threads of this process, of which there is one beside this.
///
/// It is nearly free while the other thread does not run, as on a machine that is busy with something else: so each call
/// waits until that thread is seen to count, and is timed alone.
pub(crate) fn membarrier(second: usize) -> Option<f64> {
    let (count, over) = (Line(AtomicU64::new(0)), AtomicBool::new(false));
    let mut done = true;
    let mut sum = Duration::ZERO;
    thread::scope(|scope| {
        scope.spawn(|| {
            bind_to(second);
            spin_until(|| {
                count.0.fetch_add(1, Ordering::Relaxed);
                over.load(Ordering::Relaxed)
            });
        });
        for _ in 0..BARRIERS {
            let seen = count.0.load(Ordering::Relaxed);
            spin_until(|| count.0.load(Ordering::Relaxed) != seen);
            let start = Instant::now();
            done &= system::barrier();
            sum += start.elapsed();
        }
        over.store(true, Ordering::Relaxed);
    });
    done.then(|| sum.as_nanos() as f64 / BARRIERS as f64)
}

/// From before a wake-up until the woken thread runs on its processor. Only wake-ups that found it waiting count.
pub(crate) fn futex(second: usize) -> Option<f64> {
    let turn = Line(AtomicU32::new(0));
    // The nanosecond at which the other thread ran again, and for which turn: 0 while it has not.
    let (ran_at, ran) = (Line(AtomicU64::new(0)), Line(AtomicU32::new(0)));
    let clock = Instant::now();
    let now = || clock.elapsed().as_nanos() as u64;
    let (mut sum, mut counted) = (0, 0);
    thread::scope(|scope| {
        scope.spawn(|| {
            bind_to(second);
            for last in 0..WAKES as u32 {
                while turn.0.load(Ordering::Relaxed) == last {
                    system::futex_wait(&turn.0, last);
                }
                ran_at.0.store(now(), Ordering::Relaxed);
                // Pairs with the load below: who sees the turn sees its time.
                ran.0.store(last + 1, Ordering::Release);
            }
        });
        for next in 1..=WAKES as u32 {
            let begin = Instant::now();
            spin_until(|| begin.elapsed() > ASLEEP);
            let before = now();
            turn.0.store(next, Ordering::Relaxed);
            let found = system::futex_wake(&turn.0);
            spin_until(|| ran.0.load(Ordering::Acquire) == next);
            if found {
                sum += ran_at.0.load(Ordering::Relaxed).saturating_sub(before);
                counted += 1;
            }
        }
    });
    (counted > 0).then(|| sum as f64 / f64::from(counted))
}

fn spin_until(met: impl Fn() -> bool) {
    while !met() {}
}

/// The nanoseconds that one takes.
fn mean(count: usize, mut one: impl FnMut()) -> f64 {
    let start = Instant::now();
    for _ in 0..count {
        one();
    }
    start.elapsed().as_nanos() as f64 / count as f64
}
