//! From one goroutine to another, and back to the same when there is no other.

use criterion::Criterion;
use csp::prelude::*;
use csp::yield_now;

use crate::operation;

pub(crate) fn measure(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("switch");

    operation(&mut group, "yield_alone", |operations| {
        for _ in 0..operations {
            yield_now();
        }
    });

    // Half of the operations are the other's.
    operation(&mut group, "yield_to_another", |operations| {
        let other = go!({
            for _ in 0..operations / 2 {
                yield_now();
            }
        });
        for _ in 0..operations / 2 {
            yield_now();
        }
        other.join().unwrap();
    });

    group.finish();
}
