//! Unknown options are named.

#[csp::main(threads = 4)]
fn main() {}
