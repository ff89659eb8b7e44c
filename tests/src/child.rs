//! Scenarios that end their process: run in a child, with status and output captured.
//!
//! [`child`] runs part of a test in a second run of the same test binary; [`run`] runs a scenario binary, for what only
//! a `#[csp::main]` program shows (exit status, deadlock report: the test harness has threads of its own). Both kill
//! the child at the limit, and then its output says what it was doing.
//!
//! The child's stdout also holds the harness's own lines: assert on what it contains, not on the whole.

use std::env;
use std::io::Read;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{self, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Set in the child to the name of the scenario it runs.
const SCENARIO: &str = "CSP_TESTS_SCENARIO";

/// How long a child may take; far above what any needs, even on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);

/// What a child did.
#[derive(Debug)]
pub struct Output {
    /// Its exit status, `None` when a signal ended it.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// What it wrote to stdout.
    pub stdout: String,
    /// What it wrote to stderr.
    pub stderr: String,
}

impl Output {
    /// Asserts the exit status, showing the output if it is another.
    #[track_caller]
    pub fn code(&self, expected: i32) -> &Self {
        assert_eq!(self.code, Some(expected), "{self:#?}");
        self
    }

    /// Asserts that stderr contains `text`.
    #[track_caller]
    pub fn stderr(&self, text: &str) -> &Self {
        assert!(
            self.stderr.contains(text),
            "no {text:?} on stderr of {self:#?}"
        );
        self
    }

    /// Asserts that stdout contains `text`.
    #[track_caller]
    pub fn stdout(&self, text: &str) -> &Self {
        assert!(
            self.stdout.contains(text),
            "no {text:?} on stdout of {self:#?}"
        );
        self
    }
}

/// Runs `scenario` in a second run of this test binary and returns what it did; `test` is the calling test's name.
///
/// In the child this never returns: the process exits with status 0 when `scenario` returns.
pub fn child(test: &str, environment: &[(&str, &str)], scenario: impl FnOnce()) -> Output {
    if env::var(SCENARIO).as_deref() == Ok(test) {
        scenario();
        process::exit(0);
    }
    let binary = env::current_exe().expect("the test binary has a path");
    let mut command = Command::new(&binary);
    command
        .args([
            &*path_of(test, &binary),
            "--exact",
            "--nocapture",
            "--test-threads=1",
        ])
        .env(SCENARIO, test)
        .env_remove("RUST_BACKTRACE");
    command.envs(environment.iter().copied());
    capture(command)
}

/// The name of a test with that of its module, as the harness wants it. A name that it did not know would run nothing, and
/// succeed.
fn path_of(test: &str, binary: &Path) -> String {
    let list = Command::new(binary)
        .args(["--list", "--format=terse"])
        .output();
    let list = list.expect("the test binary lists its tests").stdout;
    let list = String::from_utf8_lossy(&list);
    let mut named = list
        .lines()
        .filter_map(|line| line.strip_suffix(": test"))
        .filter(|path| path.rsplit("::").next() == Some(test));
    let path = named
        .next()
        .unwrap_or_else(|| panic!("no test is named {test}"));
    assert_eq!(named.next(), None, "two tests are named {test}");
    path.to_owned()
}

/// Runs the scenario binary at `path` with `args`.
pub fn run(path: &str, args: &[&str], environment: &[(&str, &str)]) -> Output {
    let mut command = Command::new(path);
    command.args(args).env_remove("RUST_BACKTRACE");
    command.envs(environment.iter().copied());
    capture(command)
}

/// Runs `command` with its output captured.
pub fn capture(mut command: Command) -> Output {
    attend_to_sigquit(&mut command);
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the child starts");
    let stdout = collect(child.stdout.take().expect("stdout is piped"));
    let stderr = collect(child.stderr.take().expect("stderr is piped"));
    let end = Instant::now() + LIMIT;
    let status = loop {
        if let Some(status) = child.try_wait().expect("the child can be waited for") {
            break status;
        }
        if Instant::now() > end {
            child.kill().expect("the child can be killed");
        }
        thread::sleep(Duration::from_millis(2));
    };
    let text = |reader: thread::JoinHandle<Vec<u8>>| {
        String::from_utf8_lossy(&reader.join().expect("the reader ends")).into_owned()
    };
    Output {
        code: status.code(),
        signal: status.signal(),
        stdout: text(stdout),
        stderr: text(stderr),
    }
}

/// Has the child start with SIGQUIT's own effect. A shell starts what it runs in the background with the signal ignored,
/// and then so would be the children of tests that run there: csp leaves an ignored signal alone.
fn attend_to_sigquit(command: &mut Command) {
    // SAFETY: between fork and exec the hook makes one async-signal-safe call.
    #[expect(unsafe_code, reason = "a signal's disposition, before exec")]
    unsafe {
        command.pre_exec(|| {
            libc::signal(libc::SIGQUIT, libc::SIG_DFL);
            Ok(())
        });
    }
}

fn collect(mut pipe: impl Read + Send + 'static) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        pipe.read_to_end(&mut bytes).expect("the pipe can be read");
        bytes
    })
}
