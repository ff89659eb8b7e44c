//! Arms are separated by commas.

use csp::join;

fn main() {
    join!({ 1 } { 2 });
}
