//! Goroutines that keep their thread while they park: those that locked themselves to it, and those that unwind.
//!
//! Others share the Ps with them as if they were like the rest.

use csp::runtime::lock_os_thread;
use csp::time::sleep;
use csp::{JoinHandle, channel, go};
use csp_tests::{LIMIT, everywhere, with_procs, within};
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

fn join_all<T>(handles: impl IntoIterator<Item = JoinHandle<T>>) -> Vec<T> {
    let join = |handle: JoinHandle<T>| handle.join().unwrap_or_else(|p| resume_unwind(p));
    handles.into_iter().map(join).collect()
}

/// Whether everything a goroutine does that may park it leaves it on the same thread.
fn stays() -> bool {
    let home = thread::current().id();
    (0..50).all(|i| {
        csp::yield_now();
        go!({}).join().unwrap();
        if i % 10 == 0 {
            sleep(Duration::from_micros(200));
            csp::blocking(|| thread::sleep(Duration::from_micros(200)));
        }
        thread::current().id() == home
    })
}

#[test]
fn a_locked_goroutine_stays_on_its_thread() {
    everywhere(|_| {
        let handles: Vec<_> = (0..4)
            .map(|_| {
                go!({
                    let _locked = lock_os_thread();
                    stays()
                })
            })
            .collect();
        assert!(join_all(handles).into_iter().all(|stayed| stayed));
    });
}

#[test]
fn locks_of_a_thread_are_counted() {
    everywhere(|_| {
        let handle = go!({
            let outer = lock_os_thread();
            let inner = lock_os_thread();
            drop(outer);
            // The other one still holds.
            let stayed = stays();
            drop(inner);
            csp::yield_now();
            stayed
        });
        assert!(handle.join().unwrap());
    });
}

#[test]
fn locked_goroutines_talk_to_each_other() {
    everywhere(|_| {
        let (there, at_peer) = channel(0);
        let (back, here) = channel(0);
        let peer = go!({
            let _locked = lock_os_thread();
            for value in &at_peer {
                back.send(value + 1).unwrap();
            }
        });
        let caller = go!({
            let _locked = lock_os_thread();
            for i in 0..100 {
                there.send(i).unwrap();
                assert_eq!(here.recv(), Some(i + 1));
            }
        });
        caller.join().unwrap();
        peer.join().unwrap();
    });
}

#[test]
fn a_plain_thread_may_lock_itself() {
    with_procs(&[1], |_| {
        within(LIMIT, || {
            let home = thread::current().id();
            let _locked = lock_os_thread();
            assert_eq!(thread::current().id(), home);
        });
    });
}

/// Parks in every way while it is dropped.
struct Parks(Arc<AtomicUsize>);

impl Drop for Parks {
    fn drop(&mut self) {
        let home = thread::current().id();
        for _ in 0..3 {
            sleep(Duration::from_micros(300));
            csp::yield_now();
            csp::blocking(|| thread::sleep(Duration::from_micros(300)));
            go!({}).join().unwrap();
            let right = thread::panicking() && thread::current().id() == home;
            self.0.fetch_add(usize::from(right), Ordering::Relaxed);
        }
    }
}

#[test]
fn a_goroutine_that_unwinds_may_park_and_others_do_not_notice() {
    everywhere(|_| {
        let right = Arc::new(AtomicUsize::new(0));
        let unwinding: Vec<_> = (0..8u32)
            .map(|me| {
                go!(clone(right) => {
                    let _parks = Parks(right);
                    resume_unwind(Box::new(me));
                })
            })
            .collect();
        let calm: Vec<_> = (0..4)
            .map(|_| {
                go!({
                    (0..100).all(|_| {
                        csp::yield_now();
                        sleep(Duration::from_micros(50));
                        !thread::panicking()
                    })
                })
            })
            .collect();
        for (me, handle) in unwinding.into_iter().enumerate() {
            let payload = handle.join().map(|(): ()| ()).unwrap_err();
            assert_eq!(*payload.downcast::<u32>().unwrap(), me as u32);
        }
        assert!(join_all(calm).into_iter().all(|never| never));
        assert_eq!(right.load(Ordering::Relaxed), 3 * 8);
    });
}
