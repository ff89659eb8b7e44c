use std::cell::Cell;

csp::local!(static COUNT: Cell<u32> = Cell::new(0));

fn main() {
    let count: &Cell<u32> = COUNT.with(|count| count);
    count.set(1);
}
