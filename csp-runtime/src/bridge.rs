//! Receiving from other libraries' channels in a goroutine's `select!`.
//!
//! ```text
//!   crossbeam senders ──▶ crossbeam channel ──▶ helper thread ──▶ csp channel ──▶ select! in goroutines
//! ```
//!
//! The helper must not take a message that nobody wants: a message taken from the one channel and not
//! yet received from the other would be lost with the receiver. So it first waits until there is a
//! message, then until a goroutine receives, and only then, with that receiver waiting, takes the
//! message; if another consumer was faster, the receiver goes on waiting. This is a `select!` send arm,
//! whose value is made after its peer was found.

use std::thread;

use crossbeam_channel as crossbeam;

use crate::channel::{Receiver, SendArm, Sender, channel_with_hook};
use crate::select::{self, SelectOptions, Selected};

/// Makes a receiver for goroutines out of a `crossbeam_channel` receiver.
///
/// Every message goes to exactly one receiver, those left when the bridge ends stay in the crossbeam
/// channel. When the crossbeam channel is disconnected and drained, the next receive finds the result
/// closed. When the last
/// clone of the result is dropped, the helper thread ends.
///
/// # Panics
///
/// If the system refuses the helper thread.
///
/// # Examples
///
/// ```
/// use csp::select;
///
/// let (tx, rx) = crossbeam_channel::unbounded();
/// let numbers = csp::bridge::from_crossbeam(rx);
/// std::thread::spawn(move || tx.send(42));
/// let got = csp::go!({
///     select! {
///         n = <-numbers => n,
///         _ = <-csp::after(std::time::Duration::from_secs(60)) => None,
///     }
/// });
/// assert_eq!(got.join().unwrap(), Some(42));
/// ```
pub fn from_crossbeam<T: Send + 'static>(source: crossbeam::Receiver<T>) -> Receiver<T> {
    // Dropped when the last receiver is: wakes the helper while it waits for a message.
    let (alive, gone) = crossbeam::bounded::<()>(0);
    let (tx, rx) = channel_with_hook(0, Box::new(move || drop(alive)));
    thread::Builder::new()
        .name("csp-bridge".into())
        .spawn(move || forward(&source, &gone, &tx))
        .unwrap_or_else(|error| panic!("cannot start the bridge's thread: {error}"));
    rx
}

fn forward<T>(source: &crossbeam::Receiver<T>, gone: &crossbeam::Receiver<()>, tx: &Sender<T>) {
    loop {
        let mut ready = crossbeam::Select::new();
        let message = ready.recv(source);
        ready.recv(gone);
        if ready.ready() != message {
            return;
        }
        let mut arm = SendArm::new(Some(tx));
        let options = SelectOptions {
            biased: true,
            has_default: false,
            has_else: false,
            mismatched: false,
        };
        let Selected::Arm(_) = select::select(&mut [&mut arm], options) else {
            return;
        };
        let permit = arm.take();
        if permit.is_closed() {
            return;
        }
        match source.try_recv() {
            Ok(message) => {
                if permit.send(message).is_err() {
                    return;
                }
            }
            // Another consumer was faster: dropping the permit lets the receiver go on waiting.
            Err(crossbeam::TryRecvError::Empty) => drop(permit),
            Err(crossbeam::TryRecvError::Disconnected) => {
                // Before the receiver is let go, so that it finds the channel closed.
                tx.close();
                return;
            }
        }
    }
}
