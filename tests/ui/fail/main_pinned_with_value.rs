//! `pinned` takes no value.

#[csp::main(pinned = true)]
fn main() {}
