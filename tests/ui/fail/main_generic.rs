//! `main` is not generic.

#[csp::main]
fn main<T>() {}
