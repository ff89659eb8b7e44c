//! A goroutine's end as a future.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::thread;

use super::wakes;
use crate::task::JoinHandle;

/// A handle is a future for any executor: of the goroutine's result, as [`join`](JoinHandle::join) returns it.
///
/// Dropping it detaches the goroutine, polled or not; `join` may still be called on one that was pending.
///
/// # Panics
///
/// When it is polled again after it has returned the result, or if no stack can be had for the goroutine that wakes
/// futures.
///
/// # Examples
///
/// ```
/// let answer = csp::go!({ 42 });
/// assert_eq!(csp::block_on(answer).unwrap(), 42);
/// ```
impl<T> Future for JoinHandle<T> {
    type Output = thread::Result<T>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<thread::Result<T>> {
        self.get_mut().poll_end(wakes::lease, context.waker())
    }
}
