//! A `?` does not leave an arm.

use csp::join;

fn parse(text: &str) -> Result<u32, std::num::ParseIntError> {
    let (a, b) = join!(text.parse::<u32>()?, 2);
    Ok(a + b)
}

fn main() {
    parse("1").unwrap();
}
