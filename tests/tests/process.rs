//! How whole programs end: exit statuses, fatal texts and environment, seen from outside.

use csp_tests::{Output, run};
use std::process::{Command, Stdio};

fn scenario(name: &str) -> Output {
    run(env!("CARGO_BIN_EXE_scenario"), &[name], &[])
}

#[test]
fn main_runs_as_goroutine_one() {
    scenario("goid").code(0).stdout("goid 1\n");
}

#[test]
fn the_process_exits_when_main_returns_whatever_runs() {
    let output = scenario("leave");
    output.code(0).stdout("main returns\n");
    assert!(!output.stdout.contains("never"));
}

#[test]
fn a_panic_of_main_is_status_101() {
    let output = scenario("panic");
    output.code(101).stderr("main gave up");
    // Where the library itself starts main says nothing to the user.
    assert!(
        !output.stderr.contains("started at csp-runtime"),
        "{output:#?}"
    );
}

#[test]
fn a_panic_of_a_goroutine_is_contained() {
    scenario("contained")
        .code(0)
        .stderr("goroutine gave up")
        .stdout("main goes on\n");
}

#[test]
fn an_error_of_main_is_status_1() {
    run(env!("CARGO_BIN_EXE_scenario_result"), &["error"], &[])
        .code(1)
        .stderr("no such thing");
    run(env!("CARGO_BIN_EXE_scenario_result"), &[], &[]).code(0);
}

#[test]
fn panic_exit_ends_the_process_with_status_2() {
    let path = env!("CARGO_BIN_EXE_scenario_exit");
    let output = run(path, &["goroutine"], &[]);
    output
        .code(2)
        .stderr("goroutine gave up")
        .stderr("miner")
        .stderr("goroutine 1");
    assert!(!output.stdout.contains("main goes on"));
    run(path, &["main"], &[]).code(2).stderr("main gave up");
    run(path, &["none"], &[]).code(0).stdout("main goes on\n");
}

#[test]
fn options_of_main_take_effect() {
    let output = run(
        env!("CARGO_BIN_EXE_scenario_options"),
        &[],
        &[("GOMAXPROCS", "7")],
    );
    output
        .code(0)
        .stdout("gomaxprocs 3\n")
        .stdout("depth 20000\n")
        .stdout("same thread true\n")
        .stdout("from a thread true\n");
}

#[test]
fn gomaxprocs_in_the_environment_sets_the_ps() {
    let path = env!("CARGO_BIN_EXE_scenario");
    let output = run(path, &["gomaxprocs"], &[("GOMAXPROCS", "5")]);
    output.code(0).stdout("gomaxprocs 5\n");
    assert_eq!(output.stderr, "");
}

#[test]
fn a_bad_gomaxprocs_is_reported_and_ignored() {
    let path = env!("CARGO_BIN_EXE_scenario");
    for bad in ["lots", "0", "-1", "", "99999999999999999999"] {
        let output = run(path, &["gomaxprocs"], &[("GOMAXPROCS", bad)]);
        output.code(0).stdout("gomaxprocs is num_cpu\n");
        // An empty variable counts as none.
        if !bad.is_empty() {
            output.stderr("GOMAXPROCS").stderr(bad);
        }
    }
}

#[test]
fn a_used_up_stack_is_reported() {
    let output = scenario("overflow");
    output
        .code(2)
        .stderr("fatal error: goroutine ")
        .stderr(" [bottomless] overflowed its 256 KiB stack");
    output.stderr("scenario.rs:").stderr("stack");
}

#[test]
fn a_used_up_stack_of_another_size_is_reported_with_it() {
    scenario("overflow_large")
        .code(2)
        .stderr("overflowed its 1 MiB stack");
}

#[test]
fn a_deeper_recursion_runs_on_a_larger_stack() {
    scenario("deep").code(0).stdout("depth 20000\n");
}

#[test]
fn goroutines_asleep_for_good_are_a_deadlock() {
    let output = scenario("deadlock");
    output
        .code(2)
        .stderr("fatal error: all goroutines are asleep - deadlock!")
        .stderr("goroutine 1: join, ")
        .stderr("[sleeper]: chan send, ");
    output.stderr("scenario.rs:");
}

#[test]
fn an_empty_select_blocks_for_ever() {
    scenario("empty_select")
        .code(2)
        .stderr("all goroutines are asleep - deadlock!");
}

#[test]
fn a_receive_from_never_blocks_for_ever() {
    scenario("never")
        .code(2)
        .stderr("all goroutines are asleep - deadlock!");
}

#[test]
fn a_thread_that_ends_without_a_word_leaves_a_deadlock() {
    scenario("last_thread")
        .code(2)
        .stderr("all goroutines are asleep - deadlock!");
}

#[test]
fn a_deadlock_is_reported_though_standard_output_is_locked() {
    scenario("stdout")
        .code(2)
        .stderr("all goroutines are asleep - deadlock!");
}

#[test]
fn a_goroutine_on_a_p_beyond_the_limit_is_no_deadlock() {
    scenario("fewer").code(0).stdout("got Some(6)\n");
}

#[test]
fn main_waits_for_a_sleeper() {
    scenario("sleeper").code(0).stdout("woke\n");
}

#[test]
fn main_waits_for_a_thread_outside_the_runtime() {
    scenario("thread").code(0).stdout("got 5\n");
}

#[test]
fn a_panic_is_contained_though_nobody_reads_its_message() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_scenario"))
        .arg("contained")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the scenario starts");
    drop(child.stderr.take());
    let output = child.wait_with_output().expect("the scenario ends");
    assert!(output.status.success(), "{:?}", output.status);
    assert_eq!(output.stdout, b"main goes on\n");
}

/// Where memory can be limited.
#[cfg(target_os = "linux")]
#[test]
fn a_function_for_which_there_is_no_stack_leaves_its_context_as_it_was() {
    let limited = "ulimit -v 1000000 && exec \"$0\" no_stack";
    run("sh", &["-c", limited, env!("CARGO_BIN_EXE_scenario")], &[])
        .code(0)
        .stdout("refused\nsecond\n");
}
