//! What a call costs of a function whose stack grows, and what the growing costs.

use std::hint::black_box;

use criterion::Criterion;

use crate::operation;

/// Levels that fit on a default stack, and levels that need further segments: 64 KiB and 4 MiB in frames of about 256
/// bytes.
const DEPTHS: [(&str, u64); 2] = [("fits", 256), ("grows", 16_384)];

pub(crate) fn measure(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("stack");

    for (name, levels) in DEPTHS {
        operation(&mut group, name, move |operations| {
            for _ in 0..operations {
                assert_eq!(descend(black_box(levels)), levels);
            }
        });
    }

    group.finish();
}

#[csp::recursive]
fn descend(levels: u64) -> u64 {
    let frame = black_box([levels; 24]);
    let below = if levels > 1 { descend(levels - 1) } else { 0 };
    below + black_box(frame)[0] / levels
}
