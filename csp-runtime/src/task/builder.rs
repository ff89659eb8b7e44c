//! Starting a goroutine with a name or a stack size, and with an error instead of a panic.

use std::io;
use std::panic::Location;

use super::{JoinHandle, Options, spawn};

/// Starts a goroutine with options; `go!(name(…), stack(…) => …)` is the short form.
///
/// # Examples
///
/// ```
/// let handle = csp::Builder::new()
///     .name("adder")
///     .stack_size(1 << 20)
///     .spawn(|| 1 + 2)?;
/// assert_eq!(handle.name(), Some("adder"));
/// assert_eq!(handle.join().unwrap(), 3);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct Builder {
    name: Option<String>,
    stack: Option<usize>,
}

impl Builder {
    /// Makes a builder without a name and with the default stack: 256 KiB, or what `CSP_STACK` in the
    /// environment or `#[csp::main(stack = …)]` says.
    pub fn new() -> Self {
        Self::default()
    }

    /// Names the goroutine; reports and panic messages show the name.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Sets the size of the stack in bytes, rounded up to a power of two from 64 KiB to 1 GiB. Only
    /// what is touched takes memory, and what is reserved costs address space alone.
    ///
    /// The size includes a guard at the low end; the [front page](crate#how-large-stacks-are) says which
    /// frames of C code cannot jump over it.
    #[must_use]
    pub fn stack_size(mut self, bytes: usize) -> Self {
        self.stack = Some(bytes);
        self
    }

    /// Starts the goroutine.
    ///
    /// # Errors
    ///
    /// If no stack of that size can be had; the error names the limit and what to change:
    /// `RLIMIT_AS`, `RLIMIT_DATA`, `RLIMIT_MEMLOCK`, `vm.max_map_count`, strict overcommit, the number
    /// of stacks of one size, or the limit on threads. Its kind is `InvalidInput` for more than 1 GiB and
    /// `OutOfMemory` for the limits on memory. What runs goes on, and once goroutines have ended others
    /// can be started.
    ///
    /// Memory itself is no such limit: a stack takes it page by page as it is touched, and if there is
    /// none left then, Linux ends a process. After `mlockall(MCL_CURRENT)` in a program that has goroutines
    /// already, a stack may take all of its size at once, as a thread's does.
    #[track_caller]
    pub fn spawn<F, T>(self, f: F) -> io::Result<JoinHandle<T>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let options = Options {
            name: self.name,
            stack: self.stack,
            site: Location::caller(),
            id: None,
        };
        Ok(spawn(options, f)?)
    }
}
