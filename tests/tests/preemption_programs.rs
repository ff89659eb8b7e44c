//! Preemption seen from outside: threads, handlers that were there before, and switching it off.
//!
//! Each test runs the program `hog` (or `hog_off`, whose attribute switches preemption off) as a child.

use csp_tests::{Output, run};
use std::fs::File;
use std::process::{Command, Stdio};

fn hog(scenario: &str, environment: &[(&str, &str)]) -> Output {
    run(env!("CARGO_BIN_EXE_hog"), &[scenario], environment)
}

#[test]
fn a_thousand_hogs_need_few_threads() {
    let output = hog("threads", &[("GOMAXPROCS", "1")]);
    output.code(0);
    let most = output
        .stdout
        .lines()
        .find_map(|line| line.strip_prefix("threads "));
    let most: u32 = most.expect("it counts them").parse().expect("a number");
    assert!((2..=80).contains(&most), "{most} threads");
}

#[test]
fn hogs_do_not_begin_where_others_have_to_go_on() {
    for procs in ["1", "2", "4"] {
        let output = hog("tied", &[("GOMAXPROCS", procs)]);
        output.code(0);
        let threads = output
            .stdout
            .strip_prefix("2000 throws on ")
            .and_then(|rest| rest.strip_suffix(" threads\n"));
        let threads: u32 = threads.expect("all throws").parse().expect("a number");
        assert!(threads <= 40, "{threads} threads");
    }
}

#[test]
fn goroutines_back_from_blocking_calls_run_no_more_than_there_are_ps() {
    hog("returned", &[("GOMAXPROCS", "1")])
        .code(0)
        .stdout("few run\n");
}

#[test]
fn a_p_taken_away_is_taken_from_a_hog_too() {
    hog("fewer", &[]).code(0).stdout("few run\n");
}

#[test]
fn a_handler_from_before_the_runtime_gets_its_signals() {
    for procs in ["1", "2", "4"] {
        hog("foreign", &[("GOMAXPROCS", procs)])
            .code(0)
            .stdout("all signals arrived\n");
    }
}

#[test]
fn without_a_handler_from_before_foreign_signals_are_ignored() {
    for procs in ["1", "2", "4"] {
        hog("storm", &[("GOMAXPROCS", procs)])
            .code(0)
            .stdout("the storm is over\n");
    }
}

#[test]
fn the_environment_switches_preemption_off() {
    for procs in ["1", "2"] {
        hog("off", &[("GOMAXPROCS", procs), ("CSP_PREEMPT", "0")])
            .code(0)
            .stdout("interrupted false\nthe rest works\n");
    }
}

#[test]
fn the_attribute_switches_preemption_off() {
    run(env!("CARGO_BIN_EXE_hog_off"), &[], &[])
        .code(0)
        .stdout("interrupted false\nthe rest works\n");
}

#[test]
fn without_being_asked_preemption_is_on() {
    hog("on", &[("GOMAXPROCS", "1")])
        .code(0)
        .stdout("interrupted true\nthe rest works\n");
}

#[test]
fn printing_in_tight_loops_never_deadlocks() {
    for procs in ["1", "2", "4"] {
        // Printed lines go to a file, not through a pipe: nobody here slows the printers down. The report is on stderr.
        let null = File::options().write(true).open("/dev/null").unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_hog"))
            .arg("print")
            .env("GOMAXPROCS", procs)
            .stdin(Stdio::null())
            .stdout(null)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // The program has a watchdog of its own.
        let output = child.wait_with_output().unwrap();
        let report = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{procs} Ps: {report}");
        assert_eq!(report, "all printed\n");
    }
}

#[test]
fn the_figures_can_be_taken() {
    hog("late", &[]).code(0).stdout("late by ");
    hog("shares", &[]).code(0).stdout("shares ");
}
