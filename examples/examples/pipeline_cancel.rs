//! A pipeline without an end, of which the consumer takes what it needs: when it cancels their context, all stages stop
//! and no goroutine stays behind.
//!
//! ```text
//!   numbers ──▶ squares ─┐
//!           └─▶ squares ─┴──▶ main
//!      ▲           ▲            │
//!      └───────────┴── cancel ──┘
//! ```
//!
//! `cargo run --release --example pipeline_cancel` prints
//!
//! ```text
//! 20 squares, all different
//! 3 stages have stopped: enough
//! goroutines: 1 before, 1 after
//! ```

use std::collections::BTreeSet;
use std::time::Instant;

use csp::context::{Context, ContextError};
use csp::prelude::*;
use csp::runtime::num_goroutine;

const SQUARERS: usize = 2;
const ENOUGH: usize = 20;
const PATIENCE: Duration = Duration::from_secs(30);

/// Counts up, until told to stop. It never ends by itself.
fn numbers(ctx: Context, out: Sender<u64>) {
    for n in 1.. {
        select! {
            // The next stages may have stopped first: a send that fails is a reason to stop, too.
            sent = out <- n => if sent.is_err() { return },
            <-ctx.done() => return,
        }
    }
}

/// Squares what arrives, until told to stop or until nothing more comes.
fn squares(ctx: Context, numbers: Receiver<u64>, out: Sender<u64>) {
    loop {
        let n = select! {
            n = <-numbers => match n {
                Some(n) => n,
                None => return,
            },
            <-ctx.done() => return,
        };
        select! {
            sent = out <- n * n => if sent.is_err() { return },
            <-ctx.done() => return,
        }
    }
}

#[csp::main]
fn main() {
    let before = num_goroutine();

    let (ctx, cancel) = Context::background().with_cancel();
    let stages = WaitGroup::new();
    let (out, unsquared) = channel(0);
    go!(in stages, clone(ctx) => numbers(ctx, out));
    let (out, squared) = channel(0);
    for _ in 0..SQUARERS {
        go!(in stages, clone(ctx, unsquared, out) => squares(ctx, unsquared, out));
    }
    // Only the stages hold the ends they use; main keeps the one it reads from.
    drop((out, unsquared));

    let taken: BTreeSet<u64> = squared.iter().take(ENOUGH).collect();
    assert_eq!(taken.len(), ENOUGH);
    assert!(taken.iter().all(|n| n.isqrt().pow(2) == *n), "{taken:?}");
    println!("{ENOUGH} squares, all different");

    // The stages wait in their sends at this moment, or are about to.
    cancel.cancel_with("enough");
    stages.wait();
    assert_eq!(ctx.err(), Some(ContextError::Canceled));
    let cause = ctx.cause().expect("it was cancelled with one");
    println!("{} stages have stopped: {cause}", 1 + SQUARERS);

    // They have left the group; a moment later they are gone.
    let start = Instant::now();
    while num_goroutine() > before {
        assert!(start.elapsed() < PATIENCE, "a goroutine was left behind");
        csp::yield_now();
    }
    println!("goroutines: {before} before, {} after", num_goroutine());
}
