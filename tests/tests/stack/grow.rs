//! Stacks that grow: depth, panics, waiting, moving and being stopped on segments, and their reuse.
//!
//! A frame's checksum is computed before the call below it and looked at after: whatever overwrites a frame, or takes one
//! stack for another, shows.

use csp::prelude::*;
use csp::stack;
use csp_tests::{LIMIT, PROCS, Rng, until, with_procs, within};
use std::backtrace::Backtrace;
use std::cell::Cell;
use std::hint::black_box;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// Runs `body` on a goroutine and on a plain thread.
fn both(body: fn()) {
    within(LIMIT, || {
        for outcome in [go!(body()).join(), thread::spawn(body).join()] {
            outcome.unwrap_or_else(|payload| resume_unwind(payload));
        }
    });
}

/// Recurses `levels` deep, about 1 KiB each where it is optimised, calls `bottom` there and counts the levels again.
#[csp::recursive]
fn descend(levels: usize, bottom: &mut dyn FnMut()) -> usize {
    let frame = black_box([levels; 120]);
    if levels == 0 {
        bottom();
        return 0;
    }
    let below = descend(levels - 1, bottom);
    assert!(
        frame.iter().all(|word| *word == levels),
        "a frame was written"
    );
    below + 1
}

/// More than the first stack has, of a goroutine and of a thread.
const DEEP: usize = 16_000;

#[test]
fn a_marked_function_recurses_beyond_its_stack() {
    both(|| {
        let mut reached = false;
        assert_eq!(descend(DEEP, &mut || reached = true), DEEP);
        assert!(reached);
    });
}

/// A list of nested parentheses: the depth to which they nest.
#[csp::recursive]
fn parse(text: &[u8], at: &mut usize) -> Result<usize, usize> {
    let mut depth = 0;
    while *at < text.len() && text[*at] == b'(' {
        *at += 1;
        depth = depth.max(parse(text, at)? + 1);
        if text.get(*at) != Some(&b')') {
            return Err(*at);
        }
        *at += 1;
    }
    Ok(depth)
}

#[test]
fn a_parser_goes_a_million_levels_deep() {
    within(LIMIT, || {
        let levels = 1_000_000;
        let mut text = vec![b'('; levels];
        text.resize(2 * levels, b')');
        let depth = go!(clone(text) => { parse(&text, &mut 0) }).join().unwrap();
        assert_eq!(depth, Ok(levels));
        // An error comes back from the bottom through all of them.
        text[levels] = b'x';
        let depth = go!({ parse(&text, &mut 0) }).join().unwrap();
        assert_eq!(depth, Err(levels));
    });
}

#[test]
fn what_is_left_grows_with_the_need() {
    both(|| {
        let before = stack::remaining();
        assert!((100 << 10..1 << 30).contains(&before), "{before}");
        assert_eq!(stack::grow(|| 7), 7);
        // Enough is there: on this very stack.
        let here = stack::ensure(before / 2, stack::remaining);
        assert!(here <= before && before - here < 16 << 10);
        for need in [8 << 20, 40 << 20, 300 << 20] {
            let inside = stack::ensure(need, stack::remaining);
            assert!(
                (need..2 * need + (2 << 20)).contains(&inside),
                "{inside} for {need}"
            );
        }
        assert_eq!(stack::remaining(), before);
    });
}

#[test]
fn more_than_any_segment_is_a_panic_that_says_so() {
    both(|| {
        let payload = catch_unwind(|| stack::ensure(2 << 30, || ())).unwrap_err();
        let text = payload.downcast_ref::<String>().expect("a text");
        assert!(
            text.contains("cannot grow the stack") && text.contains("1 GiB"),
            "{text}"
        );
        assert_eq!(stack::grow(|| 7), 7);
    });
}

/// Where the outermost frame of a further segment lies.
fn place_of_a_segment() -> usize {
    stack::ensure(9 << 20, || {
        let local = black_box(0_u8);
        (&raw const local).addr()
    })
}

#[test]
fn a_segment_is_used_again() {
    within(LIMIT, || {
        go!({
            // Other tests take segments of this size too, but not many.
            let mut places: Vec<_> = (0..1000).map(|_| place_of_a_segment()).collect();
            places.sort_unstable();
            places.dedup();
            assert!(places.len() < 100, "{} segments", places.len());
        })
        .join()
        .unwrap();
    });
}

/// Notes its number when it is dropped.
struct Noted<'a>(usize, &'a Mutex<Vec<usize>>);

impl Drop for Noted<'_> {
    fn drop(&mut self) {
        assert!(thread::panicking());
        self.1.lock().unwrap().push(self.0);
    }
}

#[csp::recursive]
fn fail_below(levels: usize, dropped: &Mutex<Vec<usize>>) {
    let _noted = Noted(levels, dropped);
    let _frame = black_box([0_u8; 1000]);
    if levels == 0 {
        std::panic::panic_any(4711_u32);
    }
    fail_below(levels - 1, dropped);
}

#[test]
fn a_panic_crosses_segments_with_its_payload_and_drops_in_order() {
    both(|| {
        let dropped = Mutex::new(Vec::new());
        let payload = catch_unwind(|| fail_below(DEEP / 4, &dropped)).unwrap_err();
        assert_eq!(payload.downcast_ref::<u32>(), Some(&4711));
        let order: Vec<_> = (0..=DEEP / 4).collect();
        assert!(!thread::panicking());
        assert!(dropped.into_inner().unwrap() == order);
        // And the stack is as before.
        assert_eq!(descend(DEEP, &mut || ()), DEEP);
    });
}

/// A list that frees itself by recursion.
struct List(Option<Box<List>>);

impl Drop for List {
    #[csp::recursive]
    fn drop(&mut self) {
        drop(self.0.take());
    }
}

fn list(length: usize) -> List {
    (0..length).fold(List(None), |list, _| List(Some(Box::new(list))))
}

#[test]
fn destructors_recurse_also_while_unwinding() {
    both(|| {
        drop(list(100_000));
        let unwound = catch_unwind(|| {
            let _list = list(100_000);
            panic!("unwind");
        });
        assert!(unwound.is_err());
    });
}

#[csp::recursive]
fn is_even(n: u32) -> bool {
    n == 0 || is_odd(n - 1)
}

fn is_odd(n: u32) -> bool {
    n != 0 && is_even(n - 1)
}

#[test]
fn of_two_functions_that_call_each_other_one_mark_is_enough() {
    both(|| assert!(is_even(black_box(200_000))));
}

#[test]
fn a_backtrace_crosses_segments() {
    both(|| {
        let mut text = String::new();
        outermost(&mut text);
        for name in ["innermost", "outermost", "a_backtrace_crosses_segments"] {
            assert!(text.contains(name), "no {name} in\n{text}");
        }
    });

    #[inline(never)]
    fn outermost(text: &mut String) {
        stack::ensure(20 << 20, || stack::ensure(60 << 20, || innermost(text)));
        black_box(text);
    }

    #[inline(never)]
    fn innermost(text: &mut String) {
        *text = Backtrace::force_capture().to_string();
    }
}

csp::local! {
    static DEPTH: Cell<usize> = Cell::new(0);
}

#[csp::recursive]
fn wait_below(levels: usize, seed: u64, rounds: &AtomicUsize) -> u64 {
    let mut rng = Rng::new(seed ^ levels as u64);
    let frame: [u64; 32] = black_box(std::array::from_fn(|_| rng.bits()));
    let sum = frame
        .iter()
        .fold(0_u64, |sum, word| sum.wrapping_add(*word));
    if levels % 350 == 7 {
        DEPTH.with(|depth| depth.set(levels));
        csp::yield_now();
        DEPTH.with(|depth| assert_eq!(depth.get(), levels));
        rounds.fetch_add(1, Ordering::Relaxed);
    }
    let below = match levels {
        0 => 0,
        _ => wait_below(levels - 1, seed, rounds),
    };
    let again = frame
        .iter()
        .fold(0_u64, |sum, word| sum.wrapping_add(*word));
    assert_eq!(sum, again, "a frame was written");
    below.wrapping_add(sum)
}

#[test]
fn a_thousand_goroutines_recurse_and_yield_at_once() {
    with_procs(PROCS, |procs| {
        within(LIMIT, || {
            let rounds = Arc::new(AtomicUsize::new(0));
            let handles: Vec<_> = (0..1000 / procs as u64)
                .map(|seed| go!(clone(rounds) => { wait_below(700, seed, &rounds) }))
                .collect();
            for (seed, handle) in handles.into_iter().enumerate() {
                let sum = handle.join().unwrap();
                // The same on a stack that need not grow.
                let expected =
                    go!(stack(8 << 20), clone(rounds) => { wait_below(700, seed as u64, &rounds) });
                assert!(seed % 50 != 0 || expected.join().unwrap() == sum);
            }
            assert!(rounds.load(Ordering::Relaxed) >= 2 * 1000 / procs);
        });
    });
}

#[test]
fn select_and_channels_work_at_depth() {
    with_procs(PROCS, |_| {
        within(LIMIT, || {
            let (ask, asked) = channel::<u32>(0);
            let (answer, answers) = channel::<u32>(0);
            let deep = go!(descend(2000, &mut || {
                loop {
                    select! {
                        question = <-asked => match question {
                            Some(n) => answer.send(n + 1).unwrap(),
                            None => return,
                        },
                    }
                }
            }));
            for n in 0..200 {
                ask.send(n).unwrap();
                assert_eq!(answers.recv(), Some(n + 1));
            }
            drop(ask);
            assert_eq!(deep.join().unwrap(), 2000);
        });
    });
}

#[test]
fn goroutines_of_a_scope_borrow_from_a_segment() {
    both(|| {
        let total = &AtomicUsize::new(0);
        let levels = descend(DEEP / 4, &mut || {
            let words = &black_box([3_usize; 64]);
            csp::scope(|scope| {
                for _ in 0..10 {
                    go!(in scope => {
                        let sum: usize = words.iter().sum();
                        total.fetch_add(descend(sum, &mut || ()), Ordering::Relaxed);
                    });
                }
            });
        });
        assert_eq!(levels, DEEP / 4);
        assert_eq!(total.load(Ordering::Relaxed), 10 * 3 * 64);
    });
}

#[test]
fn a_lock_is_held_across_growth() {
    within(LIMIT, || {
        let count = Arc::new(csp::sync::Mutex::new(0));
        let handles: Vec<_> = (0..8)
            .map(|_| {
                go!(clone(count) => {
                    let mut count = count.lock();
                    let before = *count;
                    descend(1000, &mut || csp::yield_now());
                    *count = before + 1;
                })
            })
            .collect();
        handles
            .into_iter()
            .for_each(|handle| handle.join().unwrap());
        assert_eq!(*count.lock(), 8);
    });
}

#[test]
fn a_goroutine_that_computes_on_a_segment_is_stopped_for_others() {
    with_procs(&[1], |_| {
        within(LIMIT, || {
            let stop = Arc::new(AtomicBool::new(false));
            let computing = Arc::new(AtomicBool::new(false));
            let deep = go!(clone(stop, computing) => descend(2000, &mut || {
                computing.store(true, Ordering::Relaxed);
                while !stop.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            }));
            // One P: it begins, and this goes on, only if the one that computes lets it.
            let other = go!(clone(stop, computing) => {
                until(|| computing.load(Ordering::Relaxed));
                stop.store(true, Ordering::Relaxed);
            });
            other.join().unwrap();
            assert_eq!(deep.join().unwrap(), 2000);
        });
    });
}

#[test]
fn a_goroutine_goes_on_on_another_thread_from_a_segment() {
    with_procs(&[4], |_| {
        within(LIMIT, || {
            let handles: Vec<_> = (0..16)
                .map(|_| {
                    go!({
                        let mut threads = Vec::new();
                        descend(400, &mut || {
                            for _ in 0..20 {
                                csp::yield_now();
                                threads.push(thread::current().id());
                            }
                        });
                        threads.dedup();
                        threads.len()
                    })
                })
                .collect();
            // How many did is the scheduler's affair; that nothing breaks is ours.
            let stays: usize = handles.into_iter().map(|h| h.join().unwrap()).sum();
            assert!(stays >= 16);
        });
    });
}

#[test]
fn a_catch_inside_a_segment_keeps_the_panic_there() {
    both(|| {
        let levels = descend(DEEP / 4, &mut || {
            let caught = catch_unwind(AssertUnwindSafe(|| {
                descend(DEEP / 4, &mut || panic!("inside"))
            }));
            assert!(caught.is_err());
        });
        assert_eq!(levels, DEEP / 4);
    });
}
