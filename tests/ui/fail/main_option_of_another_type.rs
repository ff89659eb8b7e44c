//! `gomaxprocs` is a number.

#[csp::main(gomaxprocs = "four")]
fn main() {}
