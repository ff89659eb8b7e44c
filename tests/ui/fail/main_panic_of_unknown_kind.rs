//! `panic` is `"exit"`.

#[csp::main(panic = "abort")]
fn main() {}
