//! A goroutine's end and the clock as futures, and tokio as the executor.

use super::{Wakes, on, poll};
use csp::{after, block_on, channel, go};
use csp_tests::{Counted, Ledger, everywhere, open, settle, until};
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::thread;
use std::time::{Duration, Instant};

/// Runs a future in a tokio runtime of the calling thread.
fn tokio_run<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap()
        .block_on(future)
}

#[test]
fn a_handle_is_a_future_of_the_result() {
    everywhere(|_| {
        let (tx, rx) = channel::<u32>(0);
        let adds = go!({ rx.recv().unwrap() + 1 });
        let fails = go!({
            if true {
                panic!("on purpose");
            }
        });
        let sums = go!({
            let sum = block_on(async { adds.await.unwrap() + 1 });
            assert!(block_on(fails).is_err());
            sum
        });
        tx.send(5).unwrap();
        assert_eq!(block_on(sums).unwrap(), 7);
    });
}

#[test]
fn a_pending_handle_may_be_joined_dropped_or_polled_by_another() {
    everywhere(|_| {
        let wakes = Arc::new(Wakes::default());
        let (tx, rx) = channel::<()>(0);
        let start = || {
            let rx = rx.clone();
            go!({
                rx.recv();
                "ended"
            })
        };
        let (mut joined, mut dropped, mut moved) = (start(), start(), start());
        for handle in [&mut joined, &mut dropped, &mut moved] {
            assert!(poll(Pin::new(handle), &wakes).is_pending());
        }
        drop(dropped);
        // Detached, it receives still.
        for _ in 0..3 {
            tx.send(()).unwrap();
        }
        assert_eq!(joined.join().unwrap(), "ended");
        assert_eq!(block_on(&mut moved).unwrap(), "ended");
        assert!(moved.is_finished());
        assert_ne!(moved.id(), 0);
        let again = catch_unwind(AssertUnwindSafe(|| block_on(&mut moved)));
        let payload = again.unwrap_err();
        assert_eq!(
            payload.downcast_ref(),
            Some(&"`JoinHandle` polled after completion")
        );
        assert!(catch_unwind(AssertUnwindSafe(|| moved.join())).is_err());
    });
}

#[test]
fn handles_polled_while_goroutines_end_are_woken() {
    everywhere(|peers| {
        for round in 0..200 {
            let handle = go!({
                if round % 2 == 0 {
                    csp::yield_now();
                }
                round
            });
            let waits = peers.spawn(move || block_on(handle).unwrap());
            assert_eq!(waits.join(), round);
        }
    });
}

#[test]
fn the_clock_wakes_a_future() {
    everywhere(|_| {
        let start = Instant::now();
        let rx = after(Duration::from_millis(5));
        let tick = block_on(rx.recv_async()).unwrap();
        assert!(tick >= start + Duration::from_millis(5));
        assert!(Instant::now() >= tick);
        let ticker = csp::time::tick(Duration::from_millis(1));
        block_on(async {
            for _ in 0..3 {
                ticker.recv_async().await.unwrap();
            }
        });
    });
}

#[test]
fn a_timer_that_is_reset_wakes_the_future_anew() {
    everywhere(|peers| {
        let timer = Arc::new(csp::time::Timer::new(Duration::MAX));
        let waits = peers.spawn({
            let timer = Arc::clone(&timer);
            move || block_on(timer.receiver().recv_async()).unwrap()
        });
        settle();
        timer.reset(Duration::from_secs(3600));
        settle();
        timer.reset(Duration::from_millis(1));
        waits.join();
    });
}

#[test]
fn a_dropped_wait_for_the_clock_leaves_the_tick_and_no_goroutine() {
    on(&[2], || {
        let wakes = Arc::new(Wakes::default());
        let later = after(Duration::from_secs(3600));
        let sleepers = || {
            let mut text = Vec::new();
            csp::runtime::dump(&mut text).unwrap();
            String::from_utf8(text)
                .unwrap()
                .matches("[csp-alarm]")
                .count()
        };
        let mut future = Box::pin(later.recv_async());
        assert!(poll(future.as_mut(), &wakes).is_pending());
        assert!(poll(future.as_mut(), &wakes).is_pending());
        until(|| sleepers() == 1);
        drop(future);
        until(|| sleepers() == 0);
        // A poll that comes too late for its clock takes the tick.
        let soon = loop {
            let soon = after(Duration::from_millis(1));
            let mut future = Box::pin(soon.recv_async());
            if poll(future.as_mut(), &wakes).is_pending() {
                until(|| wakes.0.load(std::sync::atomic::Ordering::SeqCst) == 1);
                drop(future);
                break soon;
            }
        };
        assert!(soon.recv().is_some());
    });
}

#[test]
fn never_is_pending_for_ever() {
    on(&[1], || {
        let wakes = Arc::new(Wakes::default());
        let rx = csp::never::<u32>();
        let mut future = pin!(rx.recv_async());
        assert_eq!(poll(future.as_mut(), &wakes), Poll::Pending);
    });
}

#[test]
fn a_tokio_task_receives_what_goroutines_send() {
    on(&[1, 2], || {
        const EACH: usize = 1_000;
        for capacity in [Some(0), Some(4), None] {
            let ledger = Ledger::new(2 * EACH);
            let (tx, rx) = open::<Counted>(capacity);
            for n in 0..2 {
                go!(clone(tx, ledger) => {
                    for id in n * EACH..(n + 1) * EACH {
                        tx.send(ledger.message(id)).unwrap();
                    }
                });
            }
            drop(tx);
            let tokio = thread::spawn(move || {
                tokio_run(async {
                    let mut ids = Vec::new();
                    // The other branch wins often, and drops a receive that may have been handed a value.
                    loop {
                        tokio::select! {
                            got = rx.recv_async() => match got {
                                Some(message) => ids.push(message.id),
                                None => break,
                            },
                            () = tokio::task::yield_now() => {}
                        }
                    }
                    ids
                })
            });
            let mut ids = tokio.join().unwrap();
            ids.sort_unstable();
            assert!(ids.into_iter().eq(0..2 * EACH));
            assert_eq!(ledger.live(), 0);
        }
    });
}

#[test]
fn tokio_tasks_send_to_goroutines_and_to_each_other() {
    on(&[1, 2], || {
        const EACH: usize = 500;
        let ledger = Ledger::new(3 * EACH);
        let (tx, rx) = channel::<Counted>(1);
        let counts = go!(clone(rx) => rx.iter().count());
        let made = Arc::clone(&ledger);
        let received = thread::spawn(move || {
            tokio_run(async move {
                let tasks: Vec<_> = (0..3)
                    .map(|n| {
                        let (tx, ledger) = (tx.clone(), Arc::clone(&made));
                        tokio::spawn(async move {
                            for id in n * EACH..(n + 1) * EACH {
                                tx.send_async(ledger.message(id)).await.unwrap();
                            }
                        })
                    })
                    .collect();
                drop(tx);
                let mut received = 0;
                while rx.recv_async().await.is_some() {
                    received += 1;
                }
                for task in tasks {
                    task.await.unwrap();
                }
                received
            })
        })
        .join()
        .unwrap();
        assert_eq!(received + counts.join().unwrap(), 3 * EACH);
        assert_eq!(ledger.live(), 0);
    });
}

#[test]
fn tokio_waits_for_goroutines_and_goroutines_for_tokio() {
    on(&[1, 2], || {
        let (handles, to_wait_for) = channel(0);
        let (tokio, runtime) = channel(0);
        let (stop, stopped) = channel::<()>(0);
        let reactor = thread::spawn(move || {
            tokio_run(async {
                tokio
                    .send_async(tokio::runtime::Handle::current())
                    .await
                    .unwrap();
                let mut sum = 0;
                while let Some(handle) = to_wait_for.recv_async().await {
                    let handle: csp::JoinHandle<u32> = handle;
                    sum += handle.await.unwrap();
                }
                stopped.recv_async().await;
                sum
            })
        });
        let runtime = runtime.recv().unwrap();
        for n in 0..100 {
            handles
                .send(go!({
                    csp::yield_now();
                    n
                }))
                .unwrap();
        }
        drop(handles);
        let asks: Vec<_> = (0..10)
            .map(|n| {
                let runtime = runtime.clone();
                go!({
                    block_on(runtime.spawn(async move {
                        tokio::time::sleep(Duration::from_millis(1)).await;
                        n
                    }))
                    .unwrap()
                })
            })
            .collect();
        let answers: u32 = asks.into_iter().map(|ask| ask.join().unwrap()).sum();
        assert_eq!(answers, 45);
        drop(stop);
        assert_eq!(reactor.join().unwrap(), 4950);
    });
}
