//! From a closure to a runnable goroutine.
//!
//! A spawn on a goroutine takes the slot that its P freed last, writes the closure into it once, and
//! puts the goroutine into the P's queue: no allocation, no lock.
#![expect(unsafe_code, reason = "moves closure and result through the slot")]

use std::any::Any;
use std::fmt;
use std::io;
use std::mem;
use std::panic::{self, AssertUnwindSafe, Location};
use std::sync::OnceLock;
use std::thread;

use super::stored::Stored;
use super::{handle, overflow, panic as hook};
use crate::coroutine::Command;
use crate::goroutine::{self, Goroutine};
use crate::locals;
use crate::protocol::join::Finished;
use crate::sched::{self, Processor, current};
use crate::stacks::{SizeClass, StackError, default};

/// How a goroutine is to be started.
pub(crate) struct Options {
    pub(crate) name: Option<String>,
    /// Bytes; `None` for the default.
    pub(crate) stack: Option<usize>,
    /// Where `go!` stands.
    pub(crate) site: &'static Location<'static>,
    /// For main, which is number 1; others are numbered by their P.
    pub(crate) id: Option<u64>,
}

impl Options {
    /// Whether only the site is given.
    #[inline(always)]
    fn is_plain(&self) -> bool {
        self.name.is_none() && self.stack.is_none() && self.id.is_none()
    }
}

/// Why a goroutine could not be started.
#[derive(Debug)]
pub(crate) enum SpawnError {
    /// There is no stack for it.
    NoStack(StackError),
    /// The runtime could not be started.
    NotStarted(io::ErrorKind),
}

impl fmt::Display for SpawnError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoStack(error) => write!(f, "cannot start a goroutine: {error}"),
            Self::NotStarted(kind) => write!(
                f,
                "cannot start the runtime's threads: {kind}; {}",
                sched::creator::ADVICE
            ),
        }
    }
}

impl From<SpawnError> for io::Error {
    fn from(error: SpawnError) -> Self {
        match error {
            SpawnError::NoStack(error) => error.into(),
            SpawnError::NotStarted(kind) => Self::new(kind, error.to_string()),
        }
    }
}

/// What a goroutine runs: the closure, and what is to happen when its result is in place.
struct Work<F, A> {
    body: F,
    after: A,
}

/// What happens at the end of a goroutine, before and after its result can be joined. Dropped instead if the goroutine cannot be
/// started.
pub(crate) trait After {
    /// The closure has returned or panicked and the goroutine's locals are gone; the result cannot be joined yet. An
    /// error takes the result's place.
    #[inline]
    fn left(&mut self) -> thread::Result<()> {
        Ok(())
    }

    /// The goroutine has panicked and nobody holds a handle to it.
    fn panicked(&self, payload: Box<dyn Any + Send>) {
        goroutine::discard(payload);
    }

    /// The goroutine has ended.
    fn ended(self);
}

impl After for () {
    fn ended(self) {}
}

/// Makes sure that the runtime is running.
///
/// # Errors
///
/// If the system refuses the threads it needs; it is not tried again.
pub(crate) fn ensure_started() -> Result<(), SpawnError> {
    static STARTED: OnceLock<Result<(), io::ErrorKind>> = OnceLock::new();
    let started = STARTED.get_or_init(|| {
        crate::primitive::clock::init();
        // Before there is a goroutine.
        default::from_environment();
        overflow::install();
        sched::start().map_err(|error| error.kind())
    });
    // Outside, because the hook's lock is held by whoever starts the runtime from a panic hook.
    hook::install();
    started.map_err(SpawnError::NotStarted)
}

/// As [`ensure_started`].
///
/// # Panics
///
/// Instead of the error.
pub(crate) fn start_or_panic() {
    ensure_started().unwrap_or_else(|error| panic!("{error}"));
}

/// Starts a goroutine.
///
/// # Safety
///
/// What `body`, its result and `after` borrow outlives the goroutine.
#[inline]
pub(super) unsafe fn spawn_unchecked<F, T, A>(
    options: Options,
    body: F,
    after: A,
) -> Result<&'static Goroutine, SpawnError>
where
    F: FnOnce() -> T,
    A: After,
{
    let size = const {
        let (work, result) = (
            Stored::<Work<F, A>>::SIZE,
            Stored::<thread::Result<T>>::SIZE,
        );
        if work > result { work } else { result }
    };
    if !Stored::<Work<F, A>>::BOXED
        && options.is_plain()
        && let Some(inside) = current::enter()
    {
        // All in one section: nothing here allocates. If there is no slot it ends before the closure is dropped.
        let p = inside.processor();
        let (g, id) = take_own_slot(p)?;
        let place = g.start(size, run::<F, T, A>, id, options.site);
        // SAFETY: `start` gave a place of `size` bytes that is ours until the goroutine runs.
        unsafe { Stored::put(place, Work { body, after }) };
        sched::ready_new_on(p, g);
        return Ok(g);
    }
    let (g, id) = take_slot(options.stack)?;
    if let Some(name) = options.name {
        g.set_name(name.into_boxed_str());
    }
    let place = g.start(size, run::<F, T, A>, options.id.unwrap_or(id), options.site);
    // SAFETY: `start` gave a place of `size` bytes that is ours until the goroutine runs.
    unsafe { Stored::put(place, Work { body, after }) };
    sched::ready_new(g);
    Ok(g)
}

/// Starts a goroutine that borrows nothing.
#[inline]
pub(crate) fn spawn<F, T>(options: Options, body: F) -> Result<handle::JoinHandle<T>, SpawnError>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    spawn_with(options, body, ())
}

/// As [`spawn`], with something that is to happen at the end.
#[inline]
pub(crate) fn spawn_with<F, T, A>(
    options: Options,
    body: F,
    after: A,
) -> Result<handle::JoinHandle<T>, SpawnError>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
    A: After + Send + 'static,
{
    // SAFETY: everything is 'static.
    let g = unsafe { spawn_unchecked(options, body, after)? };
    Ok(handle::JoinHandle::new(g))
}

/// Sets the size of stacks for which no size is named, if the program has a wish, and returns that of
/// main's stack; see `stack::default`.
pub(crate) fn set_default_stack(bytes: Option<usize>) -> Result<usize, SpawnError> {
    let wish = bytes.map(class_for).transpose()?;
    Ok(default::set(wish).slot_size())
}

fn class_for(bytes: usize) -> Result<SizeClass, SpawnError> {
    SizeClass::for_bytes(bytes).ok_or(SpawnError::NoStack(StackError::TooLarge { bytes }))
}

/// Takes a free slot and a number.
#[cold]
#[inline(never)]
fn take_slot(stack: Option<usize>) -> Result<(&'static Goroutine, u64), SpawnError> {
    match current::enter() {
        Some(inside) if stack.is_none() => take_own_slot(inside.processor()),
        Some(inside) => take_slot_slow(Some(inside.processor()), stack),
        None => take_slot_slow(None, stack),
    }
}

#[inline]
fn take_own_slot(p: &'static Processor) -> Result<(&'static Goroutine, u64), SpawnError> {
    p.with_local(|local| {
        let g = local.free.take().map_err(SpawnError::NoStack)?;
        Ok((g, p.start_goroutine(local)))
    })
}

#[cold]
fn take_slot_slow(
    p: Option<&'static Processor>,
    stack: Option<usize>,
) -> Result<(&'static Goroutine, u64), SpawnError> {
    if p.is_none() {
        ensure_started()?;
    }
    let class = match stack {
        Some(bytes) => class_for(bytes)?,
        None => default::class(),
    };
    let g = goroutine::acquire(class).map_err(SpawnError::NoStack)?;
    let id = match p {
        Some(p) => p.with_local(|local| p.start_goroutine(local)),
        None => {
            sched::count_thread_start();
            sched::take_id()
        }
    };
    Ok((g, id))
}

/// The first function of every goroutine: runs the closure and leaves the result.
fn run<F, T, A>(g: &'static Goroutine) -> Command
where
    F: FnOnce() -> T,
    A: After,
{
    let place = g.result();
    // SAFETY: `spawn_unchecked` put it there; a goroutine starts once.
    let Work { body, mut after } = unsafe { Stored::<Work<F, A>>::take(place) };
    let mut result = locals::end(g, panic::catch_unwind(AssertUnwindSafe(body)));
    if result.is_err() {
        hook::panicked();
    }
    if let Err(payload) = after.left() {
        result = fail(result, payload);
    }
    let command = if g.join().finish_detached() {
        end_detached::<T, A>(g, result, &after)
    } else {
        // SAFETY: the work is gone, and the place is large enough for either.
        unsafe { Stored::<thread::Result<T>>::put(place, result) };
        match g.join().finish() {
            Finished::Detached => {
                // SAFETY: it has just been put there, and with no handle nobody else takes it.
                let result = unsafe { Stored::<thread::Result<T>>::take(place) };
                end_detached::<T, A>(g, result, &after)
            }
            Finished::Held => Command::Done,
            Finished::Waited(waiter) => {
                handle::wake(waiter);
                Command::Done
            }
        }
    };
    after.ended();
    command
}

/// The end of a goroutine whose result nobody wants: drops that, and leaves the slot clear.
#[inline(always)]
fn end_detached<T, A: After>(
    g: &'static Goroutine,
    result: thread::Result<T>,
    after: &A,
) -> Command {
    if mem::needs_drop::<T>() || result.is_err() {
        drop_result(g, result, after);
    }
    g.clear();
    Command::DoneDetached
}

/// A panic after the closure's end: the result of a goroutine that had not panicked yet.
#[cold]
fn fail<T>(result: thread::Result<T>, payload: Box<dyn Any + Send>) -> thread::Result<T> {
    hook::panicked();
    match result {
        Ok(value) => {
            if let Err(again) = panic::catch_unwind(AssertUnwindSafe(|| drop(value))) {
                goroutine::discard(again);
            }
            Err(payload)
        }
        Err(first) => {
            goroutine::discard(payload);
            Err(first)
        }
    }
}

#[inline(never)]
fn drop_result<T, A: After>(g: &'static Goroutine, result: thread::Result<T>, after: &A) {
    let mut dropped = match result {
        Ok(value) => panic::catch_unwind(AssertUnwindSafe(|| drop(value))),
        Err(payload) => {
            after.panicked(payload);
            Ok(())
        }
    };
    // What was dropped may have made locals again, and so may a payload.
    while let Err(payload) = locals::end(g, dropped) {
        hook::panicked();
        after.panicked(payload);
        dropped = Ok(());
    }
}
