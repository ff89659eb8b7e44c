//! The attribute has no options of its own.

#[csp::recursive(stack = 1024)]
fn walk() {}

fn main() {
    walk();
}
