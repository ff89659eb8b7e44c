//! A test is not `async`.

#[csp::test]
async fn waits() {}

fn main() {}
