//! The sending side.

use std::fmt;
use std::panic::{Location, RefUnwindSafe, UnwindSafe};
use std::time::Duration;

use super::core::Unsent;
use super::error::{SendError, SendTimeoutError, TrySendError};
#[cfg(not(loom))]
use super::future::Sending;
use super::shared::Handle;
use super::state::Sent;
use crate::primitive::clock::{self, NEVER};

/// The sending side of a channel; made by [`channel`](crate::channel) and
/// [`unbounded`](crate::unbounded).
///
/// Senders can be cloned and shared. When the last one is dropped the channel closes, and receivers
/// get what is still buffered, then `None`.
pub struct Sender<T>(pub(super) Handle<T>);

impl<T> Sender<T> {
    /// Sends a value, waiting until a receiver takes it or the buffer has room.
    ///
    /// # Errors
    ///
    /// If the channel is closed or has no receiver left, before or while it waits. The value comes
    /// back in the error.
    ///
    /// # Examples
    ///
    /// ```
    /// let (tx, rx) = csp::channel(1);
    /// tx.send("first").unwrap();
    /// assert_eq!(rx.recv(), Some("first"));
    /// drop(rx);
    /// assert_eq!(tx.send("second").unwrap_err().into_inner(), "second");
    /// ```
    #[inline]
    #[track_caller]
    pub fn send(&self, value: T) -> Result<(), SendError<T>> {
        match self.0.send(value, NEVER, Location::caller()) {
            Ok(()) => Ok(()),
            Err(Unsent::Closed(value) | Unsent::Timeout(value)) => Err(SendError(value)),
        }
    }

    /// Sends a value if that is possible without waiting: a receiver waits, or the buffer has room.
    ///
    /// # Errors
    ///
    /// `Full` if it is not possible now, `Closed` as for [`send`](Self::send); the value comes back.
    ///
    /// # Examples
    ///
    /// ```
    /// use csp::TrySendError;
    ///
    /// let (tx, rx) = csp::channel(1);
    /// assert_eq!(tx.try_send(1), Ok(()));
    /// assert_eq!(tx.try_send(2), Err(TrySendError::Full(2)));
    /// drop(rx);
    /// assert_eq!(tx.try_send(3), Err(TrySendError::Closed(3)));
    /// ```
    pub fn try_send(&self, mut value: T) -> Result<(), TrySendError<T>> {
        loop {
            let sent = self.0.lock().send(value);
            match sent {
                Sent::Done(peer) => {
                    if let Some(peer) = peer {
                        peer.ready();
                    }
                    return Ok(());
                }
                Sent::Full(value) => return Err(TrySendError::Full(value)),
                Sent::Closed(value) => return Err(TrySendError::Closed(value)),
                Sent::Grow(back) => {
                    value = back;
                    self.0.grow();
                }
            }
        }
    }

    /// Sends a value, waiting at most `timeout`.
    ///
    /// # Errors
    ///
    /// `Timeout` if the time was up first, `Closed` as for [`send`](Self::send); the value comes
    /// back.
    #[track_caller]
    pub fn send_timeout(&self, value: T, timeout: Duration) -> Result<(), SendTimeoutError<T>> {
        let deadline = clock::deadline(timeout);
        match self.0.send(value, deadline, Location::caller()) {
            Ok(()) => Ok(()),
            Err(Unsent::Closed(value)) => Err(SendTimeoutError::Closed(value)),
            Err(Unsent::Timeout(value)) => Err(SendTimeoutError::Timeout(value)),
        }
    }

    /// Closes the channel: sends fail from now on, and receivers get what is buffered, then `None`.
    /// Closing twice does nothing.
    pub fn close(&self) {
        let wakes = self.0.lock_for_long().close();
        wakes.ready();
    }

    /// Whether the channel is closed or has no receiver left.
    pub fn is_closed(&self) -> bool {
        self.0.lock().is_closed()
    }

    /// How many values are buffered.
    pub fn len(&self) -> usize {
        self.0.lock().len()
    }

    /// Whether nothing is buffered.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the buffer has no room; always true without a buffer.
    pub fn is_full(&self) -> bool {
        let state = self.0.lock();
        state.len() >= state.capacity()
    }

    /// The most values that can be buffered; `None` if there is no limit.
    pub fn capacity(&self) -> Option<usize> {
        Some(self.0.lock().capacity()).filter(|&capacity| capacity != usize::MAX)
    }

    /// Whether both send to the same channel.
    pub fn same_channel(&self, other: &Self) -> bool {
        self.0.same(&other.0)
    }
}

#[cfg(not(loom))]
impl<T> Sender<T> {
    /// For a future.
    pub(crate) fn sending(&self, value: T) -> Sending<'_, T> {
        Sending::new(&self.0, value)
    }
}

// A panic leaves a channel whole: no user code runs under its lock.
impl<T> UnwindSafe for Sender<T> {}
impl<T> RefUnwindSafe for Sender<T> {}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone_sender())
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.0.drop_sender();
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender")
            .field("len", &self.len())
            .field("capacity", &self.capacity())
            .finish_non_exhaustive()
    }
}
