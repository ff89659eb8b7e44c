//! Monotonic time in nanoseconds, as a plain number.
//!
//! Deadlines are compared, stored in atomics and kept in heaps, so they are `u64`. The number counts
//! from an anchor, an `Instant` that the process takes once, so both ways of conversion are exact: a
//! deadline given as a duration from some `Instant` is never early, not even by the pause between two
//! readings of two clocks. [`NEVER`] is the deadline that does not come; every sum saturates there.
//!
//! [`init`] takes the anchor at a moment of the caller's choosing. The first use does so otherwise,
//! behind a lock of the standard library, which the scheduler's own loop has to avoid.
//!
//! # The coarse clock
//!
//! A goroutine that parks notes since when, which must not cost it a reading of the clock. So the time
//! also lies in a static, [`ticks`], where those put it who read the clock anyway and often enough:
//! sysmon with each look, at least every 10 ms while goroutines run, and an M that has slept. A tick is
//! 2^24 ns, about 17 ms; what is finer would claim to be known. 32 bits of them last 2.3 years, after
//! which waits of that length seem short again.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use super::pad::CachePadded;

/// The deadline that does not come.
pub(crate) const NEVER: u64 = u64::MAX;

/// An `Instant` this far ahead stands for [`NEVER`]: every platform can represent it.
const FAR: Duration = Duration::from_secs(60 * 60 * 24 * 365 * 30);

/// The number at the anchor. It is not zero, so that an `Instant` somewhat before the anchor keeps
/// its distance.
const ORIGIN: u64 = 1 << 60;

static ANCHOR: OnceLock<Instant> = OnceLock::new();

/// A tick of the coarse clock is two to this power of nanoseconds.
const TICK_SHIFT: u32 = 24;
/// By how many ticks a moment may seem to lie ahead: those who refresh the clock overtake each other.
const OVERTAKEN: u32 = 1 << 16;

/// The coarse clock. Alone on its cache line, which every M reads with every park.
static TICKS: CachePadded<AtomicU32> = CachePadded::new(AtomicU32::new(0));

#[inline]
fn anchor() -> Instant {
    *ANCHOR.get_or_init(Instant::now)
}

/// Takes the anchor, if that has not happened.
pub(crate) fn init() {
    anchor();
}

/// Returns the time now.
#[inline]
pub(crate) fn now() -> u64 {
    let anchor = anchor();
    ORIGIN + nanos(Instant::now().saturating_duration_since(anchor))
}

/// Returns the time now, and sets the coarse clock to it.
pub(crate) fn refresh() -> u64 {
    let now = now();
    let ticks = to_ticks(now);
    // The line stays shared between the processors until there is something new.
    if TICKS.load(Ordering::Relaxed) != ticks {
        TICKS.store(ticks, Ordering::Relaxed);
    }
    now
}

/// Returns the coarse clock's time, for [`elapsed`].
#[inline(always)]
pub(crate) fn ticks() -> u32 {
    TICKS.load(Ordering::Relaxed)
}

/// Returns how long before `now` the coarse clock showed `ticks`; exact to two ticks or so.
pub(crate) fn elapsed(ticks: u32, now: u64) -> Duration {
    let passed = to_ticks(now).wrapping_sub(ticks);
    if passed > u32::MAX - OVERTAKEN {
        return Duration::ZERO;
    }
    Duration::from_nanos(u64::from(passed) << TICK_SHIFT)
}

/// The number of the tick, less the high bits.
fn to_ticks(ns: u64) -> u32 {
    (ns >> TICK_SHIFT) as u32
}

/// Returns the moment `d` from now, or the last one if that is out of range. It is before [`NEVER`], so
/// that who waits for it counts as sleeping, and an alarm set for it as set.
#[inline]
pub(crate) fn deadline(d: Duration) -> u64 {
    now().saturating_add(nanos(d)).min(NEVER - 1)
}

/// The duration in nanoseconds, or the largest number.
#[inline]
fn nanos(d: Duration) -> u64 {
    d.as_secs()
        .saturating_mul(1_000_000_000)
        .saturating_add(u64::from(d.subsec_nanos()))
}

/// Converts to the standard library's clock; [`NEVER`] is some decades ahead.
pub(crate) fn to_instant(ns: u64) -> Instant {
    let anchor = anchor();
    match ns.checked_sub(ORIGIN) {
        Some(ahead) => anchor.checked_add(Duration::from_nanos(ahead).min(FAR)),
        None => anchor.checked_sub(Duration::from_nanos(ORIGIN - ns)),
    }
    .unwrap_or(anchor)
}

/// Converts from the standard library's clock; what is out of range is 0 or [`NEVER`].
pub(crate) fn from_instant(instant: Instant) -> u64 {
    let anchor = anchor();
    match instant.checked_duration_since(anchor) {
        Some(ahead) => ORIGIN.saturating_add(nanos(ahead)),
        None => ORIGIN.saturating_sub(nanos(anchor.duration_since(instant))),
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{
        NEVER, deadline, elapsed, from_instant, now, refresh, ticks, to_instant, to_ticks,
    };
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
    fn the_coarse_clock_is_refreshed_and_measures_to_a_tick() {
        let before = refresh();
        let noted = ticks();
        // Another test may have refreshed it in between, and then it is ahead.
        assert!(noted.wrapping_sub(to_ticks(before)) < 1 << 16);
        for seconds in [0, 1, 90, 86_400 * 700] {
            let passed = Duration::from_secs(seconds);
            let later = before + seconds * 1_000_000_000;
            let measured = elapsed(to_ticks(before), later);
            assert!(measured.abs_diff(passed) < Duration::from_millis(17));
        }
    }

    #[test]
    fn a_moment_ahead_of_the_coarse_clock_is_now() {
        let now = refresh();
        assert_eq!(elapsed(to_ticks(now).wrapping_add(3), now), Duration::ZERO);
    }

    #[test]
    fn deadlines_saturate() {
        assert_eq!(deadline(Duration::MAX), NEVER - 1);
        assert_eq!(deadline(Duration::from_nanos(u64::MAX)), NEVER - 1);
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
