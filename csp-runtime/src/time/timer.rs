//! One-shot timers.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::channel::{Alarm, Receiver, RecvSource, RecvTimeoutError, TryRecvError};
use crate::primitive::clock::{NEVER, deadline};

/// Returns a channel that receives the time once, after `d`.
///
/// A timeout in a `select!` is an arm `_ = <-after(d) => …`. An unused one costs nothing, however long
/// its time.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// let rx = csp::after(Duration::from_millis(2));
/// assert!(rx.recv().is_some());
/// ```
pub fn after(d: Duration) -> Receiver<Instant> {
    Receiver::from_alarm(Alarm::new(deadline(d), 0))
}

/// Sends the time once on its channel, and can be stopped and set again.
///
/// A `&Timer` can stand in a receive arm of `select!`.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// let timer = csp::time::Timer::new(Duration::from_secs(3600));
/// assert!(timer.reset(Duration::from_millis(1)));
/// timer.recv();
/// assert!(!timer.stop());
/// ```
pub struct Timer {
    alarm: Arc<Alarm>,
    receiver: Receiver<Instant>,
}

impl Timer {
    /// Makes a timer that sends after `d`.
    pub fn new(d: Duration) -> Self {
        let alarm = Alarm::new(deadline(d), 0);
        Self {
            receiver: Receiver::from_alarm(alarm.clone()),
            alarm,
        }
    }

    /// Stops the timer. True if its time had not been received yet; nothing is received afterwards.
    pub fn stop(&self) -> bool {
        self.alarm.set(NEVER, 0)
    }

    /// Sets the timer to send after `d` from now. True if its earlier time had not been received yet;
    /// that time is not received afterwards.
    pub fn reset(&self, d: Duration) -> bool {
        self.alarm.set(deadline(d), 0)
    }

    /// The channel the timer sends on.
    pub fn receiver(&self) -> &Receiver<Instant> {
        &self.receiver
    }

    /// Waits for the timer's time. Waits for ever if it is stopped and never set again.
    #[track_caller]
    pub fn recv(&self) -> Option<Instant> {
        self.receiver.recv()
    }

    /// Receives the timer's time if it has come.
    ///
    /// # Errors
    ///
    /// `Empty` if it has not.
    pub fn try_recv(&self) -> Result<Instant, TryRecvError> {
        self.receiver.try_recv()
    }

    /// Waits for the timer's time, at most for `timeout`.
    ///
    /// # Errors
    ///
    /// `Timeout` if the timeout was up first.
    #[track_caller]
    pub fn recv_timeout(&self, timeout: Duration) -> Result<Instant, RecvTimeoutError> {
        self.receiver.recv_timeout(timeout)
    }
}

impl RecvSource<Instant> for Timer {
    fn receiver(&self) -> Option<&Receiver<Instant>> {
        Some(&self.receiver)
    }
}

impl fmt::Debug for Timer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Timer(..)")
    }
}
