//! Nobody calls an arm with arguments.

use csp::join;

fn main() {
    join!(|n: u32| n);
}
