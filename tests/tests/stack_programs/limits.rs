//! Each limit on stacks ends in an error that names it and the remedy, and harms nothing that runs.
//!
//! Memory that runs out when a page is touched is no limit that a program sees: Linux ends a process then. Strict
//! overcommit and a limit on threads are settings of the whole machine or user, and left out here.
#![cfg(target_os = "linux")]

use crate::scenario;
use csp_tests::{Output, run};

/// Asserts that `Builder::spawn` and `go!` both said `remedy`, and that all went on.
#[track_caller]
fn assert_refused(output: &Output, remedy: &str) {
    output.code(0).stdout("all is well\n");
    for way in ["error (OutOfMemory)", "panic cannot start a goroutine:"] {
        let line = output.stdout.lines().find(|line| line.starts_with(way));
        let line = line.unwrap_or_else(|| panic!("no {way} in {output:#?}"));
        assert!(line.contains(remedy), "{line}");
    }
}

/// Runs a scenario under a shell's limit.
fn limited(limit: &str, arguments: &str) -> Output {
    let command = format!("ulimit {limit} && exec \"$0\" {arguments}");
    run(
        "sh",
        &["-c", &command, env!("CARGO_BIN_EXE_scenario_stack")],
        &[],
    )
}

#[test]
fn used_up_maps_are_an_error() {
    for ways in [["limits", "maps"], ["before", "maps"]] {
        let output = scenario(&ways, &[("CSP_STACK_GUARD", "mprotect")]);
        // Met by a guard, or by the slots that were to be opened.
        assert_refused(&output, "raise vm.max_map_count");
    }
}

#[test]
fn a_small_address_space_is_an_error() {
    for scenario in ["limits default", "before default"] {
        let output = limited("-v 600000", scenario);
        assert_refused(&output, "raise RLIMIT_AS (ulimit -v), which is 585 MiB");
    }
}

#[test]
fn little_room_for_data_is_an_error() {
    for scenario in ["limits default", "before default"] {
        let output = limited("-d 300000", scenario);
        assert_refused(&output, "raise RLIMIT_DATA (ulimit -d), which is 292 MiB");
    }
}

#[test]
fn a_stack_that_is_being_given_back_is_no_reason_to_refuse_one() {
    let output = limited("-v 2000000 && export CSP_SCAVENGE=1ms", "limits again");
    output.code(0).stdout("all is well\n");
}

#[test]
fn stacks_of_a_gibibyte_end_at_a_count() {
    let output = scenario(&["limits", "large"], &[]);
    assert_refused(
        &output,
        "no process can have more of this size: start fewer",
    );
    output.stdout("started 16384\n");
}

/// The MiB resident at the end of a scenario that locks its memory, none if that is not allowed.
fn resident(arguments: &[&str], guard: &str) -> Option<usize> {
    let output = scenario(arguments, &[("CSP_STACK_GUARD", guard)]);
    output.code(0);
    if output.stdout.contains("not allowed") {
        return None;
    }
    output.stdout("all is well\n");
    let mut lines = output.stdout.lines();
    let resident = lines.find_map(|line| line.strip_prefix("resident "))?;
    Some(resident.parse().expect("a number"))
}

#[test]
fn stacks_in_locked_memory_are_not_filled() {
    for guard in ["", "mprotect"] {
        let resident = resident(&["before", "locked"], guard).unwrap_or(0);
        assert!(resident < 100, "{resident} MiB of 400 MiB of stacks");
    }
}

#[test]
fn locking_the_memory_of_a_running_program_fills_its_stacks_at_most() {
    for guard in ["", "mprotect"] {
        let resident = resident(&["limits", "locked"], guard).unwrap_or(0);
        assert!(resident < 600, "{resident} MiB for 400 MiB of stacks");
    }
}

#[test]
fn too_little_lockable_memory_is_an_error() {
    let output = scenario(&["before", "locked_user"], &[]);
    output.code(0);
    if output.stdout.contains("not allowed") {
        return;
    }
    output.stdout("all is well\n");
    let named = output
        .stdout
        .matches("raise RLIMIT_MEMLOCK (ulimit -l), which is 8 MiB");
    assert_eq!(named.count(), 2, "{output:#?}");
}

#[test]
fn whatever_the_address_space_the_program_ends_well_or_says_why() {
    for mib in [16, 20, 30, 40, 60, 80, 100, 130, 160, 200, 250, 300, 400] {
        for scenario in ["limits default", "before default"] {
            let output = limited(&format!("-v {}", mib << 10), scenario);
            let clear = match output.code {
                Some(0) => output.stdout.contains("all is well"),
                // Not even the program's first goroutines, or the runtime's threads.
                Some(101 | 2) => {
                    output.stderr.contains("RLIMIT_AS") || output.stderr.contains("ulimit")
                }
                // Not even the program itself.
                Some(126 | 127) => !output.stderr.is_empty(),
                // Not even the 2 MiB that the program itself allocates in the end: an arena that `malloc` has made for a
                // thread meanwhile has what was left for it.
                None => output
                    .stderr
                    .contains("memory allocation of 2097152 bytes failed"),
                _ => false,
            };
            assert!(clear, "{mib} MiB: {output:#?}");
        }
    }
}
