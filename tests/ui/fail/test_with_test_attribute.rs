//! `#[csp::test]` is a `#[test]` already.

#[csp::test]
#[test]
fn twice() {}

fn main() {}
