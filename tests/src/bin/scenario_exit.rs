//! A program whose goroutines' panics end it: `panic = "exit"`.

use csp::prelude::*;

#[csp::main(panic = "exit")]
fn main() {
    match std::env::args().nth(1).as_deref() {
        Some("goroutine") => drop(
            go!(name("miner") => { panic!("goroutine gave up") })
                .join()
                .map(|(): ()| ()),
        ),
        Some("main") => panic!("main gave up"),
        _ => {}
    }
    println!("main goes on");
}
