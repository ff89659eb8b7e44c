//! The macros' compile errors, held to their exact text, and programs that must compile and run.
//!
//! `ui/fail` has one mistake a file, with the compiler's answer beside it; `TRYBUILD=overwrite` writes
//! the answers anew, and the difference is then to be read. `ui/pass` is compiled with warnings denied
//! and run.

#[test]
fn mistakes_are_explained_and_programs_run() {
    let cases = trybuild::TestCases::new();
    cases.pass("ui/pass/*.rs");
    cases.compile_fail("ui/fail/*.rs");
}
