//! Channels: how goroutines and threads pass values to each other.
//!
//! | file | what |
//! |---|---|
//! | `sender`, `receiver`, `iter`, `error` | the public types |
//! | `shared` | who holds the channel, and when it is freed |
//! | `core` | the lock, and the operations that wait |
//! | `state` | what the lock protects, and its transitions |
//! | `buffer` | the ring of buffered values |
//! | `alarm` | channels that the clock sends on |
//! | `done` | channels that are closed once, by a call or by the clock |
//! | `future` | receives and sends of futures |
//! | `arm`, `permit`, `source` | a channel as an arm of a select |
//!
//! One lock a channel, as in Go, and one kind of channel for every capacity: a rendezvous is a buffer
//! of no places, and an unbounded channel one of `usize::MAX`. A lock-free ring per flavour was not
//! chosen, because a value must go straight to a parked receiver, a send without a value must be able
//! to reserve a place, and select wants to see several channels at one instant; with a lock of one
//! locked instruction an operation costs no more than a lock-free one.

mod alarm;
mod arm;
mod buffer;
mod core;
mod done;
mod error;
#[cfg(not(loom))]
mod future;
mod iter;
mod permit;
mod receiver;
mod sender;
mod shared;
mod source;
mod state;

pub(crate) use alarm::Alarm;
#[cfg(not(loom))]
pub(crate) use alarm::Awaiting;
pub use arm::{RecvArm, SendArm};
pub(crate) use done::{Done, Signal};
pub use error::{RecvTimeoutError, SendError, SendTimeoutError, TryRecvError, TrySendError};
#[cfg(not(loom))]
pub(crate) use future::{Receiving, Sending};
pub use iter::{IntoIter, Iter, TryIter};
pub use permit::SendPermit;
pub use receiver::Receiver;
#[cfg(not(loom))]
pub(crate) use receiver::Source;
pub use sender::Sender;
pub use source::{RecvSource, SendSource};

use receiver::Flavor;
use shared::{Handle, Hook};

/// Makes a channel with room for `capacity` values; with 0, a send waits until a receiver takes the
/// value.
///
/// Memory for the buffer is taken as it fills.
///
/// # Examples
///
/// ```
/// let (tx, rx) = csp::channel::<u32>(0);
/// let sum = csp::go!(rx.iter().sum::<u32>());
/// for n in 1..=4 {
///     tx.send(n).unwrap();
/// }
/// drop(tx);
/// assert_eq!(sum.join().unwrap(), 10);
/// ```
pub fn channel<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    let (tx, rx) = Handle::pair(capacity.min(usize::MAX - 1), None);
    (Sender(tx), Receiver(Flavor::Channel(rx)))
}

/// As [`channel`]; `hook` is called when the last receiver is gone.
pub(crate) fn channel_with_hook<T>(capacity: usize, hook: Hook) -> (Sender<T>, Receiver<T>) {
    let (tx, rx) = Handle::pair(capacity, Some(hook));
    (Sender(tx), Receiver(Flavor::Channel(rx)))
}

/// Makes a channel whose buffer grows without a limit: a send never waits.
///
/// # Examples
///
/// ```
/// let (tx, rx) = csp::unbounded();
/// for n in 0..1000 {
///     tx.send(n).unwrap();
/// }
/// assert_eq!(rx.len(), 1000);
/// ```
pub fn unbounded<T>() -> (Sender<T>, Receiver<T>) {
    let (tx, rx) = Handle::pair(usize::MAX, None);
    (Sender(tx), Receiver(Flavor::Channel(rx)))
}

/// Makes a receiver that never receives: Go's nil channel. In a `select!`, its arm is never ready.
///
/// # Examples
///
/// ```
/// let rx = csp::never::<u32>();
/// assert_eq!(rx.try_recv(), Err(csp::TryRecvError::Empty));
/// ```
pub fn never<T>() -> Receiver<T> {
    Receiver(Flavor::Never)
}
