//! Futures: `block_on`, and receives, sends and joins as futures of any executor.
//!
//! * a wake-up is never lost, whenever and from wherever it comes, and one too many does no harm;
//! * futures and tasks that park stand in one line at a channel, first come first served;
//! * a future that is dropped, at whatever moment, loses no message and doubles none, and does not hold up the line;
//! * a select that makes its value only when it is chosen meets futures too;
//! * it makes no difference who polls: `block_on` on a goroutine or a thread, or tokio.
//!
//! Messages are [`Counted`]: one that is dropped twice ends the process.

mod channels;
mod executors;

use csp::{block_on, channel, go};
use csp_tests::{LIMIT, everywhere, until, with_procs, within};
use std::future::{Future, poll_fn};
use std::panic::catch_unwind;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

/// Runs `body` under the watchdog with so many Ps.
fn on(procs: &[usize], body: fn()) {
    with_procs(procs, |_| within(LIMIT, body));
}

/// A waker that counts.
#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Wakes {
    fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

/// Polls once.
fn poll<F: Future>(future: Pin<&mut F>, wakes: &Arc<Wakes>) -> Poll<F::Output> {
    let waker = Waker::from(Arc::clone(wakes));
    future.poll(&mut Context::from_waker(&waker))
}

#[test]
fn block_on_returns_what_the_future_does_and_passes_its_panic_on() {
    everywhere(|peers| {
        let text = String::from("borrowed");
        let length = block_on(async { block_on(async { text.len() }) + 1 });
        assert_eq!(length, 9);
        let (tx, rx) = channel(0);
        let sender = peers.spawn(move || block_on(tx.send_async(5)).unwrap());
        assert_eq!(block_on(async { block_on(rx.recv_async()) }), Some(5));
        sender.join();
        let failed = catch_unwind(|| block_on(async { panic!("in a future") }));
        assert!(failed.is_err());
    });
}

#[test]
fn wakes_in_a_storm_are_neither_lost_nor_harmful() {
    const WAKERS: usize = 4;
    const ROUNDS: usize = 300;
    everywhere(|peers| {
        let done = Arc::new(AtomicUsize::new(0));
        let slot = Arc::new(Mutex::new(None::<Waker>));
        let wakers: Vec<_> = (0..WAKERS)
            .map(|_| {
                let (done, slot) = (done.clone(), slot.clone());
                peers.spawn(move || {
                    for _ in 0..ROUNDS {
                        done.fetch_add(1, Ordering::SeqCst);
                        let waker = slot.lock().unwrap().clone();
                        if let Some(waker) = waker {
                            waker.wake_by_ref();
                            waker.wake();
                        }
                        csp::yield_now();
                    }
                    slot.lock().unwrap().clone()
                })
            })
            .collect();
        let mut polls = 0;
        block_on(poll_fn(|context| {
            polls += 1;
            *slot.lock().unwrap() = Some(context.waker().clone());
            match done.load(Ordering::SeqCst) {
                total if total == WAKERS * ROUNDS => Poll::Ready(()),
                _ => Poll::Pending,
            }
        }));
        // After its end, too.
        for waker in wakers {
            if let Some(waker) = waker.join() {
                waker.wake();
            }
        }
        assert!(polls <= 2 * WAKERS * ROUNDS + 2);
    });
}

#[test]
fn a_future_that_wakes_itself_lets_the_others_run() {
    on(&[1], || {
        let others = Arc::new(AtomicUsize::new(0));
        let handle = go!(clone(others) => {
            let seen = others.clone();
            go!({
                for _ in 0..10 {
                    others.fetch_add(1, Ordering::SeqCst);
                    csp::yield_now();
                }
            });
            block_on(poll_fn(|context| {
                context.waker().wake_by_ref();
                match seen.load(Ordering::SeqCst) {
                    10 => Poll::Ready(()),
                    _ => Poll::Pending,
                }
            }));
        });
        handle.join().unwrap();
    });
}

#[test]
fn a_list_of_goroutines_names_block_on() {
    on(&[2], || {
        let (tx, rx) = channel::<()>(0);
        let waiting = csp::Builder::new()
            .name("polls".to_owned())
            .spawn(move || block_on(rx.recv_async()))
            .unwrap();
        until(|| {
            let mut text = Vec::new();
            csp::runtime::dump(&mut text).unwrap();
            let text = String::from_utf8(text).unwrap();
            text.lines()
                .any(|line| line.contains("[polls]: block_on") && line.contains("main.rs"))
        });
        drop(tx);
        assert_eq!(waiting.join().unwrap(), None);
    });
}
