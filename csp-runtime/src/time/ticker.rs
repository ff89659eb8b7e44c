//! Periodic timers.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::channel::{Alarm, Receiver, RecvSource, RecvTimeoutError, TryRecvError};
use crate::primitive::clock::{NEVER, deadline};

/// Returns a channel that receives the time every `d`, for ever.
///
/// # Panics
///
/// If `d` is zero.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// let ticks = csp::time::tick(Duration::from_millis(1));
/// assert_eq!(ticks.iter().take(3).count(), 3);
/// ```
pub fn tick(d: Duration) -> Receiver<Instant> {
    Receiver::from_alarm(Alarm::new(deadline(d), period(d)))
}

/// Sends the time on its channel every period; a tick that nobody receives before the next is dropped.
///
/// Ticks do not drift: they come at multiples of the period from the start. A `&Ticker` can stand in
/// a receive arm of `select!`.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// let ticker = csp::time::Ticker::new(Duration::from_millis(1));
/// let first = ticker.recv().unwrap();
/// let second = ticker.recv().unwrap();
/// assert!(second - first >= Duration::from_millis(1));
/// ticker.stop();
/// ```
pub struct Ticker {
    alarm: Arc<Alarm>,
    receiver: Receiver<Instant>,
}

impl Ticker {
    /// Makes a ticker with a period of `d`.
    ///
    /// # Panics
    ///
    /// If `d` is zero.
    pub fn new(d: Duration) -> Self {
        let alarm = Alarm::new(deadline(d), period(d));
        Self {
            receiver: Receiver::from_alarm(alarm.clone()),
            alarm,
        }
    }

    /// Stops the ticker. True if it was ticking; nothing is received afterwards, and its channel
    /// is not closed.
    pub fn stop(&self) -> bool {
        self.alarm.set(NEVER, 0)
    }

    /// Sets a new period; the next tick comes one period from now. True if it was ticking.
    ///
    /// # Panics
    ///
    /// If `d` is zero.
    pub fn reset(&self, d: Duration) -> bool {
        self.alarm.set(deadline(d), period(d))
    }

    /// The channel the ticker sends on.
    pub fn receiver(&self) -> &Receiver<Instant> {
        &self.receiver
    }

    /// Waits for the next tick.
    #[track_caller]
    pub fn recv(&self) -> Option<Instant> {
        self.receiver.recv()
    }

    /// Receives a tick if one is due.
    ///
    /// # Errors
    ///
    /// `Empty` if none is.
    pub fn try_recv(&self) -> Result<Instant, TryRecvError> {
        self.receiver.try_recv()
    }

    /// Waits for the next tick, at most for `timeout`.
    ///
    /// # Errors
    ///
    /// `Timeout` if the timeout was up first.
    #[track_caller]
    pub fn recv_timeout(&self, timeout: Duration) -> Result<Instant, RecvTimeoutError> {
        self.receiver.recv_timeout(timeout)
    }
}

#[track_caller]
fn period(d: Duration) -> u64 {
    assert!(!d.is_zero(), "a ticker's period must be longer than zero");
    u64::try_from(d.as_nanos()).unwrap_or(NEVER)
}

impl RecvSource<Instant> for Ticker {
    fn receiver(&self) -> Option<&Receiver<Instant>> {
        Some(&self.receiver)
    }
}

impl fmt::Debug for Ticker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ticker(..)")
    }
}
