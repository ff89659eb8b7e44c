//! Goroutines: starting, ending, joining, many of them, large and deep ones.

use csp::{Builder, channel, go};
use csp_tests::{LIMIT, child, everywhere, settle, until, with_procs, within};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

#[test]
fn join_gives_the_value() {
    everywhere(|_| {
        assert_eq!(go!({ 6 * 7 }).join().unwrap(), 42);
        let text = String::from("moved");
        assert_eq!(go!({ text + " in" }).join().unwrap(), "moved in");
    });
}

#[test]
fn join_gives_the_panic_payload() {
    everywhere(|_| {
        let handle = go!({ std::panic::panic_any(17u8) });
        let payload: Box<dyn std::any::Any + Send> = handle.join().map(|(): ()| ()).unwrap_err();
        assert_eq!(payload.downcast_ref::<u8>(), Some(&17));
        assert_eq!(
            go!({ "the others go on" }).join().unwrap(),
            "the others go on"
        );
    });
}

#[test]
fn a_panic_drops_what_the_goroutine_owned_and_spares_the_next_one() {
    everywhere(|_| {
        let owned = Arc::new(());
        for _ in 0..20 {
            let held = Arc::clone(&owned);
            let failed = go!({
                let _held = held;
                csp::yield_now();
                panic!("on purpose")
            });
            assert!(failed.join().map(|(): ()| ()).is_err());
            // The slot of the one that panicked is likely reused here.
            assert!(go!({ !std::thread::panicking() }).join().unwrap());
        }
        assert_eq!(Arc::strong_count(&owned), 1);
    });
}

#[test]
fn dropping_the_handle_detaches() {
    everywhere(|_| {
        let (tx, rx) = channel(0);
        drop(go!({ tx.send(1).unwrap() }));
        assert_eq!(rx.recv(), Some(1));
    });
}

#[test]
fn is_finished_turns_true_without_join() {
    everywhere(|_| {
        let (tx, rx) = channel::<()>(0);
        let handle = go!({ rx.recv() });
        settle();
        assert!(!handle.is_finished());
        tx.send(()).unwrap();
        until(|| handle.is_finished());
        assert_eq!(handle.join().unwrap(), Some(()));
    });
}

#[test]
fn the_handle_knows_the_id_and_the_name() {
    everywhere(|_| {
        let handle = go!(name("miner") => csp::runtime::goid());
        let (id, name) = (handle.id(), format!("{:?}", handle.name()));
        assert!(name.contains("miner"), "{name}");
        assert_eq!(handle.join().unwrap(), id);
    });
}

#[test]
fn ids_are_never_used_twice() {
    everywhere(|_| {
        let mut ids: Vec<u64> = (0..500)
            .map(|_| go!({ csp::runtime::goid() }).join().unwrap())
            .collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), 500);
        assert!(!ids.contains(&0));
    });
}

#[test]
fn num_goroutine_returns_to_what_it_was() {
    everywhere(|_| {
        let before = csp::runtime::num_goroutine();
        let (tx, rx) = channel::<()>(0);
        let handles: Vec<_> = (0..100)
            .map(|_| {
                let rx = rx.clone();
                go!({ rx.recv() })
            })
            .collect();
        // `before` may hold goroutines of other tests that were just ending.
        until(|| csp::runtime::num_goroutine() >= 100);
        drop(tx);
        handles
            .into_iter()
            .for_each(|handle| assert_eq!(handle.join().unwrap(), None));
        until(|| csp::runtime::num_goroutine() <= before);
    });
}

#[test]
fn goroutines_start_goroutines_to_any_depth() {
    fn nest(depth: u32) -> u32 {
        if depth == 0 {
            0
        } else {
            1 + go!(nest(depth - 1)).join().unwrap()
        }
    }
    everywhere(|_| assert_eq!(go!(nest(300)).join().unwrap(), 300));
}

#[test]
fn a_storm_of_spawns_runs_each_once() {
    fn grow(depth: u32, count: &Arc<AtomicUsize>, wg: &csp::WaitGroup) {
        count.fetch_add(1, Ordering::Relaxed);
        for _ in 0..if depth == 0 { 0 } else { 2 } {
            go!(in wg, clone(count, wg) => { grow(depth - 1, &count, &wg) });
        }
    }
    with_procs(&[1, 2, 4, 16], |_| {
        within(LIMIT, || {
            let (count, wg) = (Arc::new(AtomicUsize::new(0)), csp::WaitGroup::new());
            grow(13, &count, &wg);
            wg.wait();
            assert_eq!(count.load(Ordering::Relaxed), (1 << 14) - 1);
        });
    });
}

#[test]
fn a_hundred_thousand_live_at_once() {
    const N: usize = 100_000;
    with_procs(&[1, 2], |_| {
        within(LIMIT, || {
            let (gate, closed) = channel::<()>(0);
            let (tx, rx) = csp::unbounded();
            for i in 0..N {
                go!(clone(tx, closed) => {
                    assert_eq!(closed.recv(), None);
                    tx.send(i).unwrap();
                });
            }
            drop((tx, closed));
            assert!(csp::runtime::num_goroutine() >= N);
            drop(gate);
            let mut seen = vec![false; N];
            rx.iter()
                .for_each(|i| assert!(!std::mem::replace(&mut seen[i], true)));
            assert!(seen.into_iter().all(|was| was));
        });
    });
}

#[test]
fn a_token_passes_through_a_chain_of_a_hundred_thousand() {
    const N: usize = 100_000;
    with_procs(&[1, 2], |_| {
        within(LIMIT, || {
            let (first, mut rx) = channel::<usize>(0);
            for _ in 0..N {
                let (tx, next) = channel(0);
                go!({ tx.send(rx.recv().unwrap() + 1).unwrap() });
                rx = next;
            }
            first.send(0).unwrap();
            assert_eq!(rx.recv(), Some(N));
        });
    });
}

#[test]
fn two_yielding_goroutines_share_one_p_fairly() {
    const TURNS: usize = 10_000;
    with_procs(&[1], |_| {
        within(LIMIT, || {
            let turns = Arc::new([AtomicUsize::new(0), AtomicUsize::new(0)]);
            let ready = Arc::new(AtomicUsize::new(0));
            let handles = [0, 1].map(|me| {
                let (turns, ready) = (Arc::clone(&turns), Arc::clone(&ready));
                go!({
                    ready.fetch_add(1, Ordering::SeqCst);
                    until(|| ready.load(Ordering::SeqCst) == 2);
                    while turns[me].fetch_add(1, Ordering::SeqCst) < TURNS {
                        csp::yield_now();
                    }
                    turns[1 - me].load(Ordering::SeqCst)
                })
            });
            for handle in handles {
                let other = handle.join().unwrap();
                assert!(other > TURNS / 2, "the other had {other} turns of {TURNS}");
            }
        });
    });
}

/// One that is alone in its P's queue yields to those in the global queue, where plain threads put what they start.
#[test]
fn a_yielding_goroutine_does_not_go_before_the_global_queue() {
    const OTHERS: usize = 1_000;
    with_procs(&[1], |_| {
        within(LIMIT, || {
            let (ran, all) = (
                Arc::new(AtomicUsize::new(0)),
                Arc::new(AtomicBool::new(false)),
            );
            let (seen, started) = (Arc::clone(&ran), Arc::clone(&all));
            let yields = go!({
                while !started.load(Ordering::SeqCst) {
                    std::hint::spin_loop();
                }
                let mut yields = 0;
                while seen.load(Ordering::SeqCst) < OTHERS {
                    csp::yield_now();
                    yields += 1;
                }
                yields
            });
            for _ in 0..OTHERS {
                let ran = Arc::clone(&ran);
                go!({ ran.fetch_add(1, Ordering::SeqCst) });
            }
            all.store(true, Ordering::SeqCst);
            let yields: usize = yields.join().unwrap();
            // Each yield lets at least one of the others run.
            assert!(yields <= OTHERS, "{yields} yields");
        });
    });
}

/// Moves `N` bytes into a goroutine and checks each.
fn capture<const N: usize>() {
    let bytes: [u8; N] = std::array::from_fn(|i| i as u8);
    let handle = go!({ bytes.iter().enumerate().all(|(i, byte)| *byte == i as u8) });
    assert!(handle.join().unwrap(), "{N} bytes");
}

#[test]
fn captures_of_every_size_arrive_whole() {
    everywhere(|_| {
        capture::<0>();
        capture::<1>();
        capture::<24>();
        capture::<100>();
        capture::<255>();
        capture::<256>();
        capture::<257>();
        capture::<1024>();
        capture::<5000>();
        capture::<16384>();
    });
}

#[test]
fn captures_of_64_kib_arrive_whole() {
    // In a child: should the stack not suffice, that ends the process.
    let scenario = || within(LIMIT, capture::<65536>);
    child("captures_of_64_kib_arrive_whole", &[], scenario).code(0);
}

#[test]
fn results_of_every_shape_arrive_whole() {
    #[repr(align(128))]
    #[derive(Debug, PartialEq)]
    struct Aligned(u8);
    everywhere(|_| {
        assert_eq!(go!({ [3u8; 8192] }).join().unwrap(), [3; 8192]);
        let aligned = go!({ Aligned(5) }).join().unwrap();
        assert_eq!((&raw const aligned).addr() % 128, 0);
        assert_eq!(aligned, Aligned(5));
        go!({}).join().unwrap();
        let nothing: [u64; 0] = go!({ [] }).join().unwrap();
        assert!(nothing.is_empty());
        assert_eq!(go!({ Box::new([1u8; 100_000]) }).join().unwrap()[99_999], 1);
    });
}

#[test]
fn over_aligned_captures_keep_their_alignment() {
    #[repr(align(256))]
    struct Aligned([u8; 256]);
    everywhere(|_| {
        let value = Aligned([4; 256]);
        let aligned = go!({
            let value = value;
            (&raw const value).addr().is_multiple_of(256) && value.0.iter().all(|byte| *byte == 4)
        });
        assert!(aligned.join().unwrap());
    });
}

#[test]
fn a_result_nobody_joins_for_is_dropped() {
    everywhere(|_| {
        let owned = Arc::new(());
        let held = Arc::clone(&owned);
        drop(go!({ held }));
        until(|| Arc::strong_count(&owned) == 1);
        let held = Arc::clone(&owned);
        let handle = go!({ held });
        until(|| handle.is_finished());
        drop(handle);
        until(|| Arc::strong_count(&owned) == 1);
    });
}

#[test]
fn the_builder_sets_name_and_stack() {
    everywhere(|_| {
        let handle = Builder::new()
            .name("deep")
            .stack_size(4 << 20)
            .spawn(|| descend(10_000))
            .unwrap();
        assert!(format!("{:?}", handle.name()).contains("deep"));
        assert_eq!(handle.join().unwrap(), 10_000);
    });
}

/// Uses well over a hundred bytes of stack for each level.
fn descend(levels: u32) -> u32 {
    let frame = std::hint::black_box([levels; 16]);
    if levels == 0 {
        0
    } else {
        descend(frame[7] - 1) + 1
    }
}

#[test]
fn a_larger_stack_carries_a_deeper_recursion() {
    everywhere(|_| {
        let handle = go!(stack(8 << 20) => descend(20_000));
        assert_eq!(handle.join().unwrap(), 20_000);
    });
}

#[test]
fn a_panic_message_names_the_goroutine_and_its_spawn_site() {
    let output = child(
        "a_panic_message_names_the_goroutine_and_its_spawn_site",
        &[],
        || {
            let handle = go!(name("miner") => { panic!("dug too deep") });
            let id = handle.id();
            assert!(handle.join().map(|(): ()| ()).is_err());
            println!("it was goroutine {id};");
        },
    );
    let id = output
        .stdout
        .split("it was goroutine ")
        .nth(1)
        .and_then(|rest| rest.split(';').next());
    let id = id.expect("the child printed the id");
    output
        .code(0)
        .stderr("dug too deep")
        .stderr("miner")
        .stderr(&format!("goroutine {id}"))
        .stderr("spawn.rs:");
}
