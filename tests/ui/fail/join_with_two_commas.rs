//! There is an arm between commas.

use csp::join;

fn main() {
    join!(1, , 2);
}
