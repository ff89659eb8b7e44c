//! A system that starts no more threads: what there is must do, and one line says so.
//!
//! Each test runs the program `few_threads` as a child. What needs more threads than there are, such as two goroutines
//! locked to theirs of which each waits for the other, has no way to go on and is not tried.
#![cfg(target_os = "linux")]

use csp_tests::run;

/// Runs a scenario, with one P and with more. `wants` if with one it cannot but ask for a second thread.
fn few_threads(scenario: &str, wants: bool, says: &str) {
    for procs in ["1", "2", "4"] {
        let program = env!("CARGO_BIN_EXE_few_threads");
        let output = run(program, &[scenario], &[("GOMAXPROCS", procs)]);
        output.code(0).stdout(says);
        let refusals = output.stderr.matches("cannot start another thread").count();
        let least = usize::from(wants && procs == "1");
        assert!((least..=1).contains(&refusals), "{output:#?}");
    }
}

#[test]
fn goroutines_back_from_blocking_calls_share_the_threads_there_are() {
    few_threads("blocking", false, "all came back\n");
}

#[test]
fn a_goroutine_with_the_only_thread_is_woken_by_clock_and_network() {
    few_threads("locked", true, "all answers\n");
}

#[test]
fn goroutines_begin_where_others_have_to_go_on_if_there_is_nowhere_else() {
    few_threads("tied", true, "all began and ended\n");
}
