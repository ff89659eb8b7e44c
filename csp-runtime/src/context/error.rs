//! Why a context is done.

use std::error::Error;
use std::fmt;
use std::io;

/// Why a [`Context`](super::Context) is done; its texts are Go's.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ContextError {
    /// It was cancelled, or one it was derived from was.
    Canceled,
    /// Its deadline has passed.
    DeadlineExceeded,
}

impl fmt::Display for ContextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Canceled => "context canceled",
            Self::DeadlineExceeded => "context deadline exceeded",
        })
    }
}

impl Error for ContextError {}

/// For functions that do input and output, and ask `ctx.check()?` on the way.
impl From<ContextError> for io::Error {
    /// [`TimedOut`](io::ErrorKind::TimedOut) if the deadline has passed, else [`Other`](io::ErrorKind::Other): the kind
    /// `Interrupted` would have the standard library try again.
    fn from(error: ContextError) -> Self {
        let kind = match error {
            ContextError::Canceled => io::ErrorKind::Other,
            ContextError::DeadlineExceeded => io::ErrorKind::TimedOut,
        };
        Self::new(kind, error)
    }
}
