//! After `in wg` a closure captures as it is written, and may then borrow nothing.

use csp::prelude::*;

fn main() {
    let wg = WaitGroup::new();
    let text = String::new();
    go!(in wg => || println!("{text}"));
    wg.wait();
}
