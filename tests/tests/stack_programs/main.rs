//! Whole programs that use up a stack, or all the stacks there can be, seen from outside.

mod limits;
mod overflow;
mod sizes;

use csp_tests::{Output, run};

/// Runs the program of these tests.
fn scenario(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    run(env!("CARGO_BIN_EXE_scenario_stack"), arguments, environment)
}
