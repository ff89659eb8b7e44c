//! No lint fires on an expansion, not even those that are off by default.

#![deny(
    warnings,
    unused,
    future_incompatible,
    nonstandard_style,
    unused_qualifications
)]
#![deny(
    unreachable_pub,
    missing_docs,
    single_use_lifetimes,
    trivial_casts,
    unused_results
)]
#![forbid(unsafe_code)]

use csp::prelude::*;

fn stop(tx: &Sender<u32>, rx: &Receiver<u32>) -> u32 {
    select! {
        mut v = <-rx => {
            v = v.map(|v| v + 1);
            v.unwrap_or(0)
        }
        _res = tx <- if rx.len() == 0 { return 5 } else { 1 } => 6,
        default => return 3,
    }
}

fn main() {
    let (tx, rx) = channel::<u32>(1);
    let units = never::<()>();
    assert!(matches!(stop(&tx, &rx), 5));
    select! {
        _ = tx <- 1 => {}
        default => {}
    }
    select! {
        Some(()) = <-units => {}
        _ = <-rx, if true => (),
    }
    let handle = go!((tx.send(1)));
    let _ = handle.join();
    let (a, b) = join!((1), { 2 });
    assert_eq!(a + b, 3);
    // The last thing that this function does never ends, and nothing is unreachable.
    if a == 2 {
        select! {}
    }
}
