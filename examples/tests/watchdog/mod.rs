//! Runs example programs, none of them for longer than a minute.

use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;
use std::{env, thread};

/// How long a child may run; far more than any needs.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// Where cargo puts the examples of the profile this test was built with: beside its own `deps`.
pub(crate) fn example(name: &str) -> PathBuf {
    let test = env::current_exe().expect("a test knows its own path");
    let profile = test
        .ancestors()
        .nth(2)
        .expect("tests are built into <profile>/deps");
    profile.join("examples").join(name)
}

/// A child with its output being collected.
pub(crate) struct Running {
    pid: u32,
    what: String,
    output: Receiver<Output>,
}

impl Running {
    /// Starts `command` with both outputs captured and no input.
    pub(crate) fn start(command: &mut Command) -> Running {
        Running::start_into(Stdio::piped(), command)
    }

    /// Starts `command` with stderr captured and stdout as given, of which no copy stays behind.
    pub(crate) fn start_into(stdout: impl Into<Stdio>, command: &mut Command) -> Running {
        let what = format!("{command:?}");
        let pipes = command
            .stdin(Stdio::null())
            .stdout(stdout)
            .stderr(Stdio::piped());
        let child: Child = pipes
            .spawn()
            .unwrap_or_else(|error| panic!("{what}: {error}"));
        command.stdout(Stdio::null());
        let pid = child.id();
        let (send, output) = mpsc::channel();
        thread::spawn(move || send.send(child.wait_with_output().expect("the child is ours")));
        Running { pid, what, output }
    }

    /// The child's process id, its own until `finish` returns.
    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    /// Sends a signal named as `kill` names it.
    pub(crate) fn signal(&self, name: &str) {
        // The shell's own `kill`: the program of that name is not everywhere.
        let script = format!("kill -{name} {}", self.pid);
        let status = Command::new("sh").args(["-c", &script]).status();
        assert!(
            status.expect("a shell").success(),
            "{} has ended already",
            self.what
        );
    }

    /// Waits for the child's end; past the limit, kills it and panics.
    pub(crate) fn finish(self) -> Output {
        self.output.recv_timeout(LIMIT).unwrap_or_else(|_| {
            self.signal("KILL");
            panic!("{} did not end within {LIMIT:?}", self.what)
        })
    }
}

/// Runs `command` to its end.
pub(crate) fn run(command: &mut Command) -> Output {
    Running::start(command).finish()
}
