//! Every overflow ends in the report, wherever it happens and however large the frame.

use crate::scenario;
use csp_tests::{Output, capture};
use std::process::Command;

/// The ways to set guards.
const GUARDS: [&str; 2] = ["", "mprotect"];

fn overflow(case: &str, guard: &str) -> Output {
    scenario(&["overflow", case], &[("CSP_STACK_GUARD", guard)])
}

/// Asserts that the report names the goroutine, its size, the place of its `go!`, and the remedy.
#[track_caller]
fn assert_reported(output: &Output, name: &str, size: &str, next: usize) {
    output.code(2);
    let lines: Vec<&str> = output.stderr.lines().collect();
    let [.., fatal, started, remedy] = lines[..] else {
        panic!("no report: {output:#?}");
    };
    assert!(fatal.starts_with("fatal error: goroutine "), "{output:#?}");
    assert!(
        fatal.ends_with(&format!("{name} overflowed its {size} stack")),
        "{output:#?}"
    );
    assert_eq!(
        output.stderr.matches("fatal error").count(),
        1,
        "{output:#?}"
    );
    let site = output
        .stdout
        .lines()
        .find_map(|line| line.strip_prefix("line "));
    let site = site.map_or("main.rs".to_owned(), |line| format!("overflow.rs:{line}"));
    let site = format!("started at tests/src/bin/scenario_stack/{site}:");
    assert!(started.starts_with(&site), "not {site} in {output:#?}");
    let how = if name == "goroutine 1" {
        format!("#[csp::main(stack = {next})]")
    } else {
        format!("go!(stack({next}) =>")
    };
    assert!(remedy.contains(&how), "{output:#?}");
    assert!(remedy.contains("CSP_STACK="), "{output:#?}");
}

const NAMED: &str = " [bottomless]";
const DEFAULT: (&str, usize) = ("256 KiB", 2 << 20);

#[test]
fn stacks_of_every_size_are_reported_with_it() {
    assert_reported(&overflow("size:64", ""), NAMED, "64 KiB", 512 << 10);
    assert_reported(&overflow("size:1024", ""), NAMED, "1 MiB", 8 << 20);
    assert_reported(&overflow("size:16384", ""), NAMED, "16 MiB", 128 << 20);
}

#[test]
fn large_frames_of_rust_are_reported() {
    for guard in GUARDS {
        for case in ["frames_of_64_kib", "frames_of_1_mib"] {
            // The second is as large as several stacks.
            let small = overflow(&format!("{case}:64"), guard);
            assert_reported(&small, NAMED, "64 KiB", 512 << 10);
            let default = overflow(&format!("{case}:256"), guard);
            assert_reported(&default, NAMED, DEFAULT.0, DEFAULT.1);
        }
        let large = overflow("frames_of_1_mib:8192", guard);
        assert_reported(&large, NAMED, "8 MiB", 64 << 20);
    }
}

#[test]
fn recursion_of_c_without_probes_is_reported() {
    for guard in GUARDS {
        for case in ["c:256:4", "c:256:12", "c:256:30"] {
            assert_reported(&overflow(case, guard), NAMED, DEFAULT.0, DEFAULT.1);
        }
        assert_reported(&overflow("c:1024:60", guard), NAMED, "1 MiB", 8 << 20);
        assert_reported(&overflow("c:16384:1000", guard), NAMED, "16 MiB", 128 << 20);
    }
}

#[test]
fn a_frame_of_c_as_large_as_the_guard_cannot_jump_over_it() {
    for (size, guard, named) in [
        (64, 16, "64 KiB"),
        (128, 16, "128 KiB"),
        (256, 32, "256 KiB"),
        (512, 32, "512 KiB"),
        (1 << 10, 64, "1 MiB"),
        (2 << 10, 128, "2 MiB"),
        (4 << 10, 256, "4 MiB"),
        (8 << 10, 512, "8 MiB"),
        (16 << 10, 1024, "16 MiB"),
        (64 << 10, 1024, "64 MiB"),
    ] {
        let output = overflow(&format!("jump:{size}:{guard}"), "");
        assert_reported(&output, NAMED, named, size << 13);
    }
}

#[test]
fn overflows_are_reported_wherever_they_happen() {
    for place in [
        "destructor",
        "unwinding",
        "scope",
        "thread",
        "blocking",
        "locks",
    ] {
        assert_reported(&overflow(place, ""), NAMED, DEFAULT.0, DEFAULT.1);
    }
    assert_reported(&overflow("join", ""), "", DEFAULT.0, DEFAULT.1);
    let main = overflow("main", "");
    assert_reported(&main, "goroutine 1", "8 MiB", 64 << 20);
}

#[test]
fn an_overflow_while_being_preempted_is_reported() {
    assert_reported(&overflow("preempted", ""), NAMED, "1 MiB", 8 << 20);
}

#[test]
fn of_two_overflows_at_once_one_is_reported() {
    for _ in 0..5 {
        assert_reported(&overflow("two", ""), NAMED, DEFAULT.0, DEFAULT.1);
    }
}

#[test]
fn a_long_name_is_reported_whole() {
    let name = format!(" [begin{}end]", "-".repeat(992));
    assert_reported(&overflow("long_name", ""), &name, DEFAULT.0, DEFAULT.1);
}

#[test]
fn an_overflow_with_standard_error_closed_has_the_status() {
    let mut command = Command::new("sh");
    command.args(["-c", "exec \"$0\" overflow size:256 2>&-"]);
    command.arg(env!("CARGO_BIN_EXE_scenario_stack"));
    capture(command).code(2);
}

#[test]
fn another_fault_is_no_overflow() {
    let output = overflow("null", "");
    assert_eq!(output.signal, Some(11), "{output:#?}");
    assert!(!output.stderr.contains("overflowed"), "{output:#?}");
}
