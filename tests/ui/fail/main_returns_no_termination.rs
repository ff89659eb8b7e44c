//! `main` gives a `Termination`.

#[csp::main]
fn main() -> u32 {
    3
}
