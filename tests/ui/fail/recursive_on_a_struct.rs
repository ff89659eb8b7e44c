//! Only functions recurse.

#[csp::recursive]
struct Node;

fn main() {
    let _ = Node;
}
