//! Every option of `#[csp::main]`, attributes beside it, and a result.

#![deny(warnings)]

const BYTES: usize = 256 * 1024;

/// Has documentation.
#[csp::main(gomaxprocs = 2, panic = "exit", pinned, stack = BYTES, preempt = false, crate = ::csp)]
#[cfg(not(windows))]
#[expect(unused_variables, reason = "lint levels hold for the body")]
fn main() -> Result<(), std::num::ParseIntError> {
    let unused = 1;
    if false {
        return main();
    }
    let n: u32 = "3".parse()?;
    assert_eq!(n, 3);
    Ok(())
}
