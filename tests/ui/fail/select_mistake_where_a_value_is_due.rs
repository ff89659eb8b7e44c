//! Each mistake is one error, and the missing value is not another.

use csp::prelude::*;

fn main() {
    let (tx, rx) = channel::<u32>(1);
    let value: u32 = select! {
        v = <-rx v.unwrap(),
        default => 1,
        tx <- => 2,
    };
    drop((tx, value));
}
