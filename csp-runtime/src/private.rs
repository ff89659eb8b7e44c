//! What the macros expand to. Not part of the public interface.

use std::panic::{self, Location};
use std::process::{ExitCode, Termination};

pub use crate::channel::{RecvArm, RecvSource, SendArm, SendPermit, SendSource};
pub use crate::select::{Arm, SelectOptions, Selected, block_forever, recv_arm, select, send_arm};
pub use crate::task::{Defer, scope};
pub use csp_macros::{go, join, select};

pub use crate::stack::grow;

use crate::diag;
use crate::sched::{self, current, deadlock::Watch};
use crate::sync::{ErrGroup, WaitGroup};
use crate::task::{self, JoinHandle, Options, Scope, ScopedJoinHandle, SpawnError};

/// The options of one `go!`.
#[derive(Debug)]
pub struct Spawn {
    name: Option<String>,
    stack: Option<usize>,
    site: &'static Location<'static>,
}

impl Spawn {
    /// No options; remembers where the `go!` stands.
    #[track_caller]
    #[inline]
    #[expect(clippy::new_without_default, reason = "it remembers its caller")]
    pub fn new() -> Self {
        Self {
            name: None,
            stack: None,
            site: Location::caller(),
        }
    }

    /// `name(…)`.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// `stack(…)`, in bytes.
    #[must_use]
    pub fn stack(mut self, bytes: usize) -> Self {
        self.stack = Some(bytes);
        self
    }

    /// Starts a goroutine.
    #[inline]
    pub fn go<F, T>(self, f: F) -> JoinHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        // Boxed at once, a large closure is not copied through the frames below.
        if const { size_of::<F>() > LARGE } {
            started(task::spawn(self.into(), Box::new(f)))
        } else {
            started(task::spawn(self.into(), f))
        }
    }

    /// Starts a goroutine in a group: `in EXPR`.
    #[inline]
    pub fn go_in<G, F, T>(self, group: &G, f: F) -> G::Handle
    where
        G: Group<F, T> + ?Sized,
    {
        group.go_in(self, f)
    }
}

impl From<Spawn> for Options {
    #[inline]
    fn from(spawn: Spawn) -> Self {
        Self {
            name: spawn.name,
            stack: spawn.stack,
            site: spawn.site,
            id: None,
        }
    }
}

#[inline]
fn started<H>(result: Result<H, SpawnError>) -> H {
    match result {
        Ok(handle) => handle,
        Err(error) => refused(&error),
    }
}

#[cold]
fn refused(error: &SpawnError) -> ! {
    panic!("{error}")
}

/// What can stand behind `in` of a `go!`.
#[diagnostic::on_unimplemented(
    message = "`go!(in …)` cannot start this goroutine in a `{Self}`",
    label = "expected a `WaitGroup`, a `&Scope` or an `ErrGroup`, and a body that fits it"
)]
pub trait Group<F, T> {
    /// What the spawn returns.
    type Handle;

    /// Starts a goroutine in the group.
    fn go_in(&self, spawn: Spawn, f: F) -> Self::Handle;
}

impl<F, T> Group<F, T> for WaitGroup
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    type Handle = JoinHandle<T>;

    fn go_in(&self, spawn: Spawn, f: F) -> JoinHandle<T> {
        self.spawn(spawn.into(), f)
    }
}

impl<'scope, F, T> Group<F, T> for &'scope Scope<'scope, '_>
where
    F: FnOnce() -> T + Send + 'scope,
    T: Send + 'scope,
{
    type Handle = ScopedJoinHandle<'scope, T>;

    fn go_in(&self, spawn: Spawn, f: F) -> ScopedJoinHandle<'scope, T> {
        started(self.spawn(spawn.into(), f))
    }
}

impl<F, T> Group<F, T> for &WaitGroup
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    type Handle = JoinHandle<T>;

    fn go_in(&self, spawn: Spawn, f: F) -> JoinHandle<T> {
        self.spawn(spawn.into(), f)
    }
}

impl<F, T, E> Group<F, Result<T, E>> for ErrGroup<E>
where
    F: FnOnce() -> Result<T, E> + Send + 'static,
    E: Send + 'static,
{
    /// The group has the results.
    type Handle = ();

    fn go_in(&self, spawn: Spawn, f: F) {
        self.spawn(spawn.into(), f);
    }
}

impl<F, T, E> Group<F, Result<T, E>> for &ErrGroup<E>
where
    F: FnOnce() -> Result<T, E> + Send + 'static,
    E: Send + 'static,
{
    type Handle = ();

    fn go_in(&self, spawn: Spawn, f: F) {
        self.spawn(spawn.into(), f);
    }
}

/// A joined arm's value; goes on with its panic if it had one.
pub fn unwrap_joined<T>(result: std::thread::Result<T>) -> T {
    result.unwrap_or_else(|payload| panic::resume_unwind(payload))
}

/// The options of `#[csp::main]` and `#[csp::test]`.
#[derive(Debug, Default)]
pub struct Main {
    gomaxprocs: Option<usize>,
    panic_exit: bool,
    stack: Option<usize>,
}

impl Main {
    /// No options.
    pub fn new() -> Self {
        Self::default()
    }

    /// `gomaxprocs = N`; it goes before the environment variable, as a call in the program would.
    #[must_use]
    pub fn gomaxprocs(mut self, n: usize) -> Self {
        self.gomaxprocs = Some(n);
        self
    }

    /// `panic = "exit"`.
    #[must_use]
    pub fn panic_exit(mut self) -> Self {
        self.panic_exit = true;
        self
    }

    /// `pinned`.
    #[must_use]
    pub fn pinned(self) -> Self {
        sched::pin_goroutines();
        self
    }

    /// `stack = BYTES`, for main and for every goroutine that is not given another size; `CSP_STACK` in
    /// the environment goes before it.
    #[must_use]
    pub fn stack(mut self, bytes: usize) -> Self {
        self.stack = Some(bytes);
        self
    }

    /// `preempt = …`.
    #[must_use]
    pub fn preempt(self, on: bool) -> Self {
        if !on {
            sched::preempt::disable();
        }
        self
    }

    /// Runs a program's main function as goroutine 1.
    #[track_caller]
    pub fn run_main<T: Termination + 'static>(self, f: fn() -> T) -> ExitCode {
        self.run(f, Some(1))
    }

    /// Runs a test function as a goroutine.
    #[track_caller]
    pub fn run_test<T: Termination + 'static>(self, f: fn() -> T) -> ExitCode {
        self.run(f, None)
    }

    #[track_caller]
    fn run<T: Termination + 'static>(self, f: fn() -> T, id: Option<u64>) -> ExitCode {
        task::start_or_panic();
        if let Some(n) = self.gomaxprocs {
            sched::set_procs(n);
        }
        let stack = task::set_default_stack(self.stack).unwrap_or_else(|error| refused(&error));
        if self.panic_exit {
            task::exit_on_panic(diag::exit_after_panic);
        }
        // Called from a goroutine, like any function, it is neither the first goroutine, nor does a
        // thread wait for it.
        let outside = current::goroutine().is_none();
        if outside && id.is_some() {
            diag::on_sigquit();
        }
        let options = Options {
            name: None,
            stack: Some(stack),
            site: Location::caller(),
            id: id.filter(|_| outside),
        };
        // The report is made on the goroutine, since `T` need not be `Send`.
        let handle = started(task::spawn(options, move || {
            let _watch = outside.then(|| Watch::start(diag::exit_in_deadlock));
            f().report()
        }));
        unwrap_joined(handle.join())
    }
}

/// A closure of more bytes is boxed.
const LARGE: usize = 256;
