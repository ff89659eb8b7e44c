//! What sysmon looks at on its rounds: each P, for how long the same goroutine has run there, and who waits.
//!
//! | at a P it finds | and does |
//! |---|---|
//! | its goroutine in a call marked as blocking, for 20 us | takes the P, if anybody waits for one |
//! | its goroutine in user code for 1 ms, and the thread asleep in the kernel | takes the P, if anybody waits for one |
//! | either of these for 10 ms | takes the P, for an idle one can be waited for without looking |
//! | its goroutine in user code for 10 ms, and others wait | asks it to let them run; 1 ms later stops it |
//! | its goroutine for 10 ms, and others wait for this thread alone (mail) | asks it to let them run |
//! | its goroutine in user code for 0.25 ms, and the clock or the network has woken one | asks, and stops it 0.5 ms later |
//! | its goroutine in user code for 100 ms, or not stopping when asked | notes which `go!` it comes from (`home`) |
//! | the runtime itself, 20 ms after the signal, and stopped goroutines wait | lends a P to one of those |
//!
//! The last row is a rescue: the scheduler may be waiting for a lock, of the memory allocator for instance, that a
//! stopped goroutine holds. No such wait is known, but a hang would be the worst of answers.
//!
//! What it notes about a P is its own and needs no protection. It takes no memory and no lock but the scheduler's.

use crate::goroutine::{Goroutine, Status};
use crate::netpoll;
use crate::primitive::clock::NEVER;
use crate::primitive::section::LOST;
use crate::primitive::sync::Ordering;
use crate::sched::shared::{MAX_PROCS, Scheduler, scheduler};
use crate::sched::{
    Machine, Processor, creator, handoff, home, net, preempt, procs, retake, sites,
};

/// Nanoseconds of a marked call after which the P is taken.
const MARKED: u64 = 20_000;
/// Nanoseconds in user code after which it is asked whether the thread sleeps.
const UNMARKED: u64 = 1_000_000;
/// Nanoseconds of a blocking call after which the P is taken although nobody waits.
const LONG_CALL: u64 = 10_000_000;
/// The time slice, in nanoseconds.
const SLICE: u64 = 10_000_000;
/// Nanoseconds in user code after which it is taken for a goroutine that keeps its thread, although nobody waits.
const LONG_RUN: u64 = 100_000_000;
/// The time slice while one waits that the clock or the network has woken.
const SHORT_SLICE: u64 = 250_000;
/// Nanoseconds between asking and stopping, and between two signals.
const GRACE: u64 = 1_000_000;
/// The same with the short slice.
const SHORT_GRACE: u64 = 500_000;
/// Nanoseconds in the runtime after which something is wrong.
const STUCK: u64 = 20_000_000;
/// Nanoseconds between two rescues.
const RESCUE_EVERY: u64 = 5_000_000;
/// Nanoseconds that a goroutine runs on average if one alone is worth being shared with another P: waking one, and what
/// the two then do to each other's caches, costs about as much.
const FINE: u64 = 4_000;
/// So many goroutines are worth being shared even then: most likely some have nothing to do with each other.
const CROWD: u64 = 12;
/// Nanoseconds that goroutines run on average, less than which makes them *tiny*: if they also end then, their number tells
/// how much work they are.
const TINY: u64 = 1_000;
/// Nanoseconds of such work, at least, for which another P is worth waking. A wake-up takes up to half of it.
const WORTH: u64 = 200_000;
/// Nanoseconds without a pick after which what was known of a P is so no longer.
const STALE: u64 = 100_000;
/// What was counted loses one part in this many at each look.
const FADING: u64 = 8;
/// Picks between two rounds from which on the P is left to fire its timers, and its M to poll, in time by itself.
const PICKING: u32 = 32;
/// Timers fired at one P on one round.
const FIRE_BATCH: usize = 64;
/// Ms without a P looked at on one round.
const AWAY_BATCH: usize = 16;

/// What was noted about a P.
#[derive(Clone, Copy, Default)]
struct Seen {
    /// The number of its run.
    tick: u32,
    /// Since when, in nanoseconds.
    since: u64,
    /// When its goroutine was asked to let others run, or stopped in vain; 0 if it was not.
    asked: u64,
    /// When it was first sent a signal; 0 if it was not.
    signalled: u64,
    /// What its goroutine was blamed for (`sites`); 0 if for nothing.
    fault: u64,
    /// Address of the goroutine in `runnext`, compared only.
    next: usize,
    /// How many goroutines had ended there.
    ended: u64,
    /// What it did lately.
    lately: Lately,
}

impl Seen {
    /// Notes that the goroutine that `m` runs with `p` has kept its thread, unless that was noted of this run already.
    fn blame(&mut self, p: &'static Processor, m: &'static Machine, fault: u64) {
        if fault > self.fault && home::distrust(m, p, self.tick, fault) {
            self.fault = fault;
        }
    }
}

/// How long goroutines run, and whether they end: sums over the last looks, of which the older count less.
#[derive(Clone, Copy, Default)]
struct Lately {
    /// Nanoseconds.
    time: u64,
    runs: u64,
    ends: u64,
}

impl Lately {
    /// Adds what was done since the last look.
    fn add(&mut self, time: u64, runs: u64, ends: u64) {
        self.time = self.time - self.time / FADING + time;
        self.runs = self.runs - self.runs / FADING + runs;
        self.ends = self.ends - self.ends / FADING + ends;
    }

    /// If goroutines are tiny, and mostly end when they have run: how many make up the least work for which another P is
    /// worth waking.
    fn crowd_of_tiny(&self) -> Option<u64> {
        let tiny = self.ends * 2 > self.runs && self.runs.saturating_mul(TINY) > self.time;
        tiny.then(|| WORTH.saturating_mul(self.runs) / self.time.max(1))
    }
}

/// What a round has found.
#[derive(Clone, Copy)]
pub(super) struct Found {
    /// Goroutines were scheduled since the last round.
    pub(super) active: bool,
    /// Somewhere many goroutines were scheduled since the last round.
    pub(super) picking: bool,
    /// A goroutine waits.
    pub(super) waiting: bool,
    /// A goroutine waits that an idle P should run.
    pub(super) wanted: bool,
    /// A goroutine is in a `runnext` where it was not on the round before: it may be about to run.
    pub(super) fresh: bool,
    /// A marked call is under way somewhere, or something was done: look again soon.
    pub(super) hot: bool,
    /// Time at which something falls due; `NEVER` if nothing does.
    pub(super) due: u64,
}

/// The notes.
pub(super) struct Patrol {
    seen: Vec<Seen>,
    /// How many Ms of the list of all to pass over before looking at those without a P.
    away_from: usize,
    /// When a P was lent last.
    rescued: u64,
    /// When the last round was.
    looked: u64,
}

impl Patrol {
    /// No notes yet. The only place that takes memory.
    pub(super) fn new() -> Self {
        Self {
            seen: vec![Seen::default(); MAX_PROCS],
            away_from: 0,
            rescued: 0,
            looked: 0,
        }
    }

    /// One round.
    pub(super) fn look(&mut self, now: u64) -> Found {
        let sched = scheduler();
        let no_idle = sched.idle.idle() == 0;
        // An M that goes on picking fires its timers and polls by itself.
        let mut picking = false;
        for p in sched.all() {
            let picks = p.tick.load(Ordering::Relaxed);
            if picks.wrapping_sub(self.seen[p.id as usize].tick) >= PICKING {
                picking = true;
            } else if no_idle {
                fire_due(sched, p, now);
            }
        }
        net::poll_if_overdue(now, no_idle, picking);
        let mut found = Found {
            active: false,
            picking,
            waiting: sched.has_global(),
            wanted: !sched.stopped.is_empty() || !sched.urgent.is_empty(),
            fresh: false,
            hot: false,
            due: if netpoll::has_waiters() && !net::is_polled() {
                now + net::OVERDUE
            } else {
                NEVER
            },
        };
        let mut urgent = sched.urgent.len();
        let global = sched.global.len();
        // The global queue counts with the ring of each P at work, or alone if there is none.
        let mut any_held = false;
        for p in sched.all() {
            let seen = &mut self.seen[p.id as usize];
            let tick = p.tick.load(Ordering::Relaxed);
            let next = p.peek_next().addr();
            let scheduled = tick != seen.tick;
            found.active |= scheduled;
            let runs = u64::from(tick.wrapping_sub(seen.tick));
            let elapsed = now.saturating_sub(self.looked);
            let ended = p.ended();
            seen.lately
                .add(elapsed, runs, ended.wrapping_sub(seen.ended));
            seen.ended = ended;
            let crowd = match seen.lately.crowd_of_tiny() {
                Some(crowd) if scheduled || now.saturating_sub(seen.since) < STALE => crowd,
                _ if runs.saturating_mul(FINE) > elapsed => CROWD,
                _ => 1,
            };
            p.set_crowd(u32::try_from(crowd).unwrap_or(u32::MAX));
            // Perhaps the crowd waits behind one that is not tiny: look again soon.
            found.active |= crowd > 1 && !p.is_queue_empty();
            let stays = !scheduled && next == seen.next;
            let left = next != 0 && stays;
            found.waiting |= !p.is_queue_empty() || left;
            found.wanted |= p.is_worth_sharing() || left;
            found.fresh |= next != 0 && !stays;
            seen.next = next;
            if scheduled {
                seen.tick = tick;
                seen.since = now;
                seen.asked = 0;
                seen.signalled = 0;
                seen.fault = 0;
            }
            let holder = Machine::from_ptr(p.holder.load(Ordering::Relaxed).cast());
            if let Some(m) = holder
                && m.p().is_some_and(|held| core::ptr::eq(held, p))
            {
                any_held = true;
                found.wanted |= p.is_worth_sharing_with(global);
                self.visit(p, m, now, no_idle, &mut urgent, &mut found);
            }
        }
        found.wanted |= global > 0 && !any_held;
        self.looked = now;
        let idle = sched.idle.idle();
        if sched.away.load(Ordering::Relaxed) > idle && preempt::is_enabled() {
            self.stop_strays(now, idle);
        }
        found
    }

    /// Looks at a P that somebody holds.
    fn visit(
        &mut self,
        p: &'static Processor,
        m: &'static Machine,
        now: u64,
        no_idle: bool,
        urgent: &mut usize,
        found: &mut Found,
    ) {
        let sched = scheduler();
        let seen = &mut self.seen[p.id as usize];
        let ran = now.saturating_sub(seen.since);
        let inside = m.section.depth() > 0;
        let stuck = inside && seen.signalled != 0 && now - seen.signalled >= STUCK;
        if stuck && !sched.stopped.is_empty() && now - self.rescued >= RESCUE_EVERY {
            self.rescued = now;
            procs::lend();
        }
        // A P beyond `GOMAXPROCS` is wanted back.
        let leaves = procs::must_retire(p);
        let wanted = p.has_work() || sched.has_global() || leaves;
        let marked = m.blocking.load(Ordering::Relaxed);
        found.hot |= marked;
        let blocks = || match (inside, marked) {
            (true, _) => false,
            (false, true) => ran >= MARKED,
            // Asked last: it takes system calls.
            (false, false) => {
                ran >= UNMARKED && m.thread().is_some_and(|thread| thread.is_asleep())
            }
        };
        if (wanted || ran >= LONG_CALL) && blocks() {
            found.hot = true;
            take(p, m, seen.tick);
            return;
        }
        if ran >= LONG_RUN && !inside && !marked {
            seen.blame(p, m, sites::LONG);
        }
        let others = wanted && (no_idle || p.has_work() || leaves);
        let mailed = !m.mail.is_empty();
        if !(others || mailed) || !preempt::is_enabled() {
            return;
        }
        let hurry = *urgent > 0 && ran >= SHORT_SLICE;
        let (slice, grace) = if hurry {
            *urgent -= 1;
            (SHORT_SLICE, SHORT_GRACE)
        } else {
            (SLICE, GRACE)
        };
        let due = if seen.asked == 0 {
            seen.since + slice
        } else {
            seen.asked + grace
        };
        if now < due {
            found.due = found.due.min(due);
            return;
        }
        need_spares();
        if seen.asked == 0 {
            preempt::ask(m, seen.tick);
        } else if !others {
            // Mail is for this thread: to stop the goroutine together with it would help nobody.
        } else if !inside && m.thread().is_some_and(|thread| thread.is_asleep()) {
            // No reason to disturb a call.
            take(p, m, seen.tick);
        } else {
            if !inside {
                let long = ran >= SLICE;
                seen.blame(p, m, if long { sites::LONG } else { sites::SHORT });
            }
            preempt::signal(m, seen.tick, false);
            if seen.signalled == 0 {
                seen.signalled = now;
            }
        }
        seen.asked = now;
        found.due = found.due.min(now + grace);
    }

    /// Stops goroutines that compute without a P, if there are more of them than idle Ps. A few on each round.
    fn stop_strays(&mut self, now: u64, idle: u32) {
        let mut looked_at = 0;
        let mut allowed = idle;
        for (at, m) in Machine::all().enumerate().skip(self.away_from) {
            if !m.section.has(LOST) {
                continue;
            }
            looked_at += 1;
            if looked_at > AWAY_BATCH {
                self.away_from = at;
                return;
            }
            let awake =
                m.section.depth() == 0 && m.thread().is_some_and(|thread| !thread.is_asleep());
            let since = m.stray_since.load(Ordering::Relaxed);
            match (awake, since) {
                (false, _) => m.stray_since.store(0, Ordering::Relaxed),
                (true, 0) => m.stray_since.store(now, Ordering::Relaxed),
                // Between two short system calls: wait for a second look.
                (true, since) if now - since < UNMARKED => {}
                (true, _) if allowed > 0 => allowed -= 1,
                (true, _) => preempt::signal(m, 0, false),
            }
        }
        self.away_from = 0;
    }
}

/// Makes goroutines runnable whose deadline at `p` has passed, where no M does it.
pub(super) fn fire_due(sched: &'static Scheduler, p: &'static Processor, now: u64) {
    if p.timers.next() <= now {
        p.timers.pop_due(now, FIRE_BATCH, &mut |g| {
            Goroutine::from_ptr(g).set_status(Status::Runnable);
            sched.urgent.push(g);
        });
    }
}

/// Takes the P of a thread that blocks, and passes it on.
fn take(p: &'static Processor, m: &'static Machine, tick: u32) {
    if retake::steal(m, p, tick) {
        handoff::give_away(p);
    } else if !crate::primitive::barrier::is_ready() {
        need_spares();
        preempt::signal(m, tick, true);
    }
}

/// Sees to it that there are Ms to take over from those that are stopped.
fn need_spares() {
    if scheduler().lists().machines.len() < 2 {
        creator::request_spare();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is known after 100 looks, 50 us apart.
    fn after(runs: u64, ends: u64) -> Lately {
        let mut lately = Lately::default();
        for _ in 0..100 {
            lately.add(50_000, runs, ends);
        }
        lately
    }

    #[test]
    fn a_crowd_of_tiny_goroutines_is_work_worth_a_wake_up() {
        let crowd = after(500, 500).crowd_of_tiny().expect("100 ns each");
        assert!((1_900..2_100).contains(&crowd), "{crowd}");
        // They go on after each run: how much work they are, nobody knows.
        assert_eq!(after(500, 100).crowd_of_tiny(), None);
        assert_eq!(after(20, 20).crowd_of_tiny(), None, "2.5 us each");
        assert_eq!(after(0, 0).crowd_of_tiny(), None);
    }

    #[test]
    fn what_was_long_ago_counts_no_more() {
        let mut lately = after(500, 500);
        for _ in 0..20 {
            lately.add(50_000, 1, 1);
        }
        assert_eq!(lately.crowd_of_tiny(), None);
        let mut lately = after(500, 500);
        lately.add(1_000_000_000, 0, 0);
        assert_eq!(lately.crowd_of_tiny(), None, "a second of sleep");
    }
}
