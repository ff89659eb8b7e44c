//! An arm sends or receives.

use csp::prelude::*;

fn main() {
    let (tx, rx) = channel::<u32>(1);
    select! {
        v = rx.recv() => drop(v),
    }
    drop((tx, rx));
}
