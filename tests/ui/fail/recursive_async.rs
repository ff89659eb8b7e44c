//! The calls of an async function make futures; their depth is not on the stack.

#[csp::recursive]
async fn walk() {}

fn main() {
    drop(walk());
}
