//! The macros reach the runtime under another name and through another crate's re-export.

#![deny(warnings)]

extern crate csp as runtime;

mod facade {
    pub use runtime::{go, join, select};
}

mod program {
    use super::facade;

    pub fn run() -> u32 {
        let (tx, rx) = super::runtime::channel::<u32>(1);
        facade::go!(tx.send(3).unwrap());
        let first = facade::select! { v = <-rx => v.unwrap() };
        let (second, third) = facade::join!(1, 2);
        first + second + third
    }
}

#[runtime::main(crate = runtime)]
fn main() {
    assert_eq!(program::run(), 6);
}
