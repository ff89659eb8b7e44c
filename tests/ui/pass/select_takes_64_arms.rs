//! Sixty-four arms, and `default` and `else` besides.

#![deny(warnings)]

use csp::prelude::*;

fn main() {
    let rx = never::<u32>();
    let found = select! {
        <-rx => 0, <-rx => 1, <-rx => 2, <-rx => 3, <-rx => 4, <-rx => 5, <-rx => 6, <-rx => 7,
        <-rx => 0, <-rx => 1, <-rx => 2, <-rx => 3, <-rx => 4, <-rx => 5, <-rx => 6, <-rx => 7,
        <-rx => 0, <-rx => 1, <-rx => 2, <-rx => 3, <-rx => 4, <-rx => 5, <-rx => 6, <-rx => 7,
        <-rx => 0, <-rx => 1, <-rx => 2, <-rx => 3, <-rx => 4, <-rx => 5, <-rx => 6, <-rx => 7,
        <-rx => 0, <-rx => 1, <-rx => 2, <-rx => 3, <-rx => 4, <-rx => 5, <-rx => 6, <-rx => 7,
        <-rx => 0, <-rx => 1, <-rx => 2, <-rx => 3, <-rx => 4, <-rx => 5, <-rx => 6, <-rx => 7,
        <-rx => 0, <-rx => 1, <-rx => 2, <-rx => 3, <-rx => 4, <-rx => 5, <-rx => 6, <-rx => 7,
        v = <-rx => v.unwrap(), <-rx => 1, <-rx => 2, <-rx => 3, <-rx => 4, <-rx => 5, <-rx => 6,
        Some(v) = <-rx => v,
        default => 64,
        else => 65,
    };
    assert_eq!(found, 64);
}
