//! join! and scope: what is started inside has ended outside, whatever happens.

use csp::{channel, go, join, scope};
use csp_tests::{everywhere, settle};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};

fn text(payload: &(dyn std::any::Any + Send)) -> &str {
    payload
        .downcast_ref::<&str>()
        .copied()
        .expect("the payload is a literal")
}

#[test]
fn join_gives_every_value_in_order() {
    everywhere(|_| {
        let (a, b, c) = join!(
            1 + 1,
            {
                settle();
                "two"
            },
            String::from("three")
        );
        assert_eq!((a, b, c.as_str()), (2, "two", "three"));
    });
}

#[test]
fn the_arms_of_join_run_concurrently() {
    everywhere(|_| {
        let (tx, rx) = channel(0);
        let (sent, received) = join!(tx.send(5), rx.recv());
        assert_eq!((sent.is_ok(), received), (true, Some(5)));
    });
}

#[test]
fn the_arms_of_join_borrow_from_the_caller() {
    everywhere(|_| {
        let words = ["a", "bc", "def"];
        let (mut longest, mut total) = (0, 0);
        join!(
            longest = words.iter().map(|word| word.len()).max().unwrap(),
            total = words.iter().map(|word| word.len()).sum::<usize>(),
        );
        assert_eq!((longest, total, words.len()), (3, 6, 3));
    });
}

#[test]
fn a_panic_in_join_waits_for_the_other_arms() {
    everywhere(|_| {
        let finished = AtomicUsize::new(0);
        let slow = || {
            settle();
            finished.fetch_add(1, Ordering::SeqCst);
        };
        let result = catch_unwind(AssertUnwindSafe(|| join!(slow(), panic!("arm"), slow())));
        assert_eq!(text(&*result.map(|_: ((), (), ())| ()).unwrap_err()), "arm");
        assert_eq!(finished.load(Ordering::SeqCst), 2);
    });
}

#[test]
fn the_first_of_several_panics_in_join_resumes() {
    everywhere(|_| {
        let (tx, rx) = channel::<()>(0);
        let result = catch_unwind(AssertUnwindSafe(|| {
            join!(
                {
                    let _closes_late = tx;
                    settle();
                    panic!("first")
                },
                {
                    // Starts to unwind only after the other one did.
                    rx.recv();
                    panic!("second")
                },
            )
        }));
        assert_eq!(text(&*result.map(|_: ((), ())| ()).unwrap_err()), "first");
    });
}

#[test]
fn join_nests() {
    fn fib(n: u64) -> u64 {
        if n < 2 {
            return n;
        }
        let (a, b) = join!(fib(n - 1), fib(n - 2));
        a + b
    }
    everywhere(|_| assert_eq!(fib(10), 55));
}

#[test]
fn scope_returns_the_value_of_its_body() {
    everywhere(|_| {
        let owned = String::from("value");
        assert_eq!(scope(|_| owned.len()), 5);
    });
}

#[test]
fn children_borrow_and_are_over_when_scope_returns() {
    everywhere(|_| {
        let mut slots = [0; 20];
        let base = 7;
        scope(|s| {
            for (i, slot) in slots.iter_mut().enumerate() {
                go!(in s, ref(base) => {
                    settle();
                    *slot = *base + i;
                });
            }
        });
        assert!(slots.into_iter().eq(7..27));
    });
}

#[test]
fn ref_mut_lends_a_variable_to_one_child() {
    everywhere(|_| {
        let (mut count, step) = (1, 4);
        scope(|s| {
            go!(in s, ref(step, mut count) => { *count += *step });
        });
        assert_eq!((count, step), (5, 4));
    });
}

#[test]
fn a_closure_literal_captures_as_written() {
    everywhere(|_| {
        let count = AtomicUsize::new(0);
        let owned = String::from("mine");
        scope(|s| {
            go!(in s => || count.fetch_add(1, Ordering::SeqCst));
            go!(in s => || count.fetch_add(1, Ordering::SeqCst));
            go!(in s => move || drop(owned));
        });
        assert_eq!(count.into_inner(), 2);
    });
}

#[test]
fn a_child_gives_its_value_through_its_handle() {
    everywhere(|_| {
        let words = ["a", "bc"];
        let total = scope(|s| {
            let handles: Vec<_> = words.iter().map(|word| go!(in s => word.len())).collect();
            handles
                .into_iter()
                .map(|handle| handle.join().unwrap())
                .sum::<usize>()
        });
        assert_eq!(total, 3);
    });
}

#[test]
fn scope_waits_when_its_body_panics() {
    everywhere(|_| {
        let finished = AtomicUsize::new(0);
        let result = catch_unwind(AssertUnwindSafe(|| {
            scope(|s| {
                for _ in 0..10 {
                    go!(in s => || {
                        settle();
                        finished.fetch_add(1, Ordering::SeqCst);
                    });
                }
                panic!("body")
            })
        }));
        assert_eq!(text(&*result.map(|(): ()| ()).unwrap_err()), "body");
        assert_eq!(finished.load(Ordering::SeqCst), 10);
    });
}

#[test]
fn scope_panics_when_a_child_nobody_joined_panicked() {
    everywhere(|_| {
        let finished = AtomicUsize::new(0);
        let result = catch_unwind(AssertUnwindSafe(|| {
            scope(|s| {
                go!(in s => || {
                    settle();
                    finished.fetch_add(1, Ordering::SeqCst);
                });
                go!(in s => panics());
            });
        }));
        assert!(result.is_err());
        assert_eq!(finished.load(Ordering::SeqCst), 1);
    });
}

fn panics() {
    panic!("child")
}

#[test]
fn a_joined_panic_of_a_child_is_over_with() {
    everywhere(|_| {
        let joined = scope(|s| go!(in s => panics()).join().is_err());
        assert!(joined);
    });
}

#[test]
fn children_start_siblings_through_the_scope() {
    everywhere(|_| {
        let count = AtomicUsize::new(0);
        scope(|s| {
            go!(in s, ref(count) => {
                count.fetch_add(1, Ordering::SeqCst);
                go!(in s => {
                    settle();
                    count.fetch_add(10, Ordering::SeqCst);
                });
            });
        });
        assert_eq!(count.into_inner(), 11);
    });
}

#[test]
fn scopes_nest() {
    everywhere(|_| {
        let count = AtomicUsize::new(0);
        let count = &count;
        scope(|outer| {
            for _ in 0..4 {
                go!(in outer => {
                    let local = AtomicUsize::new(0);
                    scope(|inner| {
                        for _ in 0..4 {
                            go!(in inner, ref(local) => local.fetch_add(1, Ordering::SeqCst));
                        }
                    });
                    count.fetch_add(local.into_inner(), Ordering::SeqCst);
                });
            }
        });
        assert_eq!(count.load(Ordering::SeqCst), 16);
    });
}

#[test]
fn a_scope_holds_ten_thousand_children() {
    everywhere(|_| {
        let count = AtomicUsize::new(0);
        let count = &count;
        scope(|s| {
            for _ in 0..10_000 {
                go!(in s => { count.fetch_add(1, Ordering::Relaxed) });
            }
        });
        assert_eq!(count.load(Ordering::Relaxed), 10_000);
    });
}

#[test]
fn unwinding_through_a_scope_of_blocked_children_waits_for_them() {
    everywhere(|peers| {
        let (tx, rx) = channel::<()>(0);
        let finished = AtomicUsize::new(0);
        // Released by a peer, which the unwinding body does not know: the wait during the unwind must not spin or skip.
        let releaser = peers.spawn(move || {
            settle();
            drop(tx);
        });
        let result = catch_unwind(AssertUnwindSafe(|| {
            scope(|s| {
                go!(in s => || {
                    rx.recv();
                    finished.fetch_add(1, Ordering::SeqCst);
                });
                panic!("body")
            })
        }));
        assert!(result.map(|(): ()| ()).is_err());
        assert_eq!(finished.load(Ordering::SeqCst), 1);
        assert!(!std::thread::panicking());
        releaser.join();
    });
}
