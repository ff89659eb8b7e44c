//! Tests that need a process of their own: because it dies, or because its limits are changed.
//!
//! The test's executable is run again with a filter that selects the same test and a variable that
//! tells it that it is the child; there it runs `body` instead and ends. A child that hangs is
//! ended by `alarm`.

#![expect(unsafe_code, reason = "limits and timers of the child process")]

use std::env;
use std::process::{self, Command, Output};

const MARK: &str = "CSP_STACK_TEST_CHILD";
/// The status of a child whose body returned; 0 would also be that of a filter without a match.
const DONE: i32 = 77;
/// After how many seconds a child is ended.
const WATCHDOG: libc::c_uint = 60;

/// Runs `body` in a child process with the variables given, and returns how that ended.
///
/// `module` is the caller's `module_path!()`, `test` the name of the test function that calls.
pub(super) fn run(module: &str, test: &str, vars: &[(&str, &str)], body: fn()) -> Output {
    if env::var_os(MARK).is_some() {
        leave_no_core();
        // SAFETY: without preconditions; the default action of SIGALRM ends the process.
        unsafe { libc::alarm(WATCHDOG) };
        body();
        process::exit(DONE);
    }
    let module = module.split_once("::").map_or(module, |(_, path)| path);
    let mut command = Command::new(env::current_exe().unwrap());
    command.args([&format!("{module}::{test}"), "--exact", "--nocapture"]);
    command
        .env_remove("CSP_STACK_GUARD")
        .env(MARK, test)
        .envs(vars.iter().copied());
    command.output().unwrap()
}

/// Runs `body` as [`run`] does, and fails with what the child printed unless `body` returned.
pub(super) fn succeeds(module: &str, test: &str, vars: &[(&str, &str)], body: fn()) {
    let output = run(module, test, vars, body);
    let ended = output.status;
    assert_eq!(ended.code(), Some(DONE), "{ended}\n{}", text(&output));
}

/// Returns what the child wrote to standard error.
pub(super) fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Limits the address space of this process.
pub(super) fn limit_address_space(bytes: libc::rlim_t) {
    let limit = both(bytes);
    // SAFETY: `limit` is read during the call only.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_AS, &limit) }, 0);
}

/// Keeps this process from leaving a core file when it dies as the test wants.
fn leave_no_core() {
    let limit = both(0);
    // SAFETY: `limit` is read during the call only.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_CORE, &limit) }, 0);
}

/// The same value as the soft and the hard limit.
fn both(to: libc::rlim_t) -> libc::rlimit {
    libc::rlimit {
        rlim_cur: to,
        rlim_max: to,
    }
}
