//! A mutex nobody else wants, and one that eight goroutines want.

use std::sync::Arc;

use criterion::Criterion;
use csp::prelude::*;
use csp::sync::Mutex;

use crate::operation;

const GOROUTINES: u64 = 8;

pub(crate) fn measure(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("mutex");

    operation(&mut group, "alone", |operations| {
        let count = Mutex::new(0);
        for _ in 0..operations {
            *count.lock() += 1;
        }
        assert_eq!(*count.lock(), operations);
    });

    // Held over a yield, the mutex is always wanted by the others: each operation is a wait and a hand-over.
    operation(&mut group, "held_over_yield", |operations| {
        let count = Arc::new(Mutex::new(0));
        let group = WaitGroup::new();
        for goroutine in 0..GOROUTINES {
            go!(in group, clone(count) => {
                for _ in 0..(operations + goroutine) / GOROUTINES {
                    let mut count = count.lock();
                    csp::yield_now();
                    *count += 1;
                }
            });
        }
        group.wait();
        assert_eq!(*count.lock(), operations);
    });

    group.finish();
}
