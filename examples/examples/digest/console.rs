//! What the user sees besides the listing: complaints, the progress bar, and the exit status.

use std::io::{self, ErrorKind, IsTerminal, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

use indicatif::{ProgressBar, ProgressStyle};

/// Shared by all goroutines; its methods may be called from any of them.
pub(crate) struct Console {
    /// Counts bytes; draws on stderr, and nothing at all if that is no terminal.
    bar: ProgressBar,
    /// Something was complained about.
    failed: AtomicBool,
    /// The listing goes to a terminal, the one the bar is drawn on if there is a bar.
    pub(crate) shares_stdout: bool,
}

impl Console {
    /// A console without complaints.
    pub(crate) fn new() -> Console {
        let style = "{bar:40} {binary_bytes}/{binary_total_bytes} {binary_bytes_per_sec} {eta}";
        let style = ProgressStyle::with_template(style).expect("the template is well-formed");
        Console {
            bar: ProgressBar::new(0).with_style(style),
            failed: AtomicBool::new(false),
            shares_stdout: io::stdout().is_terminal(),
        }
    }

    /// Lengthens the bar by a file; asks for its size only if there is a bar.
    pub(crate) fn found(&self, path: &Path) {
        if !self.bar.is_hidden()
            && let Ok(metadata) = path.symlink_metadata()
        {
            self.bar.inc_length(metadata.len());
        }
    }

    /// Moves the bar on by so many bytes.
    pub(crate) fn hashed(&self, bytes: usize) {
        self.bar.inc(bytes as u64);
    }

    /// Prints something with the bar out of the way.
    pub(crate) fn above_bar<T>(&self, print: impl FnOnce() -> T) -> T {
        if self.shares_stdout {
            self.bar.suspend(print)
        } else {
            print()
        }
    }

    /// Reports that `subject` was left out and why.
    pub(crate) fn complain(&self, subject: &Path, error: &io::Error) {
        self.failed.store(true, Ordering::Relaxed);
        let reason = error.to_string();
        let reason = reason.split(" (os error").next().unwrap_or_default();
        let subject = subject.as_os_str().as_bytes();
        let message = [b"digest: ", subject, b": ", reason.as_bytes(), b"\n"].concat();
        // Nobody is left to tell if stderr is gone too.
        let _ = self.bar.suspend(|| io::stderr().write_all(&message));
    }

    /// Removes the bar and gives the status that `outcome` and the complaints add up to.
    pub(crate) fn finish(&self, outcome: io::Result<()>) -> ExitCode {
        self.bar.finish_and_clear();
        match outcome {
            Err(error) if error.kind() == ErrorKind::Interrupted => crate::INTERRUPTED.into(),
            Err(error) => {
                self.complain(Path::new("standard output"), &error);
                ExitCode::FAILURE
            }
            Ok(()) => u8::from(self.failed.load(Ordering::Relaxed)).into(),
        }
    }
}
