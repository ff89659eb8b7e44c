//! `ErrGroup`: goroutines that work on one thing, of which the first failure counts.
//!
//! Two counts behind one lock: how many run, and how many may. Whoever would be one too many waits in a list, and is handed
//! the place of one that has ended, in the order of coming. So `starters` is empty whenever there is room:
//!
//! ```text
//!   go:    room?  running += 1, start                 else wait in `starters`
//!   end:   running -= 1;  room and a starter?  running += 1, wake it;  running = 0?  wake `waiters`
//! ```
//!
//! A member's result is recorded before it is counted out, so that `wait` finds it.
//!
//! The member catches its own panic: the payload belongs to `wait`, and not to a handle. With `panic = "exit"` the
//! process ends all the same.

use std::any::Any;
use std::fmt;
use std::panic::{
    AssertUnwindSafe, Location, RefUnwindSafe, UnwindSafe, catch_unwind, resume_unwind,
};
use std::sync::Arc;
use std::thread;

use super::line::Line;
use crate::context::{CancelHandle, Context};
use crate::goroutine::{Reason, discard};
use crate::locals;
use crate::primitive::clock::NEVER;
use crate::primitive::spin::{Spin, SpinGuard};
use crate::sched;
use crate::task::{self, Options, spawn};
use crate::wait::{Outcome, Task, WaitList, Wakes};

/// Runs goroutines that return a `Result`, and waits for them: the first error wins, and cancels the group's context. As
/// Go's `errgroup.Group`.
///
/// Clones share one group. `go!(in group => …)` starts a goroutine in it, as [`go`](Self::go) does.
///
/// - Goroutines of a group may outlive the function that started them, and so cannot borrow from it: move or
///   `clone(…)` in what they need. [`scope`](crate::scope()) is for those that borrow.
/// - What they return beside an error is dropped. To collect it, send it into a channel, as below.
/// - The error goes to whoever waits. The context is cancelled without it: its [`cause`](Context::cause) is
///   [`Canceled`](crate::context::ContextError::Canceled).
/// - Dropping a group cancels nothing, and waits for nobody; errors and panics of its goroutines then stay unknown.
///
/// # Examples
///
/// ```
/// use csp::prelude::*;
///
/// let group = ErrGroup::new();
/// let ctx = group.context();
/// for n in 0..3 {
///     go!(in group, clone(ctx) => {
///         if n == 1 {
///             return Err(format!("number {n} failed"));
///         }
///         ctx.done().recv(); // the others are told to stop
///         Ok(())
///     });
/// }
/// assert_eq!(group.wait(), Err("number 1 failed".to_string()));
/// ```
///
/// Where the goroutines use `?`, the error's type has to be said, and results go through a channel:
///
/// ```
/// use csp::prelude::*;
///
/// let group = ErrGroup::<std::num::ParseIntError>::new();
/// let (tx, rx) = unbounded();
/// for text in ["1", "2", "3"] {
///     go!(in group, clone(tx) => {
///         let n: u32 = text.parse()?;
///         let _ = tx.send(n * 10);
///         Ok(())
///     });
/// }
/// drop(tx); // so that `rx` ends
/// group.wait()?;
/// let mut all: Vec<_> = rx.iter().collect();
/// all.sort();
/// assert_eq!(all, [10, 20, 30]);
/// # Ok::<(), std::num::ParseIntError>(())
/// ```
pub struct ErrGroup<E>(Arc<Shared<E>>);

/// What all clones share.
struct Shared<E> {
    context: Context,
    cancel: CancelHandle,
    state: Spin<State<E>>,
}

struct State<E> {
    /// Goroutines that run, or whose place was handed over.
    running: usize,
    /// The most that may run; `None` without a limit.
    limit: Option<usize>,
    /// Those who wait to start one.
    starters: WaitList,
    /// Those who wait until none runs.
    waiters: WaitList,
    /// The first error.
    error: Option<E>,
    /// The first panic's payload.
    panic: Option<Box<dyn Any + Send>>,
}

impl<E> State<E> {
    fn has_room(&self) -> bool {
        self.limit.is_none_or(|limit| self.running < limit)
    }

    /// Hands free places to those who wait for one.
    fn admit(&mut self, wakes: &mut Wakes) {
        while self.has_room()
            && let Some(starter) = self.starters.claim()
        {
            self.running += 1;
            starter.set_outcome(Outcome::Done);
            wakes.push(starter);
        }
    }
}

impl<E> ErrGroup<E> {
    /// Makes a group without a limit. Its context comes from [`Context::background`].
    pub fn new() -> Self {
        Self::with_context(&Context::background()).0
    }

    /// Makes a group whose context is derived from `parent`, and returns that context too.
    ///
    /// It is cancelled by the first failure, and by the end of [`wait`](Self::wait), whichever comes first.
    ///
    /// # Examples
    ///
    /// ```
    /// use csp::{ErrGroup, context::Context};
    ///
    /// let (group, ctx) = ErrGroup::<String>::with_context(&Context::background());
    /// group.go(|| Ok(()));
    /// assert_eq!(group.wait(), Ok(()));
    /// assert!(ctx.err().is_some());
    /// ```
    pub fn with_context(parent: &Context) -> (Self, Context) {
        let (context, cancel) = parent.with_cancel();
        let group = Self(Arc::new(Shared {
            context: context.clone(),
            cancel,
            state: Spin::new(State {
                running: 0,
                limit: None,
                starters: WaitList::new(),
                waiters: WaitList::new(),
                error: None,
                panic: None,
            }),
        }));
        (group, context)
    }

    /// Returns the group's context, for what its goroutines do.
    pub fn context(&self) -> Context {
        self.0.context.clone()
    }

    /// Lets at most `n` goroutines of the group run at once; `None` takes the limit away. With 0 none can start.
    ///
    /// # Panics
    ///
    /// If goroutines of the group are running.
    ///
    /// # Examples
    ///
    /// ```
    /// let group = csp::ErrGroup::<()>::new();
    /// group.set_limit(1);
    /// let (tx, rx) = csp::channel::<()>(0);
    /// assert!(group.try_go(move || Ok(rx.recv())));
    /// assert!(!group.try_go(|| Ok(())));
    /// drop(tx);
    /// group.wait().unwrap();
    /// ```
    #[track_caller]
    pub fn set_limit(&self, n: impl Into<Option<usize>>) {
        let limit = n.into();
        let mut state = self.0.state.lock();
        let running = state.running;
        if running > 0 {
            drop(state);
            panic!(
                "errgroup: modify limit while {running} goroutines in the group are still active"
            );
        }
        state.limit = limit;
        let mut wakes = Wakes::new();
        state.admit(&mut wakes);
        drop(state);
        wakes.ready();
    }

    /// Takes note of a failure of a member, and cancels. What is not the first of its kind is dropped; if that panics, it
    /// is one more failure.
    fn fail(&self, failure: Result<E, Box<dyn Any + Send>>) {
        let late = self.record(failure);
        self.0.cancel.cancel();
        let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(late))) else {
            return;
        };
        task::panicked();
        if let Some(Err(payload)) = self.record(Err(payload)) {
            discard(payload);
        }
    }

    /// Keeps a failure if it is the first of its kind, else gives it back.
    fn record(
        &self,
        failure: Result<E, Box<dyn Any + Send>>,
    ) -> Option<Result<E, Box<dyn Any + Send>>> {
        let mut state = self.0.state.lock();
        match failure {
            Ok(error) if state.error.is_none() => {
                state.error = Some(error);
                None
            }
            Err(payload) if state.panic.is_none() => {
                state.panic = Some(payload);
                None
            }
            late => Some(late),
        }
    }
}

impl<E: Send + 'static> ErrGroup<E> {
    /// Starts a goroutine in the group, waiting while the limit is reached. What `f` returns beside an error is dropped.
    ///
    /// # Panics
    ///
    /// If no stack can be had for it.
    #[track_caller]
    pub fn go<T>(&self, f: impl FnOnce() -> Result<T, E> + Send + 'static) {
        self.spawn(options(Location::caller()), f);
    }

    /// Starts a goroutine in the group if the limit is not reached. Says whether it did; if not, `f` is dropped.
    ///
    /// # Panics
    ///
    /// If no stack can be had for it.
    #[track_caller]
    pub fn try_go<T>(&self, f: impl FnOnce() -> Result<T, E> + Send + 'static) -> bool {
        let mut state = self.0.state.lock();
        if !state.has_room() {
            return false;
        }
        state.running += 1;
        drop(state);
        self.start(options(Location::caller()), f);
        true
    }

    /// As [`go`](Self::go), for `go!`.
    pub(crate) fn spawn<T>(
        &self,
        options: Options,
        f: impl FnOnce() -> Result<T, E> + Send + 'static,
    ) {
        self.enter(options.site);
        self.start(options, f);
    }

    /// Takes a place, waiting for one.
    fn enter(&self, at: &'static Location<'static>) {
        Task::warm_up();
        sched::checkpoint();
        let mut state = self.0.state.lock();
        if state.has_room() {
            state.running += 1;
            return;
        }
        self.stand_in(|state| &mut state.starters, state, Reason::ErrGroupGo, at);
    }

    /// Starts a goroutine for which there is a place.
    fn start<T>(&self, options: Options, f: impl FnOnce() -> Result<T, E> + Send + 'static) {
        // If the spawn fails, dropping the closure gives the place back.
        let member = Member(self.clone());
        let run = move || {
            let group = &member.0;
            match catch_unwind(AssertUnwindSafe(|| locals::to_the_end(f).map(drop))) {
                Ok(Ok(())) => {}
                Ok(Err(error)) => group.fail(Ok(error)),
                Err(payload) => {
                    task::panicked();
                    group.fail(Err(payload));
                }
            }
        };
        spawn(options, run).unwrap_or_else(|error| panic!("{error}"));
    }

    /// Waits until all goroutines of the group have ended, then cancels the group's context.
    ///
    /// Goroutines can be started in the group afterwards, and waited for, but the context stays cancelled. An error is
    /// returned once: to one caller, if several wait.
    ///
    /// # Errors
    ///
    /// The first error that a goroutine returned.
    ///
    /// # Panics
    ///
    /// If a goroutine panicked, with the payload of the first one; errors are then forgotten. But if the caller itself is
    /// unwinding, in a destructor that waits, its own panic goes on, and those of the group are dropped.
    #[track_caller]
    pub fn wait(&self) -> Result<(), E> {
        self.wait_for_all(Location::caller());
        let mut state = self.0.state.lock();
        let (error, panic) = (state.error.take(), state.panic.take());
        drop(state);
        self.0.cancel.cancel();
        match panic {
            // A destructor that waits: a second panic would end the process.
            Some(payload) if thread::panicking() => discard(payload),
            Some(payload) => {
                drop(error);
                resume_unwind(payload);
            }
            None => {}
        }
        error.map_or(Ok(()), Err)
    }

    fn wait_for_all(&self, at: &'static Location<'static>) {
        Task::warm_up();
        sched::checkpoint();
        let state = self.0.state.lock();
        if state.running > 0 {
            self.stand_in(|state| &mut state.waiters, state, Reason::ErrGroupWait, at);
        }
    }

    /// Waits in one of the lists, until it is let go.
    fn stand_in(
        &self,
        list: fn(&mut State<E>) -> &mut WaitList,
        state: SpinGuard<'_, State<E>>,
        reason: Reason,
        at: &'static Location<'static>,
    ) {
        let line = Line {
            reason,
            at,
            deadline: NEVER,
        };
        // Without a deadline it does not come back with the lock.
        let _ = line.wait(&self.0.state, state, list, 0);
    }
}

fn options(site: &'static Location<'static>) -> Options {
    Options {
        name: None,
        stack: None,
        site,
        id: None,
    }
}

/// A place in the group, given back when it is dropped.
struct Member<E>(ErrGroup<E>);

impl<E> Drop for Member<E> {
    fn drop(&mut self) {
        let mut state = self.0.0.state.lock();
        state.running -= 1;
        let mut wakes = Wakes::new();
        state.admit(&mut wakes);
        if state.running == 0 {
            while let Some(waiter) = state.waiters.claim() {
                waiter.set_outcome(Outcome::Done);
                wakes.push(waiter);
            }
        }
        drop(state);
        wakes.ready();
    }
}

impl<E> Clone for ErrGroup<E> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<E> Default for ErrGroup<E> {
    fn default() -> Self {
        Self::new()
    }
}

// A panic leaves the group whole: no user code runs under its lock.
impl<E> UnwindSafe for ErrGroup<E> {}
impl<E> RefUnwindSafe for ErrGroup<E> {}

impl<E> fmt::Debug for ErrGroup<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not in one expression: the formatter is user code and must not run under the lock.
        let state = self.0.state.lock();
        let (running, limit) = (state.running, state.limit);
        drop(state);
        f.debug_struct("ErrGroup")
            .field("running", &running)
            .field("limit", &limit)
            .finish_non_exhaustive()
    }
}
