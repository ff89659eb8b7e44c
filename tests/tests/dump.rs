//! What reports and dumps say of goroutines: state, how long, where, and their stacks.

use csp::prelude::*;
use csp_tests::{Entry, LIMIT, Output, capture, child, entries, run, within};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

const REPORT: &str = env!("CARGO_BIN_EXE_scenario_report");

fn report(name: &str, environment: &[(&str, &str)]) -> Output {
    run(REPORT, &[name], environment)
}

fn dump() -> Vec<Entry> {
    let mut text = Vec::new();
    csp::runtime::dump(&mut text).expect("a vector takes it");
    entries(&String::from_utf8(text).expect("it is text"))
}

#[track_caller]
fn named<'a>(list: &'a [Entry], name: &str) -> &'a Entry {
    list.iter()
        .find(|entry| entry.name.as_deref() == Some(name))
        .unwrap_or_else(|| panic!("no {name} in {list:#?}"))
}

/// The number that follows `word` in what the child printed.
fn number(output: &Output, word: &str) -> String {
    let mut words = output.stdout.split_whitespace();
    words.find(|other| *other == word).expect(word);
    words.next().expect(word).to_owned()
}

#[test]
fn a_deadlock_report_names_states_ages_and_places() {
    let output = report("states", &[]);
    output.code(2);
    let headline = "fatal error: all goroutines are asleep - deadlock!\n\n";
    let list = output.stderr.strip_prefix(headline).expect("the headline");
    let list = entries(list);
    assert_eq!(list.len(), 10, "{list:#?}");
    assert_eq!((list[0].id, list[0].state.as_str()), (1, "join"));
    for (name, state) in [
        ("receiver", "chan receive"),
        ("sender", "chan send"),
        ("select", "select"),
        ("empty", "select (no cases)"),
        ("never", "chan receive (never)"),
        ("group", "sync.WaitGroup.Wait"),
        ("scope", "scope"),
    ] {
        assert_eq!(named(&list, name).state, state, "{name}");
    }
    for entry in &list {
        assert!(entry.age.is_some() && entry.frames.is_empty(), "{entry:#?}");
    }
    let receiver = named(&list, "receiver");
    let begins = |place: &str, line: &str| {
        let path = format!("scenario_report.rs:{line}:");
        assert!(place.contains(&path), "{place} is not {path}");
    };
    begins(&receiver.started, &number(&output, "receiver"));
    begins(
        receiver.at.as_deref().expect("it waits"),
        &number(&output, "recv"),
    );
}

#[test]
fn sigquit_lists_the_goroutines() {
    let output = report("live", &[("CSP_PREEMPT", "0")]);
    output.code(2);
    let list = output.stderr.strip_prefix("SIGQUIT: quit\n\n");
    let list = entries(list.expect("the headline"));
    assert_eq!(list[0].id, 1);
    assert_eq!(named(&list, "sleeper").state, "sleep");
    assert_eq!(named(&list, "waiter").state, "chan receive");
    let states: Vec<_> = list.iter().map(|entry| entry.state.as_str()).collect();
    assert!(states.contains(&"running"), "{states:?}");
    assert!(states.contains(&"runnable"), "{states:?}");
}

#[test]
fn sigquit_is_answered_whatever_the_goroutines_do() {
    for name in ["busy", "asleep", "locks"] {
        for procs in ["1", "2", "4"] {
            if name == "asleep" && procs != "2" {
                continue;
            }
            let output = report(name, &[("GOMAXPROCS", procs)]);
            output.code(2).stderr("SIGQUIT: quit\n\ngoroutine 1");
            assert!(!entries(&output.stderr).is_empty());
        }
    }
}

#[test]
fn a_sigquit_that_is_ignored_stays_ignored() {
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' QUIT; exec \"$0\" ignored", REPORT]);
    capture(command).code(0).stdout("still here\n");
}

#[test]
fn a_sigquit_during_an_exit_is_answered() {
    // The standard library has unmapped the main thread's signal stack by then.
    report("exiting", &[])
        .code(2)
        .stderr("SIGQUIT: quit\n\ngoroutine 1");
}

#[test]
fn a_handler_that_was_there_keeps_sigquit() {
    run(env!("CARGO_BIN_EXE_scenario_handler"), &[], &[])
        .code(0)
        .stdout("handled\n");
}

/// Set for the test that sends itself a signal.
const QUITS: &str = "CSP_TESTS_QUITS";

#[csp::test]
fn quits_if_told_to() {
    if std::env::var_os(QUITS).is_some() {
        let id = std::process::id().to_string();
        let status = Command::new("kill").args(["-QUIT", &id]).status();
        assert!(status.expect("kill runs").success());
        csp::time::sleep(Duration::from_secs(60));
    }
}

#[test]
fn sigquit_in_a_test_is_the_systems() {
    let path = std::env::current_exe().expect("the test binary has a path");
    let mut command = Command::new("sh");
    command
        .args(["-c", "ulimit -c 0; exec \"$0\" --exact quits_if_told_to"])
        .arg(path)
        .env(QUITS, "1");
    let output = capture(command);
    assert_eq!(output.code, None, "{output:#?}");
    assert!(!output.stderr.contains("SIGQUIT: quit"), "{output:#?}");
}

/// Starts a scenario, and returns it when it has said a line.
fn started(name: &str) -> (std::process::Child, BufReader<std::process::ChildStdout>) {
    let mut child = Command::new(REPORT)
        .arg(name)
        .env_remove("RUST_BACKTRACE")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the scenario starts");
    let mut stdout = BufReader::new(child.stdout.take().expect("it is piped"));
    let mut line = String::new();
    stdout.read_line(&mut line).expect("it can be read");
    assert_eq!(line, "ready\n");
    (child, stdout)
}

fn send_quit(child: &std::process::Child) {
    let id = child.id().to_string();
    // It may have ended.
    let _ = Command::new("kill")
        .args(["-QUIT", &id])
        .stderr(Stdio::null())
        .status();
}

#[test]
fn a_deadlock_and_a_sigquit_at_once_make_one_report() {
    within(LIMIT, || {
        for round in 0..12 {
            let (mut child, _stdout) = started("late");
            // Any order of the two is right; this makes each likely in some round.
            std::thread::sleep(Duration::from_millis(round * 2));
            send_quit(&child);
            send_quit(&child);
            let mut text = String::new();
            let mut stderr = child.stderr.take().expect("it is piped");
            stderr.read_to_string(&mut text).expect("it can be read");
            assert_eq!(child.wait().expect("it ends").code(), Some(2), "{text}");
            let deadlocks = text.matches("fatal error").count();
            let quits = text.matches("SIGQUIT: quit").count();
            assert_eq!(deadlocks + quits, 1, "{text}");
            assert_eq!(entries(&text).len(), 1, "{text}");
        }
    });
}

#[test]
fn the_status_is_2_though_nobody_reads_the_report() {
    within(LIMIT, || {
        for quit in [false, true] {
            let (mut child, _stdout) = started("late");
            drop(child.stderr.take());
            if quit {
                send_quit(&child);
            }
            assert_eq!(child.wait().expect("it ends").code(), Some(2));
        }
        let closed = Command::new("sh")
            .args(["-c", "exec \"$0\" late >&- 2>&-", REPORT])
            .status();
        assert_eq!(closed.expect("sh runs").code(), Some(2));
    });
}

#[test]
fn a_report_on_a_hundred_thousand_is_whole() {
    let output = report("many", &[]);
    output.code(2);
    let list = entries(&output.stderr);
    assert_eq!(list.len(), 100_001);
    assert_eq!(list[0].id, 1);
}

/// Asserts the backtrace of the goroutine that is parked three calls deep.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
#[track_caller]
fn assert_deep(list: &[Entry]) {
    let frames = &named(list, "deep").frames;
    // The operation, the program's functions, and nothing of what is around them. With line tables alone,
    // names have no paths.
    assert_eq!(frames.len(), 5, "{frames:#?}");
    let functions = ["recv", "innermost", "middle", "outermost"];
    for (frame, function) in frames.iter().zip(functions) {
        assert!(is_function(frame, function), "no {function} in {frames:#?}");
    }
    assert!(frames[4].contains("closure"), "{frames:#?}");
}

/// Whether `name`, with or without a path and types, is that of `function`.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
fn is_function(name: &str, function: &str) -> bool {
    let bare = name.split('<').next().unwrap_or(name);
    bare == function || name.ends_with(&format!("::{function}"))
}

#[test]
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
fn backtraces_name_the_programs_functions_in_order() {
    for name in ["deep", "deep_live"] {
        for procs in ["1", "2", "4"] {
            let output = report(name, &[("RUST_BACKTRACE", "1"), ("GOMAXPROCS", procs)]);
            output.code(2);
            assert_deep(&entries(&output.stderr));
            output.stderr("src/bin/scenario_report.rs:");
        }
    }
}

#[test]
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
fn full_backtraces_show_the_runtime_too() {
    let output = report("deep", &[("RUST_BACKTRACE", "full")]);
    output.code(2);
    let list = entries(&output.stderr);
    let frames = &named(&list, "deep").frames;
    for function in ["suspend", "innermost", "outermost", "enter"] {
        let shown = frames.iter().any(|frame| {
            let (address, name) = frame.split_once(" - ").expect("an address and a name");
            address.trim_start().starts_with("0x") && is_function(name, function)
        });
        assert!(shown, "no {function} in {frames:#?}");
    }
}

#[test]
fn without_the_variable_there_are_no_backtraces() {
    for environment in [&[][..], &[("RUST_BACKTRACE", "0")]] {
        let output = report("deep", environment);
        let list = entries(&output.stderr);
        assert!(list.iter().all(|entry| entry.frames.is_empty()));
    }
}

/// A writer that takes the first piece only.
struct Full(bool);

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if std::mem::replace(&mut self.0, true) {
            return Err(io::Error::other("full"));
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_writers_error_ends_the_dump() {
    within(LIMIT, || {
        let (tx, rx) = channel::<u8>(0);
        let group = WaitGroup::new();
        for _ in 0..1000 {
            go!(in group, clone(rx) => rx.recv());
        }
        let error = csp::runtime::dump(Full(false)).expect_err("the writer is full");
        assert_eq!(error.to_string(), "full");
        assert!(dump().len() >= 1000);
        drop(tx);
        group.wait();
    });
}

#[test]
fn a_dump_to_a_writer_that_parks_goes_on() {
    struct Parks(Sender<Vec<u8>>);

    impl Write for Parks {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.send(bytes.to_vec()).map_err(io::Error::other)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    within(LIMIT, || {
        let (tx, rx) = channel(0);
        let writer = go!(name("writer") => { csp::runtime::dump(Parks(tx)) });
        let text: Vec<u8> = rx.iter().flatten().collect();
        writer.join().expect("no panic").expect("no error");
        let list = entries(&String::from_utf8(text).expect("it is text"));
        let state = &named(&list, "writer").state;
        // With backtraces it waits for the thread that makes them.
        assert!(["running", "syscall"].contains(&state.as_str()), "{state}");
    });
}

#[test]
fn a_dump_with_backtraces_fits_the_smallest_stack() {
    const TEST: &str = "a_dump_with_backtraces_fits_the_smallest_stack";
    child(TEST, &[("RUST_BACKTRACE", "1")], || {
        let (tx, rx) = channel::<u8>(0);
        let waiting = go!(name("waits") => { rx.recv() });
        csp_tests::until(|| named(&dump(), "waits").state == "chan receive");
        let list = go!(stack(64 << 10) => dump()).join().expect("no panic");
        assert_eq!(named(&list, "waits").state, "chan receive");
        drop(tx);
        assert_eq!(waiting.join().expect("no panic"), None);
        println!("fits");
    })
    .code(0)
    .stdout("fits\n");
}

#[test]
fn dumps_with_backtraces_spare_goroutines_that_switch() {
    const TEST: &str = "dumps_with_backtraces_spare_goroutines_that_switch";
    for procs in ["1", "2", "4"] {
        let environment = [("RUST_BACKTRACE", "1"), ("GOMAXPROCS", procs)];
        child(TEST, &environment, || {
            let over = Arc::new(AtomicBool::new(false));
            let group = WaitGroup::new();
            for depth in 0..800_u32 {
                let (there, theirs) = channel::<u32>(0);
                let (back, ours) = channel::<u32>(0);
                go!(in group, clone(over) => {
                    while !over.load(Ordering::Relaxed) {
                        exchange(depth % 17, &there, &ours);
                    }
                });
                go!(in group => {
                    while let Some(value) = theirs.recv() {
                        if back.send(value + 1).is_err() {
                            break;
                        }
                    }
                });
                // Goroutines that come and go, and stand in slots of those before.
                go!(in group, clone(over) => {
                    while !over.load(Ordering::Relaxed) {
                        let _ = go!(name("brief") => { csp::yield_now() }).join();
                    }
                });
            }
            let mut seen = !cfg!(all(target_os = "linux", target_arch = "x86_64"));
            // Reading debugging information takes its time when nothing is optimised.
            let rounds = if cfg!(debug_assertions) { 4 } else { 40 };
            let mut round = 0;
            // As long as none has begun, there is no backtrace.
            while round < rounds || !seen {
                let list = dump();
                assert!(list.len() >= 2000);
                seen |= list.iter().any(|entry| !entry.frames.is_empty());
                round += 1;
            }
            over.store(true, Ordering::Relaxed);
            group.wait();
            println!("dumped");
        })
        .code(0)
        .stdout("dumped\n");
    }
}

/// One exchange with the peer, some calls deep.
#[inline(never)]
fn exchange(depth: u32, there: &Sender<u32>, ours: &Receiver<u32>) -> u32 {
    let frame = std::hint::black_box([depth; 16]);
    if depth > 0 {
        return exchange(frame[3] - 1, there, ours) + frame[5];
    }
    there.send(1).expect("the peer receives");
    ours.recv().expect("the peer sends")
}

#[test]
fn a_report_names_each_lock_and_the_users_line() {
    let output = run(env!("CARGO_BIN_EXE_scenario_report"), &["locked"], &[]);
    output.code(2);
    let headline = "fatal error: all goroutines are asleep - deadlock!\n\n";
    let list = entries(output.stderr.strip_prefix(headline).expect("the headline"));
    for (name, state) in [
        ("mutex", "sync.Mutex.Lock"),
        ("condvar", "sync.Cond.Wait"),
        ("rwlock-read", "sync.RWMutex.RLock"),
        ("rwlock-write", "sync.RWMutex.Lock"),
        ("once", "sync.Once"),
        ("lazy", "sync.Once"),
        ("barrier", "sync.Barrier"),
        ("semaphore", "sync.Semaphore.Acquire"),
    ] {
        let named = |entry: &&Entry| entry.name.as_deref() == Some(name);
        let entry = list.iter().find(named).expect(name);
        assert_eq!(entry.state, state, "{name}");
        let mut words = output.stdout.split_whitespace();
        words.find(|word| *word == name).expect(name);
        let line = words.next().expect("its line");
        let at = entry.at.as_deref().expect("it waits");
        assert!(
            at.contains(&format!("scenario_report.rs:{line}:")),
            "{name}: {at}"
        );
    }
}
