//! What runs in the compiler has no goroutine's stack.

#[csp::recursive]
const fn factorial(n: u64) -> u64 {
    if n == 0 { 1 } else { n * factorial(n - 1) }
}

fn main() {
    factorial(3);
}
