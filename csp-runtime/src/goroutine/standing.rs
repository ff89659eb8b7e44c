//! Where a goroutine stands, in the words of a report.

use core::panic::Location;

use super::{Goroutine, Reason};
use crate::primitive::sync::Ordering;

/// Where a goroutine stands.
pub(crate) struct Standing {
    /// What it does or waits for.
    pub(crate) state: &'static str,
    /// Since when it waits or is in a blocking call, in the coarse clock's ticks, if it does.
    pub(crate) since: Option<u32>,
    /// Where it waits, if it does.
    pub(crate) at: Option<&'static Location<'static>>,
}

impl Goroutine {
    /// Where the goroutine stands; `None` if it has ended. From one look at its state, so that what is said fits
    /// together.
    pub(crate) fn standing(&self) -> Option<Standing> {
        if self.join.is_done() {
            return None;
        }
        let status = self.status.load(Ordering::Relaxed);
        let since = Some(self.since.load(Ordering::Relaxed));
        let at = self.waits_at();
        let (state, since, at) = match status {
            1 => ("runnable", None, None),
            2 => ("running", None, None),
            3 => {
                let reason = Reason::from_byte(self.reason.load(Ordering::Relaxed))?;
                (reason.text(), since, at)
            }
            4 => ("syscall", since, None),
            5 => ("runnable (tied to a busy thread)", None, None),
            _ => return None,
        };
        Some(Standing { state, since, at })
    }
}
