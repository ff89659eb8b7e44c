//! Receiving as a future.
//!
//! The channel does the waiting, see `channel::future`. For a channel that the clock sends on there is no timer, so a
//! pending receive has a goroutine that sleeps until the tick is due, and then has the future woken. It ends with the
//! future, at once; the tick is taken by the future itself, when it is polled, so a sleeper that comes too
//! late, or for nothing, does no harm.
#![expect(unsafe_code, reason = "pins a field of a pinned future")]

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use super::wakes;
use crate::channel::{self, Awaiting, Receiver, Receiving, RecvTimeoutError, Sender, Source};
use crate::primitive::clock::{self, NEVER};
use crate::task::{self, Options};
use crate::wait::{FutureTask, Lease, Task};

/// A receive as a future; see [`Receiver::recv_async`].
#[must_use = "a future does nothing unless it is polled"]
pub struct RecvFuture<'a, T> {
    /// Pinned with the future.
    source: Source<'a, T>,
    /// While it waits.
    lease: Option<Lease>,
    /// While it waits for the clock.
    sleeper: Option<Sleeper>,
    /// It has returned its value.
    done: bool,
    /// Where `recv_async` was called.
    at: &'static Location<'static>,
}

impl<T> Receiver<T> {
    /// Receives a value, as a future for any executor: [`block_on`](crate::block_on) here, or another library's. `None`
    /// means that the channel is closed and drained.
    ///
    /// Futures and tasks that wait in [`recv`](Self::recv) are served in the order in which they came; a future
    /// comes when it is first polled. A future that is dropped has received nothing: a value that had been handed to it
    /// is received by the next in its stead. The sender of such a value has gone on already, on a channel
    /// without a buffer too.
    ///
    /// So that nothing is lost, the buffer may then hold more than its capacity; of several values that come back, the last
    /// to come back is the first to go; and if the channel was closed and drained meanwhile, other receivers may have been
    /// told so before the value is there. A future that is kept, but polled no more, keeps a value that was handed to it.
    ///
    /// A receive from the clock takes a goroutine while it waits. An executor that needs a `'static` future gets it by
    /// `async move { rx.recv_async().await }`.
    ///
    /// # Panics
    ///
    /// When it is polled again after it has returned a value, or if no stack can be had for a goroutine it needs.
    ///
    /// # Examples
    ///
    /// ```
    /// let (tx, rx) = csp::channel(1);
    /// tx.send("for a future").unwrap();
    /// drop(tx);
    /// csp::block_on(async {
    ///     assert_eq!(rx.recv_async().await, Some("for a future"));
    ///     assert_eq!(rx.recv_async().await, None);
    /// });
    /// ```
    #[track_caller]
    pub fn recv_async(&self) -> RecvFuture<'_, T> {
        RecvFuture {
            source: self.source(),
            lease: None,
            sleeper: None,
            done: false,
            at: Location::caller(),
        }
    }
}

impl<T> Future for RecvFuture<'_, T> {
    type Output = Option<T>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        // SAFETY: nothing is moved out of `source`, which is used through the pinned references below; the other fields
        // are not pinned, and there is no `Drop` beside those of the fields.
        let this = unsafe { self.get_unchecked_mut() };
        assert!(!this.done, "`RecvFuture` polled after completion");
        let polled = match &this.source {
            Source::Channel(receiving) => {
                // SAFETY: a field of a pinned future, which stays where it is until it is dropped.
                let receiving = unsafe { Pin::new_unchecked(receiving) };
                poll_channel(receiving, &mut this.lease, context.waker())
            }
            Source::Alarm(awaiting, make) => {
                // SAFETY: as above.
                let awaiting = unsafe { Pin::new_unchecked(awaiting) };
                let tick = poll_alarm(
                    awaiting,
                    &mut this.lease,
                    &mut this.sleeper,
                    context.waker(),
                    this.at,
                );
                tick.map(|tick| Some(make(tick)))
            }
            Source::Done(ending) => {
                // SAFETY: as above.
                let ending = unsafe { Pin::new_unchecked(ending) };
                let lease = this.lease.get_or_insert_with(wakes::lease);
                lease.register(context.waker());
                let polled = ending.poll(lease.task());
                sleep_until(polled, lease, &mut this.sleeper, this.at).map(|()| None)
            }
            Source::Never => Poll::Pending,
        };
        if polled.is_ready() {
            this.done = true;
            this.lease = None;
            this.sleeper = None;
        }
        polled
    }
}

fn poll_channel<T>(
    receiving: Pin<&Receiving<'_, T>>,
    lease: &mut Option<Lease>,
    waker: &Waker,
) -> Poll<Option<T>> {
    let begun = lease.is_some();
    let lease = lease.get_or_insert_with(wakes::lease);
    if begun || !receiving.is_likely() {
        lease.register(waker);
    } else {
        match receiving.poll(lease.task()) {
            Some(value) => return Poll::Ready(value),
            None => lease.register(waker),
        }
    }
    match receiving.poll(lease.task()) {
        Some(value) => Poll::Ready(value),
        None => Poll::Pending,
    }
}

fn poll_alarm(
    awaiting: Pin<&Awaiting<'_>>,
    lease: &mut Option<Lease>,
    sleeper: &mut Option<Sleeper>,
    waker: &Waker,
    at: &'static Location<'static>,
) -> Poll<Instant> {
    let lease = lease.get_or_insert_with(wakes::lease);
    lease.register(waker);
    let polled = awaiting.poll(lease.task());
    sleep_until(polled, lease, sleeper, at)
}

/// Has a future that is not ready woken by the clock.
fn sleep_until<T>(
    polled: Result<T, u64>,
    lease: &Lease,
    sleeper: &mut Option<Sleeper>,
    at: &'static Location<'static>,
) -> Poll<T> {
    match polled {
        Ok(value) => return Poll::Ready(value),
        // Not by the clock: stopped, and a reset wakes, or without a deadline.
        Err(NEVER) => *sleeper = None,
        Err(until) if sleeper.as_ref().is_some_and(|there| there.until == until) => {}
        Err(until) => *sleeper = Some(Sleeper::start(until, lease.task(), at)),
    }
    Poll::Pending
}

/// A goroutine that sleeps until the clock sends, and then wakes a future; it ends when this is dropped.
struct Sleeper {
    /// In nanoseconds of the clock.
    until: u64,
    /// Closing it ends the sleep.
    _stop: Sender<Infallible>,
}

impl Sleeper {
    fn start(until: u64, future: &'static FutureTask, at: &'static Location<'static>) -> Self {
        let (stop, stopped) = channel::channel::<Infallible>(0);
        let options = Options {
            name: Some("csp-alarm".to_owned()),
            stack: None,
            site: at,
            id: None,
        };
        let spawned = task::spawn(options, move || {
            let rest = Duration::from_nanos(until.saturating_sub(clock::now()));
            if let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(rest) {
                Task::Future(future).ready();
            }
        });
        if let Err(error) = spawned {
            panic!("{error}");
        }
        Self { until, _stop: stop }
    }
}

impl<T> fmt::Debug for RecvFuture<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecvFuture")
            .field("done", &self.done)
            .finish_non_exhaustive()
    }
}
