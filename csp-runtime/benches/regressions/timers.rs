//! Timers that are set and never fire, and sleeps that end at once.

use criterion::Criterion;
use csp::prelude::*;
use csp::time::{Timer, sleep};

use crate::operation;

const LONG: Duration = Duration::from_secs(3600);

pub(crate) fn measure(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("timers");

    operation(&mut group, "set_and_stop", |operations| {
        for _ in 0..operations {
            assert!(Timer::new(LONG).stop());
        }
    });

    operation(&mut group, "reset", |operations| {
        let timer = Timer::new(LONG);
        for _ in 0..operations {
            assert!(timer.reset(LONG));
        }
    });

    // A limit that is not reached, because another goroutine sends in time.
    operation(&mut group, "recv_timeout", |operations| {
        let (tx, rx) = channel(0);
        go!({
            for i in 0..operations {
                tx.send(i).unwrap();
            }
        });
        for i in 0..operations {
            assert_eq!(rx.recv_timeout(LONG), Ok(i));
        }
    });

    operation(&mut group, "sleep_1ns", |operations| {
        for _ in 0..operations {
            sleep(Duration::from_nanos(1));
        }
    });

    group.finish();
}
