//! Any `Termination` may be returned.

#![deny(warnings)]

use std::process::ExitCode;

#[csp::main]
fn main() -> ExitCode {
    ExitCode::SUCCESS
}
