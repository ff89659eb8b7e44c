//! A scope's goroutine may share only what is `Sync`.

use csp::prelude::*;
use std::cell::Cell;

fn main() {
    let count = Cell::new(0);
    scope(|s| {
        go!(in s, ref(count) => { count.set(1) });
    });
}
