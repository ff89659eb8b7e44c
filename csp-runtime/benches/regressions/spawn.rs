//! The whole life of a goroutine that does nothing.

use criterion::Criterion;
use csp::prelude::*;

use crate::operation;

/// How many run before they are waited for together.
const BATCH: u64 = 1000;

pub(crate) fn measure(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("spawn");

    operation(&mut group, "join", |operations| {
        for _ in 0..operations {
            go!({}).join().unwrap();
        }
    });

    operation(&mut group, "wait_group", |operations| {
        let mut left = operations;
        while left > 0 {
            let group = WaitGroup::new();
            for _ in 0..left.min(BATCH) {
                go!(in group => {});
            }
            group.wait();
            left -= left.min(BATCH);
        }
    });

    operation(&mut group, "scope", |operations| {
        for _ in 0..operations {
            scope(|s| {
                go!(in s => {});
            });
        }
    });

    group.finish();
}
