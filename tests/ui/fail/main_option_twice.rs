//! An option is given once.

#[csp::main(pinned, pinned)]
fn main() {}
