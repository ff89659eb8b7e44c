//! Whole programs that come to the end of a stack, or of all the stacks there can be, seen from outside.

mod grow;
mod limits;
mod overflow;
mod sizes;

use csp_tests::{Output, run};

/// Runs the program of these tests.
fn scenario(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    run(env!("CARGO_BIN_EXE_scenario_stack"), arguments, environment)
}
