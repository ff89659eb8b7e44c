//! Sleeping, timers and tickers: never early, never lost, never stale. Lateness is asserted nowhere.

use csp::time::{Ticker, Timer, after, sleep, tick};
use csp::{WaitGroup, channel, go, select};
use csp_tests::{LIMIT, Rng, everywhere, settle, with_procs, within};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const MS: Duration = Duration::from_millis(1);

/// Whether `timer` has a tick to give now.
fn timer_ready(timer: &Timer) -> bool {
    select! { _ = <-timer => true, default => false }
}

fn ticker_ready(ticker: &Ticker) -> bool {
    select! { _ = <-ticker => true, default => false }
}

/// Waits for the tick of `timer`.
fn fire(timer: &Timer) -> Instant {
    select! { at = <-timer => at.expect("a timer's channel does not close") }
}

#[test]
fn sleep_takes_at_least_as_long() {
    everywhere(|_| {
        for limit in [
            Duration::from_nanos(1),
            Duration::from_micros(300),
            3 * MS,
            17 * MS,
        ] {
            let start = Instant::now();
            sleep(limit);
            assert!(start.elapsed() >= limit);
        }
    });
}

#[test]
fn a_sleep_of_zero_returns() {
    everywhere(|_| (0..100).for_each(|_| sleep(Duration::ZERO)));
}

#[test]
fn a_sleep_of_max_does_not_return() {
    everywhere(|_| {
        let sleeper = go!(sleep(Duration::MAX));
        sleep(5 * MS);
        assert!(!sleeper.is_finished());
    });
}

#[test]
fn a_sleeper_does_not_hold_its_p() {
    with_procs(&[1], |_| {
        within(LIMIT, || {
            let sleeper = go!(sleep(Duration::from_secs(3600)));
            assert_eq!(go!({ 5 }).join().unwrap(), 5);
            assert!(!sleeper.is_finished());
        });
    });
}

#[test]
fn after_gives_one_instant_that_is_not_early() {
    everywhere(|_| {
        let start = Instant::now();
        let rx = after(4 * MS);
        let at = rx.recv().unwrap();
        assert!(at >= start + 4 * MS && at <= Instant::now());
        assert!(rx.try_recv().is_err());
        assert!(after(Duration::ZERO).recv().is_some());
        assert!(after(Duration::MAX).try_recv().is_err());
    });
}

#[test]
fn earlier_deadlines_fire_first() {
    // On one P: two Ps that were both held up by the machine may report their own timers in any order.
    let body = || {
        let mut timers = loop {
            let start = Instant::now();
            let timers = [9, 3, 6, 1, 12].map(|n| (n, after(n * MS)));
            // Held up for longer between two of them, the later one may be due first.
            if start.elapsed() < 2 * MS {
                break timers;
            }
        };
        timers.sort_by_key(|(n, _)| *n);
        let fired: Vec<_> = timers.iter().map(|(_, rx)| rx.recv().unwrap()).collect();
        assert!(fired.is_sorted(), "{fired:?}");
    };
    with_procs(&[1], |_| within(LIMIT, || go!(body()).join().unwrap()));
}

#[test]
fn a_short_timer_set_after_a_long_one_does_not_wait_for_it() {
    everywhere(|_| {
        let long = after(Duration::from_secs(3600));
        let short = after(MS);
        select! {
            _ = <-long => panic!("an hour passed"),
            _ = <-short => {},
        }
    });
}

#[test]
fn ten_thousand_sleepers_wake_once_each_and_not_early() {
    with_procs(&[1, 2, 4], |_| {
        within(LIMIT, || {
            let (wg, early) = (WaitGroup::new(), Arc::new(AtomicUsize::new(0)));
            let mut rng = Rng::new(3);
            for _ in 0..10_000 {
                let limit = Duration::from_micros(rng.below(30_000));
                go!(in wg, clone(early) => {
                    let start = Instant::now();
                    sleep(limit);
                    if start.elapsed() < limit {
                        early.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
            wg.wait();
            assert_eq!(early.load(Ordering::Relaxed), 0);
        });
    });
}

#[test]
fn stop_tells_whether_the_timer_was_running() {
    everywhere(|_| {
        let timer = Timer::new(Duration::from_secs(3600));
        assert!(timer.stop());
        assert!(!timer.stop());
        assert!(!timer_ready(&timer));
        let timer = Timer::new(MS);
        fire(&timer);
        assert!(!timer.stop());
        assert!(!timer_ready(&timer));
    });
}

#[test]
fn reset_tells_whether_the_timer_was_running() {
    everywhere(|_| {
        let timer = Timer::new(Duration::from_secs(3600));
        let start = Instant::now();
        assert!(timer.reset(2 * MS));
        assert!(fire(&timer) >= start + 2 * MS);
        assert!(!timer.reset(MS));
        fire(&timer);
        assert!(!timer.reset(Duration::MAX));
        assert!(timer.stop());
    });
}

#[test]
fn a_tick_nobody_took_is_gone_after_stop() {
    everywhere(|_| {
        let timer = Timer::new(MS);
        sleep(5 * MS);
        // As in Go since 1.23: a tick that was not received counts as pending, and stop takes it back.
        assert!(timer.stop());
        assert!(!timer_ready(&timer));
    });
}

#[test]
fn a_tick_nobody_took_is_gone_after_reset() {
    everywhere(|_| {
        let timer = Timer::new(MS);
        sleep(5 * MS);
        assert!(timer.reset(Duration::from_secs(3600)));
        assert!(!timer_ready(&timer));
        let start = Instant::now();
        timer.reset(3 * MS);
        assert!(fire(&timer) >= start + 3 * MS);
    });
}

#[test]
fn resets_racing_with_the_tick_leave_no_stale_one() {
    everywhere(|_| {
        let timer = Timer::new(Duration::ZERO);
        for i in 0..200 {
            timer.reset(Duration::from_micros(i % 50));
            let start = Instant::now();
            timer.reset(Duration::from_micros(300));
            let early =
                (start + Duration::from_micros(300)).saturating_duration_since(fire(&timer));
            assert_eq!(early, Duration::ZERO);
        }
        for i in 0..200 {
            timer.reset(Duration::from_micros(i % 20));
            settle();
            timer.stop();
            assert!(!timer_ready(&timer));
        }
    });
}

#[test]
fn a_stopped_timer_wakes_nobody_and_a_reset_one_does() {
    everywhere(|_| {
        let timer = Arc::new(Timer::new(Duration::from_secs(3600)));
        timer.stop();
        let waiter = go!(clone(timer) => { fire(&timer) });
        settle();
        assert!(!waiter.is_finished());
        timer.reset(MS);
        waiter.join().unwrap();
    });
}

#[test]
fn a_ticker_is_never_early_and_does_not_drift() {
    everywhere(|_| {
        let start = Instant::now();
        let ticker = Ticker::new(2 * MS);
        let mut last = start;
        for k in 1..=10 {
            let at = select! { at = <-&ticker => at.unwrap() };
            assert!(at > last && at >= start + k * 2 * MS);
            last = at;
        }
        ticker.stop();
    });
}

#[test]
fn a_slow_receiver_of_a_ticker_misses_ticks_instead_of_queueing_them() {
    everywhere(|_| {
        let ticker = Ticker::new(MS);
        sleep(10 * MS);
        // At most one tick waits.
        ticker.stop();
        let ticker = Ticker::new(Duration::from_secs(3600));
        ticker.reset(5 * MS);
        sleep(30 * MS);
        ticker.reset(Duration::from_secs(3600));
        assert!(!ticker_ready(&ticker));
    });
}

#[test]
fn a_stopped_ticker_has_no_tick_and_reset_starts_it_again() {
    everywhere(|_| {
        let ticker = Ticker::new(MS);
        sleep(3 * MS);
        ticker.stop();
        assert!(!ticker_ready(&ticker));
        sleep(3 * MS);
        assert!(!ticker_ready(&ticker));
        ticker.reset(MS);
        for _ in 0..3 {
            assert!(select! { at = <-&ticker => at.is_some() });
        }
    });
}

#[test]
fn tick_gives_instants_for_ever() {
    everywhere(|_| {
        let start = Instant::now();
        let rx = tick(MS);
        for k in 1..=5 {
            assert!(rx.recv().unwrap() >= start + k * MS);
        }
    });
}

#[test]
fn a_sleeper_among_yielding_goroutines_is_not_starved() {
    with_procs(&[1], |_| {
        within(LIMIT, || {
            let (tx, rx) = channel::<()>(0);
            let busy: Vec<_> = (0..2)
                .map(|_| {
                    let rx = rx.clone();
                    go!({
                        while rx.try_recv() == Err(csp::TryRecvError::Empty) {
                            csp::yield_now();
                        }
                    })
                })
                .collect();
            go!(sleep(2 * MS)).join().unwrap();
            drop(tx);
            busy.into_iter().for_each(|handle| handle.join().unwrap());
        });
    });
}
