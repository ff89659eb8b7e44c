//! What growing stacks print where they cannot grow, and what the environment says about it.

use csp_tests::{Output, run};

const GROW: &str = env!("CARGO_BIN_EXE_scenario_grow");

fn scenario(name: &str, environment: &[(&str, &str)]) -> Output {
    run(GROW, &[name], environment)
}

#[test]
fn running_off_a_segment_is_reported_with_the_remedy() {
    let output = scenario("unmarked", &[]);
    output
        .code(2)
        .stderr("fatal error: goroutine ")
        .stderr(" [runner] overflowed its 8 MiB stack segment\nstarted at tests/src/bin/scenario_grow.rs:")
        .stderr("#[csp::recursive]");
    for thread in ["unmarked_thread", "unmarked_ending_thread"] {
        scenario(thread, &[])
            .code(2)
            .stderr("fatal error: a thread overflowed its 8 MiB stack segment\n")
            .stderr("#[csp::recursive]");
    }
}

#[test]
fn reaching_the_limit_is_reported_with_the_remedy() {
    let limit = [("CSP_STACK_MAX", "20M")];
    scenario("limit", &limit)
        .code(2)
        .stderr(" [runner] overflowed its 20 MiB stack\nstarted at tests/src/bin/scenario_grow.rs:")
        .stderr("it has grown up to CSP_STACK_MAX: set that higher")
        .stderr("CSP_STACK_MAX=80M");
    scenario("limit_thread", &limit)
        .code(2)
        .stderr("fatal error: a thread overflowed its 20 MiB stack\n")
        .stderr("CSP_STACK_MAX=80M");
}

#[test]
fn a_limit_below_the_stack_one_has_is_no_smaller_stack() {
    for limit in ["1", "64KiB"] {
        scenario("limit", &[("CSP_STACK_MAX", limit)])
            .code(2)
            .stderr(" [runner] overflowed its 256 KiB stack\nstarted at ")
            .stderr("CSP_STACK_MAX=1M");
    }
}

#[test]
fn a_stack_grows_where_the_runtime_was_never_started() {
    scenario("deep_thread", &[])
        .code(0)
        .stdout("depth 200000\n");
}

#[test]
fn a_bad_limit_is_reported_and_ignored() {
    for bad in ["much", "0", "-1", "1T", "99999999999999999999"] {
        let output = scenario("deep", &[("CSP_STACK_MAX", bad)]);
        output.code(0).stdout("depth 200000\n");
        output.stderr("CSP_STACK_MAX").stderr(bad);
    }
    let output = scenario("deep", &[("CSP_STACK_MAX", "")]);
    output.code(0).stdout("depth 200000\n");
    assert_eq!(output.stderr, "");
}

/// Where memory can be limited.
#[cfg(target_os = "linux")]
#[test]
fn without_memory_for_a_segment_the_call_panics_and_all_goes_on() {
    let limited = |name| {
        let script = "ulimit -v 800000 && exec \"$0\" \"$1\"";
        run("sh", &["-c", script, GROW, name], &[])
    };
    let output = limited("refused");
    output
        .code(0)
        .stdout("depth 20000\n")
        .stdout("sum 200000\n");
    let text = "cannot grow the stack: no address space for another 512 MiB";
    assert_eq!(output.stdout.matches(text).count(), 3, "{output:#?}");
    output.stdout("RLIMIT_AS");
    limited("refused_unwinding")
        .code(0)
        .stdout("dropped 7\n")
        .stdout("caught true\n");
}

/// Where backtraces of goroutines that wait can be made.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
#[test]
fn the_backtrace_of_a_report_crosses_segments() {
    for style in ["1", "full"] {
        let output = scenario("waits", &[("RUST_BACKTRACE", style)]);
        output
            .code(0)
            .stdout("[first]: chan receive")
            .stdout("Some(7)\n");
        // Optimised, names come without their paths.
        let at = |name: &str| {
            let line = output.stdout.lines().position(|line| {
                let last = line.rsplit([' ', ':']).next().unwrap_or_default();
                last == name
            });
            line.unwrap_or_else(|| panic!("no {name} in {output:#?}"))
        };
        let order = [at("inner"), at("middle"), at("outer")];
        assert!(order.is_sorted(), "{output:#?}");
    }
}
