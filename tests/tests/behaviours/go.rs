//! What Go's documents promise and no other file here tests.
//!
//! `docs/behaviours.md` has the whole table: each promise, what it is here, and the test that shows it. Where this
//! library does otherwise on purpose, the test shows what it does.

use csp::sync::{Condvar, LazyLock, Mutex, Once, Pool, RwLock, Semaphore};
use csp::time::{Ticker, Timer, tick};
use csp::{Sender, TryRecvError, WaitGroup, channel, go, never, select};
use csp_tests::{Peer, Peers, everywhere, open, settle, until};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);

#[test]
fn any_number_of_tasks_use_one_channel_without_more() {
    everywhere(|peers| {
        let (tx, rx) = channel(3);
        let senders: Vec<_> = (0..4)
            .map(|_| {
                let tx = tx.clone();
                peers.spawn(move || {
                    for n in 1..=50 {
                        assert!(tx.len() <= tx.capacity().unwrap());
                        tx.send(n).unwrap();
                    }
                    0
                })
            })
            .collect();
        drop(tx);
        let receivers: Vec<_> = (0..4)
            .map(|_| {
                let rx = rx.clone();
                peers.spawn(move || rx.iter().sum::<usize>())
            })
            .collect();
        let all = senders.into_iter().chain(receivers);
        assert_eq!(all.map(Peer::join).sum::<usize>(), 4 * 1275);
    });
}

#[test]
fn a_channel_may_carry_channels() {
    everywhere(|peers| {
        let (requests, inbox) = channel::<(u32, Sender<u32>)>(0);
        let server = peers.spawn(move || {
            for (n, reply) in &inbox {
                reply.send(n * n).unwrap();
            }
        });
        for n in 0..20 {
            let (reply, answer) = channel(1);
            requests.send((n, reply)).unwrap();
            assert_eq!((answer.recv(), answer.recv()), (Some(n * n), None));
        }
        drop(requests);
        server.join();
    });
}

#[test]
fn a_value_to_send_is_evaluated_before_the_channel_is_looked_at() {
    everywhere(|_| {
        let (tx, _rx) = channel(0);
        tx.close();
        let mut evaluated = 0;
        let refused = tx.send({
            evaluated += 1;
            5
        });
        assert_eq!((evaluated, refused.unwrap_err().0), (1, 5));
    });
}

#[test]
fn what_is_received_may_be_discarded() {
    everywhere(|_| {
        let (tx, rx) = channel(3);
        (0..3).for_each(|n| tx.send(n).unwrap());
        rx.recv();
        select! { <-rx => {} }
        assert_eq!(rx.recv(), Some(2));
    });
}

#[test]
fn both_ends_may_close() {
    everywhere(|peers| {
        for flavour in [Some(0), Some(1), None] {
            let (tx, rx) = open(flavour);
            let waiting = peers.spawn({
                let rx = rx.clone();
                move || rx.recv()
            });
            settle();
            rx.close();
            assert!(tx.is_closed() && rx.is_closed());
            assert_eq!((tx.send(1).unwrap_err().0, waiting.join()), (1, None));
        }
    });
}

#[test]
fn a_closed_channel_is_ready_each_time() {
    everywhere(|_| {
        let (tx, rx) = channel::<()>(0);
        tx.close();
        for _ in 0..100 {
            assert_eq!(rx.recv(), None);
            select! {
                got = <-rx => assert_eq!(got, None),
                default => panic!("a closed channel is ready"),
            }
        }
    });
}

#[test]
fn a_range_left_early_leaves_the_channel_open() {
    everywhere(|_| {
        let (tx, rx) = channel(4);
        (0..4).for_each(|n| tx.send(n).unwrap());
        for n in &rx {
            if n == 1 {
                break;
            }
        }
        assert_eq!((rx.len(), tx.is_closed()), (2, false));
        tx.send(4).unwrap();
        tx.close();
        assert!(rx.iter().eq(2..5));
    });
}

#[test]
fn a_select_of_two_sends_to_one_channel_makes_random_bits() {
    everywhere(|peers| {
        let (tx, bits) = channel(0);
        let coin = peers.spawn(move || {
            for _ in 0..200 {
                select! {
                    tx <- false => {},
                    tx <- true => {},
                }
            }
        });
        let ones = bits.iter().filter(|bit| *bit).count();
        coin.join();
        assert!(ones > 0 && ones < 200);
    });
}

#[test]
fn a_select_with_one_arm_is_that_operation() {
    everywhere(|peers| {
        let (tx, rx) = channel(0);
        let peer = peers.spawn(move || select! { tx <- 7 => {} });
        assert_eq!(select! { value = <-rx => value }, Some(7));
        peer.join();
    });
}

#[test]
fn go_does_not_wait_for_the_call_and_discards_its_value() {
    everywhere(|_| {
        let (start, started) = channel::<()>(0);
        let (tx, rx) = channel(0);
        go!({
            started.recv();
            tx.send(1).unwrap();
            "discarded"
        });
        // Reached although the goroutine waits for what comes next.
        start.send(()).unwrap();
        assert_eq!(rx.recv(), Some(1));
    });
}

#[test]
fn a_buffered_channel_limits_how_many_work_at_once() {
    const LIMIT: usize = 3;
    everywhere(|peers| {
        let (enter, leave) = channel(LIMIT);
        let inside = Arc::new(AtomicUsize::new(0));
        let workers: Vec<_> = (0..8)
            .map(|_| {
                let (enter, leave, inside) = (enter.clone(), leave.clone(), Arc::clone(&inside));
                peers.spawn(move || {
                    for _ in 0..20 {
                        enter.send(()).unwrap();
                        assert!(inside.fetch_add(1, Ordering::SeqCst) < LIMIT);
                        csp::yield_now();
                        inside.fetch_sub(1, Ordering::SeqCst);
                        leave.recv();
                    }
                })
            })
            .collect();
        workers.into_iter().for_each(Peer::join);
    });
}

#[test]
fn a_timer_has_a_channel_of_one_place_that_is_not_closed() {
    everywhere(|_| {
        let (timer, ticker) = (Timer::new(MS), Ticker::new(MS));
        assert_eq!(timer.receiver().capacity(), Some(1));
        assert_eq!(ticker.receiver().capacity(), Some(1));
        timer.stop();
        ticker.stop();
        assert!(!timer.receiver().is_closed() && !ticker.receiver().is_closed());
        assert_eq!(timer.try_recv(), Err(TryRecvError::Empty));
        assert_eq!(ticker.try_recv(), Err(TryRecvError::Empty));
    });
}

#[test]
fn a_stopped_timer_may_be_stopped_and_reset_again() {
    everywhere(|_| {
        let timer = Timer::new(Duration::from_secs(3600));
        assert_eq!((timer.stop(), timer.stop()), (true, false));
        assert!(!timer.reset(Duration::from_secs(3600)), "it was stopped");
        assert!(timer.reset(MS), "it was running");
        assert!(timer.recv().is_some());
        assert_eq!((timer.stop(), timer.reset(MS)), (false, false));
        assert!(timer.recv().is_some());
    });
}

#[test]
fn a_range_over_a_ticker_goes_on_until_it_is_left() {
    everywhere(|_| {
        let ticker = Ticker::new(MS);
        let ticks: Vec<_> = ticker.receiver().iter().take(4).collect();
        assert!(ticks.is_sorted() && ticks.len() == 4);
    });
}

#[test]
fn a_period_of_zero_panics() {
    assert!(catch_unwind(|| Ticker::new(Duration::ZERO)).is_err());
    assert!(catch_unwind(|| tick(Duration::ZERO)).is_err());
    assert!(catch_unwind(|| Ticker::new(MS).reset(Duration::ZERO)).is_err());
}

#[test]
fn adding_a_negative_number_lets_the_waiters_go() {
    everywhere(|peers| {
        let wg = WaitGroup::new();
        wg.add(5);
        let waiter = peers.spawn({
            let wg = wg.clone();
            move || wg.wait()
        });
        settle();
        wg.add(-2);
        wg.done();
        assert!(!waiter.is_finished());
        wg.add(-2);
        waiter.join();
        wg.wait();
    });
}

#[test]
fn a_mutex_starts_free_and_lets_one_in_at_a_time() {
    everywhere(|peers| {
        let mutex = Arc::new(Mutex::<u32>::default());
        let guard = mutex.try_lock().expect("free at first");
        assert!(mutex.try_lock().is_none());
        let waiter = peers.spawn({
            let mutex = Arc::clone(&mutex);
            move || *mutex.lock() += 1
        });
        settle();
        assert!(!waiter.is_finished());
        drop(guard);
        waiter.join();
        assert_eq!(*mutex.lock(), 1);
    });
}

#[test]
fn a_panic_unlocks_a_mutex() {
    everywhere(|_| {
        let mutex = Mutex::new(1);
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            let _guard = mutex.lock();
            panic!("on purpose");
        }));
        assert!(panicked.is_err());
        assert_eq!(*mutex.lock(), 1);
    });
}

/// What the tests of `Condvar` share: how many have come to wait, how many have gone on.
type Waiters = Arc<(Mutex<(u32, u32)>, Condvar)>;

/// Starts `n` waiters and returns once all of them wait.
fn waiters(n: u32, peers: Peers) -> (Waiters, Vec<Peer<()>>) {
    let shared = Waiters::default();
    let started = (0..n).map(|_| {
        let shared = Arc::clone(&shared);
        peers.spawn(move || {
            let (counts, cond) = &*shared;
            let mut guard = counts.lock();
            guard.0 += 1;
            guard = cond.wait(guard);
            guard.1 += 1; // locked again
        })
    });
    let started = started.collect();
    // The mutex is free although each of them has locked it: their waits have given it back.
    until(|| shared.0.lock().0 == n);
    (shared, started)
}

#[test]
fn a_wait_on_a_condition_gives_the_mutex_back_while_it_lasts() {
    everywhere(|peers| {
        let (shared, waiting) = waiters(1, peers);
        let guard = shared.0.lock();
        shared.1.notify_one();
        settle();
        assert_eq!(guard.1, 0, "it goes on with the mutex only");
        drop(guard);
        waiting.into_iter().for_each(Peer::join);
        assert_eq!(shared.0.lock().1, 1);
    });
}

#[test]
fn a_signal_wakes_one_and_a_broadcast_all() {
    everywhere(|peers| {
        let (shared, waiting) = waiters(4, peers);
        shared.1.notify_one();
        until(|| shared.0.lock().1 == 1);
        settle();
        assert_eq!(shared.0.lock().1, 1, "nobody wakes without being told");
        shared.1.notify_all();
        waiting.into_iter().for_each(Peer::join);
        assert_eq!(shared.0.lock().1, 4);
    });
}

#[test]
fn a_signal_that_nobody_waits_for_is_lost() {
    everywhere(|_| {
        let (mutex, cond) = (Mutex::new(()), Condvar::new());
        cond.notify_one();
        cond.notify_all();
        let (_guard, result) = cond.wait_timeout(mutex.lock(), MS);
        assert!(result.timed_out());
    });
}

#[test]
fn an_rwlock_has_many_readers_or_one_writer() {
    everywhere(|_| {
        let lock = RwLock::new(1);
        let (one, other) = (lock.read(), lock.read());
        assert_eq!(*one + *other, 2);
        assert!(lock.try_read().is_some() && lock.try_write().is_none());
        drop((one, other));
        let mut writer = lock.write();
        *writer += 1;
        assert!(lock.try_read().is_none() && lock.try_write().is_none());
        drop(writer);
        assert_eq!(*lock.read(), 2);
    });
}

#[test]
fn a_writer_that_waits_goes_before_later_readers() {
    everywhere(|peers| {
        let lock = Arc::new(RwLock::new(0));
        let reader = lock.read();
        let writer = peers.spawn({
            let lock = Arc::clone(&lock);
            move || *lock.write() += 1
        });
        until(|| lock.try_read().is_none());
        let later = peers.spawn({
            let lock = Arc::clone(&lock);
            move || *lock.read()
        });
        settle();
        assert!(!writer.is_finished() && !later.is_finished());
        drop(reader);
        assert_eq!(later.join(), 1);
        writer.join();
    });
}

#[test]
fn once_runs_the_first_function_and_lets_others_wait_for_it() {
    everywhere(|peers| {
        let shared = Arc::new((Once::new(), AtomicUsize::new(0)));
        let (go_on, gate) = channel::<()>(0);
        let callers: Vec<_> = (0..4)
            .map(|_| {
                let (shared, gate) = (Arc::clone(&shared), gate.clone());
                peers.spawn(move || {
                    shared.0.call_once(|| {
                        gate.recv();
                        shared.1.fetch_add(1, Ordering::SeqCst);
                    });
                    assert_eq!(shared.1.load(Ordering::SeqCst), 1);
                })
            })
            .collect();
        settle();
        assert!(callers.iter().all(|caller| !caller.is_finished()));
        go_on.close();
        callers.into_iter().for_each(Peer::join);
    });
}

#[test]
fn once_with_a_panic_is_poisoned_and_not_done() {
    everywhere(|_| {
        let once = Once::new();
        let calls = |f: fn()| catch_unwind(AssertUnwindSafe(|| once.call_once(f)));
        assert!(calls(|| panic!("on purpose")).is_err());
        assert!(!once.is_completed());
        assert!(calls(|| {}).is_err(), "later calls panic too");
    });
}

#[test]
fn a_lazy_value_is_made_once_and_panics_each_time_if_that_panicked() {
    everywhere(|_| {
        let made = AtomicUsize::new(0);
        let lazy = LazyLock::new(|| made.fetch_add(1, Ordering::SeqCst) + 5);
        assert_eq!((*lazy, *lazy, made.load(Ordering::SeqCst)), (5, 5, 1));
        let broken = LazyLock::<u32>::new(|| panic!("on purpose"));
        for _ in 0..2 {
            assert!(catch_unwind(AssertUnwindSafe(|| *broken)).is_err());
        }
    });
}

#[test]
fn a_pool_makes_what_it_lacks_and_hands_out_what_came_back() {
    everywhere(|peers| {
        static MADE: AtomicUsize = AtomicUsize::new(0);
        MADE.store(0, Ordering::SeqCst);
        let pool = Arc::new(Pool::new(|| MADE.fetch_add(1, Ordering::SeqCst)));
        let (one, other) = (pool.get(), pool.get());
        assert_ne!(*one, *other, "an object has one user at a time");
        drop((one, other));
        let user = peers.spawn({
            let pool = Arc::clone(&pool);
            move || *pool.get()
        });
        assert!(user.join() < 2);
        assert_eq!(MADE.load(Ordering::SeqCst), 2);
        pool.clear();
        assert_eq!(*pool.get(), 2);
    });
}

#[test]
fn a_large_acquire_is_not_overtaken_by_small_ones() {
    everywhere(|peers| {
        let semaphore = Arc::new(Semaphore::new(3));
        let held = semaphore.acquire(1);
        assert!(semaphore.try_acquire(3).is_none());
        let large = peers.spawn({
            let semaphore = Arc::clone(&semaphore);
            move || drop(semaphore.acquire(3))
        });
        // Two are free, and are kept for the one that waits.
        until(|| semaphore.try_acquire(1).is_none());
        drop(held);
        large.join();
        assert_eq!(semaphore.try_acquire(3).expect("all are back").count(), 3);
    });
}

#[test]
fn a_receive_from_a_nil_channel_never_ends() {
    everywhere(|_| {
        let stuck = go!({
            let mut values = 0;
            for value in never::<usize>() {
                values += value;
            }
            values
        });
        settle();
        assert!(!stuck.is_finished());
    });
}
