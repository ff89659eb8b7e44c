//! What may stand in a `select!` arm.

use std::sync::Arc;

use super::{Receiver, Sender};

/// Something a `select!` arm can receive from: a `Receiver`, a timer, or an `Option` of these.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be received from in `select!`",
    label = "expected a `Receiver`, `&Receiver`, `Timer`, `Ticker`, or an `Option` of one",
    note = "a receive arm is `PAT = <-RX => BODY`"
)]
pub trait RecvSource<T> {
    /// The channel, or `None` if the arm shall never be ready.
    fn receiver(&self) -> Option<&Receiver<T>>;
}

/// Something a `select!` arm can send to: a `Sender`, or an `Option` of one.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be sent to in `select!`",
    label = "expected a `Sender`, `&Sender`, or an `Option` of one",
    note = "a send arm is `TX <- VALUE => BODY`"
)]
pub trait SendSource<T> {
    /// The channel, or `None` if the arm shall never be ready.
    fn sender(&self) -> Option<&Sender<T>>;
}

impl<T> RecvSource<T> for Receiver<T> {
    fn receiver(&self) -> Option<&Receiver<T>> {
        Some(self)
    }
}

impl<T, S: RecvSource<T> + ?Sized> RecvSource<T> for &S {
    fn receiver(&self) -> Option<&Receiver<T>> {
        (**self).receiver()
    }
}

impl<T, S: RecvSource<T>> RecvSource<T> for Option<S> {
    fn receiver(&self) -> Option<&Receiver<T>> {
        self.as_ref()?.receiver()
    }
}

impl<T, S: RecvSource<T> + ?Sized> RecvSource<T> for Arc<S> {
    fn receiver(&self) -> Option<&Receiver<T>> {
        (**self).receiver()
    }
}

impl<T> SendSource<T> for Sender<T> {
    fn sender(&self) -> Option<&Sender<T>> {
        Some(self)
    }
}

impl<T, S: SendSource<T> + ?Sized> SendSource<T> for &S {
    fn sender(&self) -> Option<&Sender<T>> {
        (**self).sender()
    }
}

impl<T, S: SendSource<T>> SendSource<T> for Option<S> {
    fn sender(&self) -> Option<&Sender<T>> {
        self.as_ref()?.sender()
    }
}

impl<T, S: SendSource<T> + ?Sized> SendSource<T> for Arc<S> {
    fn sender(&self) -> Option<&Sender<T>> {
        (**self).sender()
    }
}
