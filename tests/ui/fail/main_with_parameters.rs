//! `main` takes nothing.

#[csp::main]
fn main(args: Vec<String>) {
    drop(args);
}
