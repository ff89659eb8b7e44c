//! Monotonic time in nanoseconds, as a plain number.
//!
//! Deadlines are compared, stored in atomics and kept in heaps, so they are `u64`. On Linux the
//! number is `CLOCK_MONOTONIC` itself (a vDSO call, no system call); elsewhere it counts from an
//! anchor that the process takes once. [`NEVER`] is the deadline that does not come; every sum
//! saturates there.
//!
//! `Instant` cannot be made from a number, so conversions go through the anchor, a pair of both
//! clocks read together. They are not read at the same moment: the anchor takes the nanoseconds
//! second, so that an `Instant` converts to a number that is late by the pause between the two
//! reads and never early. A deadline given as an `Instant` is not fired before its time.
//!
//! [`init`] takes the anchor at a moment of the caller's choosing. The first conversion does so
//! otherwise, behind a lock of the standard library, which the scheduler's own loop has to avoid.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// The deadline that does not come.
pub(crate) const NEVER: u64 = u64::MAX;

/// An `Instant` this far ahead stands for [`NEVER`]: every platform can represent it.
const FAR: Duration = Duration::from_secs(60 * 60 * 24 * 365 * 30);

/// The same moment on both clocks.
struct Anchor {
    instant: Instant,
    ns: u64,
}

static ANCHOR: OnceLock<Anchor> = OnceLock::new();

fn anchor() -> &'static Anchor {
    ANCHOR.get_or_init(|| {
        let instant = Instant::now();
        Anchor {
            instant,
            ns: system_now(instant),
        }
    })
}

/// Takes the anchor for the conversions, if that has not happened.
pub(crate) fn init() {
    anchor();
}

/// Returns the time now.
#[inline]
#[cfg(target_os = "linux")]
pub(crate) fn now() -> u64 {
    monotonic()
}

/// Returns the time now.
#[cfg(not(target_os = "linux"))]
pub(crate) fn now() -> u64 {
    from_instant(Instant::now())
}

/// The number for the anchor's `Instant`, read just before.
#[cfg(target_os = "linux")]
fn system_now(_instant: Instant) -> u64 {
    monotonic()
}

/// The number for the anchor's `Instant`: the origin is ours to choose. It is not zero, so that an
/// `Instant` somewhat before the anchor keeps its distance.
#[cfg(not(target_os = "linux"))]
fn system_now(_instant: Instant) -> u64 {
    1 << 60
}

#[inline]
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "clock_gettime")]
fn monotonic() -> u64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `time` is a local that the call fills in. The clock exists on every Linux, so the
    // call does not fail.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time) };
    // Both are positive: the clock starts at zero when the machine does.
    (time.tv_sec as u64) * 1_000_000_000 + time.tv_nsec as u64
}

/// Returns the moment `d` from now, or [`NEVER`] if that is out of range.
#[inline]
pub(crate) fn deadline(d: Duration) -> u64 {
    now().saturating_add(nanos(d))
}

/// The duration in nanoseconds, or the largest number.
fn nanos(d: Duration) -> u64 {
    u64::try_from(d.as_nanos()).unwrap_or(u64::MAX)
}

/// Converts to the standard library's clock; [`NEVER`] is some decades ahead.
pub(crate) fn to_instant(ns: u64) -> Instant {
    let anchor = anchor();
    if ns >= anchor.ns {
        let ahead = Duration::from_nanos(ns - anchor.ns).min(FAR);
        anchor.instant.checked_add(ahead)
    } else {
        let ago = Duration::from_nanos(anchor.ns - ns);
        anchor.instant.checked_sub(ago)
    }
    .unwrap_or(anchor.instant)
}

/// Converts from the standard library's clock; what is out of range is 0 or [`NEVER`].
pub(crate) fn from_instant(instant: Instant) -> u64 {
    let anchor = anchor();
    match instant.checked_duration_since(anchor.instant) {
        Some(ahead) => anchor.ns.saturating_add(nanos(ahead)),
        None => {
            let ago = anchor.instant.duration_since(instant);
            anchor.ns.saturating_sub(nanos(ago))
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{NEVER, deadline, from_instant, now, to_instant};
    use std::time::{Duration, Instant};

    #[test]
    fn time_does_not_go_back() {
        let mut last = now();
        for _ in 0..10_000 {
            let next = now();
            assert!(next >= last);
            last = next;
        }
    }

    #[test]
    fn deadlines_saturate() {
        assert_eq!(deadline(Duration::MAX), NEVER);
        assert_eq!(deadline(Duration::from_nanos(u64::MAX)), NEVER);
        let hour = Duration::from_secs(3600);
        let before = now();
        assert!(deadline(hour) - before >= 3600 * 1_000_000_000);
    }

    #[test]
    fn a_round_trip_is_exact() {
        let here = Instant::now();
        assert_eq!(to_instant(from_instant(here)), here);
        let ns = now() + 12_345;
        assert_eq!(from_instant(to_instant(ns)), ns);
    }

    #[test]
    fn an_instant_converts_late_and_never_early() {
        let before = now();
        let converted = from_instant(Instant::now());
        assert!(converted >= before);
    }

    #[test]
    fn both_clocks_run_at_the_same_rate() {
        let (ns, instant) = (now(), Instant::now());
        let day = Duration::from_secs(86_400);
        assert_eq!(
            from_instant(instant + day) - from_instant(instant),
            86_400_000_000_000
        );
        assert_eq!(to_instant(ns + 86_400_000_000_000) - to_instant(ns), day);
    }

    #[test]
    fn never_is_far_ahead() {
        let far = to_instant(NEVER);
        assert!(far > Instant::now() + Duration::from_secs(86_400 * 365 * 20));
    }

    #[test]
    fn the_past_converts() {
        let instant = Instant::now();
        if let Some(past) = instant.checked_sub(Duration::from_millis(10)) {
            assert_eq!(from_instant(instant) - from_instant(past), 10_000_000);
        }
    }
}
