//! The receiving side.

use std::fmt;
use std::panic::{Location, RefUnwindSafe, UnwindSafe};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::alarm::Alarm;
#[cfg(not(loom))]
use super::alarm::Awaiting;
use super::core::Ended;
#[cfg(not(loom))]
use super::done::Ending;
use super::done::{self, Done};
use super::error::{RecvTimeoutError, TryRecvError};
#[cfg(not(loom))]
use super::future::Receiving;
use super::iter::{IntoIter, Iter, TryIter};
use super::shared::Handle;
use crate::goroutine::Reason;
use crate::primitive::clock::{self, NEVER};
use crate::primitive::section;
use crate::sched;
use crate::wait::Task;

/// The receiving side of a channel; made by [`channel`](crate::channel),
/// [`unbounded`](crate::unbounded), [`never`](crate::never) and [`after`](crate::after).
///
/// Receivers can be cloned and shared; each value goes to one of them. A receiver is an iterator that
/// ends when the channel is closed and drained.
pub struct Receiver<T>(pub(super) Flavor<T>);

/// What the receiver receives from.
pub(super) enum Flavor<T> {
    /// Senders.
    Channel(Handle<T>),
    /// The clock; the function makes the message, and is the identity since `T` is `Instant`.
    Alarm(Arc<Alarm>, fn(Instant) -> T),
    /// Nobody, until it is closed.
    Done(Arc<dyn Done>),
    /// Nobody.
    Never,
}

/// What a future receives from.
#[cfg(not(loom))]
pub(crate) enum Source<'a, T> {
    Channel(Receiving<'a, T>),
    Alarm(Awaiting<'a>, fn(Instant) -> T),
    Done(Ending<'a>),
    Never,
}

#[cfg(not(loom))]
impl<T> Receiver<T> {
    /// For a future.
    pub(crate) fn source(&self) -> Source<'_, T> {
        match &self.0 {
            Flavor::Channel(channel) => Source::Channel(Receiving::new(channel)),
            Flavor::Alarm(alarm, make) => Source::Alarm(Awaiting::new(alarm), *make),
            Flavor::Done(done) => Source::Done(Ending::new(done.signal())),
            Flavor::Never => Source::Never,
        }
    }
}

impl Receiver<Instant> {
    /// Receives from the clock.
    pub(crate) fn from_alarm(alarm: Arc<Alarm>) -> Self {
        Self(Flavor::Alarm(alarm, |tick| tick))
    }
}

impl Receiver<()> {
    /// Receives nothing, and is closed when `done` is.
    pub(crate) fn from_done(done: Arc<dyn Done>) -> Self {
        Self(Flavor::Done(done))
    }
}

impl<T> Receiver<T> {
    /// Receives a value, waiting until there is one. `None` means that the channel is closed and
    /// drained.
    ///
    /// # Examples
    ///
    /// ```
    /// let (tx, rx) = csp::channel(2);
    /// tx.send(1).unwrap();
    /// drop(tx);
    /// assert_eq!(rx.recv(), Some(1));
    /// assert_eq!(rx.recv(), None);
    /// ```
    #[inline]
    #[track_caller]
    pub fn recv(&self) -> Option<T> {
        let at = Location::caller();
        match &self.0 {
            Flavor::Channel(channel) => channel.recv(NEVER, at).ok().flatten(),
            Flavor::Alarm(alarm, make) => alarm.take(NEVER, at).map(make),
            Flavor::Done(done) => {
                done.signal().wait(NEVER, at);
                None
            }
            Flavor::Never => sched::park_forever(Reason::ChanReceiveNil, at),
        }
    }

    /// Receives a value if one is there.
    ///
    /// If it meets a `select!` that is about to send here, it waits for that select's value, however
    /// long its VALUE takes.
    ///
    /// # Errors
    ///
    /// `Empty` if nothing is there now, `Closed` if the channel is closed and drained.
    #[track_caller]
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        match &self.0 {
            Flavor::Channel(channel) => {
                channel
                    .try_recv(Location::caller())
                    .map_err(|ended| match ended {
                        Ended::Closed => TryRecvError::Closed,
                        Ended::TimedOut => TryRecvError::Empty,
                    })
            }
            Flavor::Alarm(alarm, make) => alarm.try_take().map(make).ok_or(TryRecvError::Empty),
            Flavor::Done(done) if done.signal().is_closed() => Err(TryRecvError::Closed),
            Flavor::Done(_) | Flavor::Never => Err(TryRecvError::Empty),
        }
    }

    /// Receives a value, waiting at most `timeout`.
    ///
    /// If it meets a `select!` that is about to send here, it waits for that select's value, however
    /// long its VALUE takes.
    ///
    /// # Errors
    ///
    /// `Timeout` if the time was up first, `Closed` if the channel is closed and drained.
    #[track_caller]
    pub fn recv_timeout(&self, timeout: Duration) -> Result<T, RecvTimeoutError> {
        let at = Location::caller();
        let deadline = clock::deadline(timeout);
        match &self.0 {
            Flavor::Channel(channel) => match channel.recv(deadline, at) {
                Ok(Some(value)) => Ok(value),
                Ok(None) => Err(RecvTimeoutError::Closed),
                Err(_) => Err(RecvTimeoutError::Timeout),
            },
            Flavor::Alarm(alarm, make) => alarm
                .take(deadline, at)
                .map(make)
                .ok_or(RecvTimeoutError::Timeout),
            Flavor::Done(done) => Err(if done.signal().wait(deadline, at) {
                RecvTimeoutError::Closed
            } else {
                RecvTimeoutError::Timeout
            }),
            Flavor::Never => {
                Task::warm_up();
                let _inside = section::enter();
                let task = Task::current();
                let wait = task.ticket().open();
                task.park_until(wait, deadline, Reason::ChanReceiveNil, at);
                task.ticket().close(wait);
                Err(RecvTimeoutError::Timeout)
            }
        }
    }

    /// Iterates over the values until the channel is closed and drained, waiting for each.
    pub fn iter(&self) -> Iter<'_, T> {
        Iter::new(self)
    }

    /// Iterates over the values that are there, without waiting.
    pub fn try_iter(&self) -> TryIter<'_, T> {
        TryIter::new(self)
    }

    /// Closes the channel from the receiving side: sends fail from now on, and what is buffered can
    /// still be received. Does nothing to a channel that only the clock sends on, or that a context closes.
    pub fn close(&self) {
        if let Flavor::Channel(channel) = &self.0 {
            let wakes = channel.lock_for_long().close();
            wakes.ready();
        }
    }

    /// Whether the channel is closed; buffered values may still be there.
    pub fn is_closed(&self) -> bool {
        match &self.0 {
            Flavor::Channel(channel) => channel.lock().is_closed(),
            Flavor::Done(done) => done.signal().is_closed(),
            Flavor::Alarm(..) | Flavor::Never => false,
        }
    }

    /// How many values are buffered.
    pub fn len(&self) -> usize {
        match &self.0 {
            Flavor::Channel(channel) => channel.lock().len(),
            Flavor::Alarm(alarm, _) => usize::from(alarm.is_due()),
            Flavor::Done(_) | Flavor::Never => 0,
        }
    }

    /// Whether nothing is buffered.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the buffer has no room; always true without a buffer.
    pub fn is_full(&self) -> bool {
        match &self.0 {
            Flavor::Channel(channel) => {
                let state = channel.lock();
                state.len() >= state.capacity()
            }
            Flavor::Alarm(alarm, _) => alarm.is_due(),
            Flavor::Done(_) | Flavor::Never => true,
        }
    }

    /// The most values that can be buffered; `None` if there is no limit.
    pub fn capacity(&self) -> Option<usize> {
        match &self.0 {
            Flavor::Channel(channel) => {
                Some(channel.lock().capacity()).filter(|&capacity| capacity != usize::MAX)
            }
            Flavor::Alarm(..) => Some(1),
            Flavor::Done(_) | Flavor::Never => Some(0),
        }
    }

    /// Whether both receive from the same channel.
    pub fn same_channel(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Flavor::Channel(a), Flavor::Channel(b)) => a.same(b),
            (Flavor::Alarm(a, _), Flavor::Alarm(b, _)) => Arc::ptr_eq(a, b),
            (Flavor::Done(a), Flavor::Done(b)) => done::same(a, b),
            (Flavor::Never, Flavor::Never) => true,
            _ => false,
        }
    }
}

// A panic leaves a channel whole: no user code runs under its lock.
impl<T> UnwindSafe for Receiver<T> {}
impl<T> RefUnwindSafe for Receiver<T> {}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        Self(match &self.0 {
            Flavor::Channel(channel) => Flavor::Channel(channel.clone_receiver()),
            Flavor::Alarm(alarm, make) => Flavor::Alarm(alarm.clone(), *make),
            Flavor::Done(done) => Flavor::Done(done.clone()),
            Flavor::Never => Flavor::Never,
        })
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        if let Flavor::Channel(channel) = &self.0 {
            channel.drop_receiver();
        }
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver")
            .field("len", &self.len())
            .field("capacity", &self.capacity())
            .finish_non_exhaustive()
    }
}

impl<T> IntoIterator for Receiver<T> {
    type Item = T;
    type IntoIter = IntoIter<T>;

    fn into_iter(self) -> IntoIter<T> {
        IntoIter::new(self)
    }
}

impl<'a, T> IntoIterator for &'a Receiver<T> {
    type Item = T;
    type IntoIter = Iter<'a, T>;

    fn into_iter(self) -> Iter<'a, T> {
        self.iter()
    }
}
