use std::cell::Cell;

csp::local! {
    static COUNT = Cell::new(0);
}

fn main() {}
