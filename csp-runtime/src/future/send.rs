//! Sending as a future; the channel does the waiting, see `channel::future`.
#![expect(unsafe_code, reason = "pins a field of a pinned future")]

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::wakes;
use crate::channel::{SendError, Sender, Sending};
use crate::wait::Lease;

/// A send as a future; see [`Sender::send_async`].
#[must_use = "a future does nothing unless it is polled"]
pub struct SendFuture<'a, T> {
    /// Pinned with the future.
    sending: Sending<'a, T>,
    /// While it waits.
    lease: Option<Lease>,
    /// It has returned its result.
    done: bool,
}

impl<T> Sender<T> {
    /// Sends a value, as a future for any executor: [`block_on`](crate::block_on) here, or another library's.
    ///
    /// Futures and tasks that wait in [`send`](Self::send) are served in the order in which they came; a future
    /// comes when it is first polled. One that is dropped while it is pending has either sent its value, to a receiver
    /// that took it before, or drops it.
    ///
    /// # Errors
    ///
    /// As for [`send`](Self::send).
    ///
    /// # Panics
    ///
    /// When it is polled again after it has returned its result, or if no stack can be had for the goroutine that
    /// wakes futures.
    ///
    /// # Examples
    ///
    /// ```
    /// let (tx, rx) = csp::channel(0);
    /// let sum = csp::go!(rx.iter().sum::<u32>());
    /// csp::block_on(async move {
    ///     for n in 1..=4 {
    ///         tx.send_async(n).await.unwrap();
    ///     }
    /// });
    /// assert_eq!(sum.join().unwrap(), 10);
    /// ```
    pub fn send_async(&self, value: T) -> SendFuture<'_, T> {
        SendFuture {
            sending: self.sending(value),
            lease: None,
            done: false,
        }
    }
}

impl<T> Future for SendFuture<'_, T> {
    type Output = Result<(), SendError<T>>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        // SAFETY: nothing is moved out of `sending`, which is used through the pinned reference below; the other fields
        // are not pinned, and there is no `Drop` beside those of the fields.
        let this = unsafe { self.get_unchecked_mut() };
        assert!(!this.done, "`SendFuture` polled after completion");
        // SAFETY: a field of a pinned future, which stays where it is until it is dropped.
        let sending = unsafe { Pin::new_unchecked(&this.sending) };
        let begun = this.lease.is_some();
        let lease = this.lease.get_or_insert_with(wakes::lease);
        let mut sent = None;
        if !begun && sending.is_likely() {
            sent = sending.poll(lease.task());
        }
        if sent.is_none() {
            // Before the look that decides.
            lease.register(context.waker());
            sent = sending.poll(lease.task());
        }
        match sent {
            Some(result) => {
                this.done = true;
                this.lease = None;
                Poll::Ready(result)
            }
            None => Poll::Pending,
        }
    }
}

impl<T> fmt::Debug for SendFuture<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendFuture")
            .field("done", &self.done)
            .finish_non_exhaustive()
    }
}
