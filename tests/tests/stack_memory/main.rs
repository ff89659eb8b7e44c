//! Memory of stacks goes back to the system: from parked goroutines below their stack pointers, and from ended ones all of it.
//!
//! What is resident is read from `/proc/self`: `pagemap` for one stack, `status` for the process. Nothing is asserted about how
//! long it takes; each test waits for the fact, under the watchdog. Tests that need short windows run themselves
//! again as a child with `CSP_SCAVENGE` set.

#![cfg(target_os = "linux")]

mod probe;
mod stress;

use csp::{WaitGroup, channel, go};
use csp_tests::{LIMIT, alone, within};
use probe::{
    child, counts, deep, is_child, maps, overflows, resident_pages, status_kib, sysmon_wakeups,
};
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

/// Pages that a goroutine uses which waits at the top of its stack. Frames are larger without optimisation.
const SHALLOW: usize = if cfg!(debug_assertions) { 3 } else { 2 };

/// Looks again and again, without a goroutine.
fn wait_for(mut fact: impl FnMut() -> bool) {
    while !fact() {
        thread::sleep(Duration::from_millis(20));
    }
}

/// How a goroutine waits in a test.
#[derive(Clone, Copy)]
enum Wait {
    Receive,
    Sleep,
    Lock,
    Group,
}

#[test]
fn a_goroutine_that_was_deep_and_parks_keeps_the_pages_at_its_top() {
    alone(|| {
        within(LIMIT, || {
            let lock = Arc::new(csp::sync::Mutex::new(()));
            let guard = lock.lock();
            let group = Arc::new(WaitGroup::new());
            group.add(1);
            let (tx, rx) = channel::<u32>(0);
            let places: Arc<[AtomicUsize; 4]> = Arc::default();
            let handles = [Wait::Receive, Wait::Sleep, Wait::Lock, Wait::Group].map(|wait| {
                let (rx, lock, group) = (rx.clone(), lock.clone(), group.clone());
                let places = places.clone();
                go!({
                    let mark = [wait as u64 ^ 0x5a5a; 32];
                    assert_eq!(black_box(deep(190 << 10, 7)), deep_sum(7));
                    places[wait as usize].store((&raw const mark).addr(), Ordering::Release);
                    match wait {
                        Wait::Receive => assert_eq!(rx.recv(), None),
                        Wait::Sleep => csp::time::sleep(Duration::from_secs(4)),
                        Wait::Lock => drop(lock.lock()),
                        Wait::Group => group.wait(),
                    }
                    assert_eq!(black_box(mark), [wait as u64 ^ 0x5a5a; 32]);
                    // And down again, over pages that are gone.
                    assert_eq!(black_box(deep(190 << 10, 9)), deep_sum(9));
                })
            });
            for place in places.iter() {
                wait_for(|| place.load(Ordering::Acquire) != 0);
                wait_for(|| resident_pages(place.load(Ordering::Acquire)) <= SHALLOW);
            }
            drop(guard);
            drop(tx);
            group.done();
            for handle in handles {
                handle.join().expect("its stack was left as it was");
            }
            assert!(counts().1 >= 4);
        });
    });
}

fn deep_sum(seed: u64) -> u64 {
    deep(190 << 10, seed)
}

#[test]
fn a_goroutine_that_parks_deep_keeps_what_it_uses() {
    alone(|| {
        within(LIMIT, || {
            let (tx, rx) = channel::<u32>(0);
            let trimmed = counts().1;
            let handle = go!({
                let before = probe::deep_with(100 << 10, 3, &mut || {});
                let after = probe::deep_with(100 << 10, 3, &mut || {
                    let _ = rx.recv();
                });
                assert_eq!(before, after);
            });
            wait_for(|| counts().1 > trimmed);
            drop(tx);
            handle.join().expect("what it uses is left alone");
        });
    });
}

/// Its result is still to be fetched; the rest of its stack is of no use to anybody.
#[test]
fn an_ended_goroutine_whose_handle_is_kept_keeps_its_result_alone() {
    alone(|| {
        within(LIMIT, || {
            let places: Arc<[AtomicUsize; 8]> = Arc::default();
            let handles: Vec<_> = (0..8_usize)
                .map(|n| {
                    let places = places.clone();
                    go!({
                        let mark = n;
                        places[n].store((&raw const mark).addr(), Ordering::Release);
                        (black_box(mark), deep(190 << 10, 7), [n; 100])
                    })
                })
                .collect();
            for place in places.iter() {
                wait_for(|| place.load(Ordering::Acquire) != 0);
                wait_for(|| resident_pages(place.load(Ordering::Acquire)) <= SHALLOW);
            }
            for (n, handle) in handles.into_iter().enumerate() {
                assert_eq!(handle.join().unwrap(), (n, deep_sum(7), [n; 100]));
            }
        });
    });
}

/// Recurses until `bytes` of stack are in use below `top`, and says how many pages of the quarter of a mebibyte there are in
/// memory.
#[csp::recursive]
fn pages_at_depth(top: usize, bytes: usize) -> usize {
    let mark = black_box([bytes as u64; 64]);
    let here = (&raw const mark).addr();
    let pages = if top - here < bytes {
        pages_at_depth(top, bytes)
    } else {
        resident_pages(here)
    };
    black_box(mark);
    pages
}

#[inline(never)]
fn pages_below_here(bytes: usize) -> usize {
    let mark = black_box(0_u8);
    pages_at_depth((&raw const mark).addr(), bytes)
}

/// A stack is given memory in steps, ahead of its use.
#[test]
fn a_stack_that_grows_has_at_most_twice_the_memory_it_uses() {
    // What runs at the depth, besides.
    const MORE: usize = 8;
    const NAME: &str = "a_stack_that_grows_has_at_most_twice_the_memory_it_uses";
    if !is_child() {
        // In a process where no stack was deep before.
        return child(NAME, &[("CSP_SCAVENGE", "0")]);
    }
    within(LIMIT, || {
        for kib in [8, 50, 100] {
            let pages = go!(pages_below_here(kib << 10)).join().unwrap();
            assert!(pages <= kib / 2 + MORE, "{pages} pages for {kib} KiB");
        }
        for kib in [0, 50, 120] {
            // A class for each: what was used before is kept.
            let on_segment = move || {
                csp::stack::ensure(1 << (20 + kib / 50), move || pages_below_here(kib << 10))
            };
            let pages = [
                go!(on_segment()).join().unwrap(),
                thread::spawn(on_segment).join().unwrap(),
            ];
            for pages in pages {
                assert!(pages <= kib / 2 + MORE, "{pages} pages for {kib} KiB");
                assert!(pages * 4 >= kib);
            }
        }
    });
}

/// Starts goroutines that wait together, and lets them end. Returns KiB in use at the peak, and those of page tables.
fn crowd(count: usize, seed: u64) -> (usize, usize) {
    let (tx, rx) = channel::<()>(0);
    let handles: Vec<_> = (0..count as u64)
        .map(|n| {
            let rx = rx.clone();
            go!({
                let mark = [n ^ seed; 16];
                let _ = rx.recv();
                black_box(mark) == [n ^ seed; 16]
            })
        })
        .collect();
    wait_for(|| csp_tests::in_state("chan receive") >= count);
    let peak = (status_kib("VmRSS:"), status_kib("VmPTE:"));
    drop(tx);
    assert!(handles.into_iter().all(|handle| handle.join().unwrap()));
    peak
}

#[test]
fn the_memory_of_ended_goroutines_goes_back_and_their_stacks_are_used_again() {
    alone(|| {
        within(LIMIT, || {
            const COUNT: usize = 20_000;
            // What a crowd needs beside its stacks is there already.
            crowd(64, 1);
            let start = (status_kib("VmRSS:"), status_kib("VmPTE:"));
            let before = maps();
            for round in 2..4 {
                let given = counts().0;
                let peak = crowd(COUNT, round);
                assert!(peak.0 > start.0 + COUNT * 4);
                let (rss, tables) = (
                    start.0 + (peak.0 - start.0) * 3 / 10,
                    start.1 + (peak.1 - start.1) * 3 / 10,
                );
                wait_for(|| counts().0 - given >= (COUNT - 64) as u64);
                wait_for(|| status_kib("VmRSS:") < rss);
                wait_for(|| status_kib("VmPTE:") < tables);
                assert!(maps() < before + 64, "the maps stay few");
            }
        });
    });
}

#[test]
fn nobody_wakes_up_once_all_is_given_back() {
    alone(|| {
        within(LIMIT, || {
            crowd(500, 5);
            wait_for(|| {
                let before = sysmon_wakeups();
                thread::sleep(Duration::from_millis(800));
                sysmon_wakeups() == before
            });
            // Asleep, and not dead.
            let given = counts().0;
            crowd(500, 6);
            wait_for(|| counts().0 > given);
        });
    });
}

#[test]
fn nothing_goes_back_if_the_environment_says_so() {
    if !is_child() {
        return child(
            "nothing_goes_back_if_the_environment_says_so",
            &[("CSP_SCAVENGE", "0")],
        );
    }
    crowd(500, 5);
    for _ in 0..8 {
        thread::sleep(Duration::from_millis(200));
        crowd(10, 5);
    }
    assert_eq!(counts(), (0, 0));
}

#[test]
fn a_stack_that_was_given_back_has_its_guard_when_it_is_used_again() {
    const NAME: &str = "a_stack_that_was_given_back_has_its_guard_when_it_is_used_again";
    if !is_child() {
        return overflows(NAME, &[("CSP_SCAVENGE", "20ms")]);
    }
    within(LIMIT, || {
        crowd(500, 1);
        wait_for(|| counts().0 >= 500);
        // The lowest are used first, and belonged to the crowd.
        let _ = go!(probe::deep(1 << 30, 1)).join();
    });
}

#[test]
fn guards_by_protection_stay_and_memory_goes_back() {
    const NAME: &str = "guards_by_protection_stay_and_memory_goes_back";
    if !is_child() {
        return child(
            NAME,
            &[("CSP_STACK_GUARD", "mprotect"), ("CSP_SCAVENGE", "20ms")],
        );
    }
    within(LIMIT, || {
        for round in 0..3 {
            let given = counts().0;
            crowd(500, round);
            wait_for(|| counts().0 - given >= 400);
        }
    });
}

#[test]
fn stacks_keep_their_contents_whenever_memory_goes_back() {
    const NAME: &str = "stacks_keep_their_contents_whenever_memory_goes_back";
    if is_child() {
        return within(stress::limit(), stress::run);
    }
    for procs in ["1", "2", "4", "16"] {
        child(NAME, &[("CSP_SCAVENGE", "1ms"), ("GOMAXPROCS", procs)]);
    }
}

#[test]
fn stacks_keep_their_contents_without_the_heavy_fence() {
    const NAME: &str = "stacks_keep_their_contents_without_the_heavy_fence";
    if is_child() {
        within(stress::limit(), stress::run);
        assert_eq!(counts().1, 0, "parked goroutines are left alone");
        return;
    }
    child(NAME, &[("CSP_SCAVENGE", "1ms"), ("CSP_MEMBARRIER", "0")]);
}
