//! `main` is not `async`.

#[csp::main]
async fn main() {}
