//! There is something to join.

use csp::join;

fn main() {
    join!();
}
