//! What a scope's goroutine borrows outlives the scope.

use csp::prelude::*;

fn main() {
    scope(|s| {
        let text = String::new();
        go!(in s, ref(text) => {
            text.len()
        });
    });
}
