//! Only `main` is run.

#[csp::main]
fn start() {}
