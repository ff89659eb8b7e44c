//! A reader that does not wait for the close may read while the other side writes.

use csp::prelude::*;
use std::cell::Cell;
use std::sync::Arc;

fn main() {
    let width = Arc::new(Cell::new(0));
    let reader = go!(clone(width) => println!("{}", width.get()));
    width.set(640);
    reader.join().unwrap();
}
