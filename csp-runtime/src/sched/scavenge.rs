//! When memory goes back to the system: sysmon's policy.
//!
//! | what | when | how |
//! |---|---|---|
//! | free slots of a P | in neither of two windows needed | the P gives them to the global list, now and then, or sysmon for an idle P |
//! | free slots of a global list | in neither of two windows needed | set aside, then given back in runs (`stacks`) |
//! | free segments | in neither of two windows needed | one by one, but for their headers (`stacks::segment`) |
//! | pages below a parked goroutine's stack pointer | parked for two windows | once for each wait (`goroutine::scavenge`) |
//!
//! A window is half a second. So memory stays for one second after it was last of use, which is long against what it costs
//! to get it back: a page fault, 1 to 2 us, for each page.
//!
//! **Slices.** Nothing here is on the way of a spawn, an exit or a switch. Each step takes about [`SLICE`]; while goroutines
//! run, sysmon then pauses for ten times as long before it gives more back, and for [`LOOK_PAUSE`] times as long if
//! it only looked for something. With all Ps idle it goes on at once.
//!
//! **Looking.** To find goroutines that have been parked for long, all control blocks are looked at, one after the other, with
//! one cache line read and nothing written. A million takes some tens of milliseconds, spread over ten seconds by the
//! pauses: half a percent of a processor. Nothing is looked at while no goroutine has run since the last time.
//!
//! **Sleep.** When all is given back that can be, there is nothing to wait for, and sysmon sleeps as if this file were not
//! there.
//!
//! `CSP_SCAVENGE=0` in the environment gives nothing back; `CSP_SCAVENGE=5ms` makes windows that short.
//!
//! Rejected: to wake an M for an idle P that has free slots: sysmon can take the P itself for a moment, as `set_procs`
//! does. A list of goroutines with deep stacks: how deep one was is not known when it parks, without work on each switch.

use std::env;
use std::time::Duration;

use crate::goroutine::{self, Held};
use crate::primitive::barrier;
use crate::primitive::clock::{self, NEVER};
use crate::primitive::sync::{AtomicU32, AtomicU64, Ordering};
use crate::sched::shared::scheduler;
use crate::sched::{Processor, handoff};
use crate::stacks::{self, Given, SizeClass, Slot, arena};

/// The environment variable.
const CHOICE: &str = "CSP_SCAVENGE";
/// Nanoseconds of a window, unless the environment says otherwise.
const WINDOW: u64 = 500_000_000;
/// Nanoseconds of a step.
const SLICE: u64 = 200_000;
/// Nanoseconds that sysmon goes on without another look at anything while all Ps are idle.
const IDLE_SLICE: u64 = 500_000;
/// The fewest and the most slots given back by one step; more if it goes fast.
const FEWEST: usize = 8;
const MOST: usize = 512;
/// How many times as long as it worked it pauses after it gave something back, while goroutines run.
const PAUSE: u64 = 10;
/// How many times as long as it looked it pauses after it looked, while goroutines run, and with all Ps idle.
const LOOK_PAUSE: u64 = 200;
const IDLE_LOOK_PAUSE: u64 = 20;
/// Windows that end after goroutines have run last: up to four until an idle P has given all its slots away, two for the
/// list that gets them.
const WINDOWS_AFTER: u32 = 6;
/// Slots looked at between two readings of the clock.
const LOOK_AT_ONCE: usize = 256;
/// How far ahead control blocks are fetched into the cache.
const AHEAD: usize = 16;

/// What the coarse clock can tell apart; a shorter age is as good as none.
const TICK: Duration = Duration::from_millis(34);

/// The number of the window; written by sysmon, compared by whoever holds a P.
static WINDOWS: AtomicU32 = AtomicU32::new(0);
/// Free slots given back, and parked goroutines whose unused pages were. Written by sysmon.
static SLOTS: AtomicU64 = AtomicU64::new(0);
static PARKED: AtomicU64 = AtomicU64::new(0);

/// Free slots whose memory was given back, and parked goroutines whose unused pages were.
pub(super) fn counts() -> (u64, u64) {
    (
        SLOTS.load(Ordering::Relaxed),
        PARKED.load(Ordering::Relaxed),
    )
}

/// The holder of a P passes by: gives away free slots that were not needed.
#[inline]
pub(super) fn trim(p: &'static Processor) {
    let window = WINDOWS.load(Ordering::Relaxed);
    p.with_local(|local| local.free.trim(window));
}

/// What sysmon knows of memory to be given back.
pub(super) struct Scavenger {
    /// Nanoseconds of a window; 0 if nothing is to be given back.
    window: u64,
    /// When the window ends.
    ends: u64,
    /// Goroutines have run since the last window ended.
    active: bool,
    /// Windows to come until nothing is left to be found, if nothing runs meanwhile.
    windows: u32,
    /// Surplus slots still to be set aside, by class.
    surplus: [usize; SizeClass::COUNT],
    /// When free slots are worked at next; `NEVER` if there are none.
    slots_at: u64,
    /// How many slots to give back by the next step: those that hold much take longer.
    at_once: usize,
    /// Where to look next for parked goroutines: class and number.
    cursor: (usize, usize),
    /// When to look next; `NEVER` if nobody can have parked since the last round.
    look_at: u64,
    /// Goroutines were seen that had not been parked for long enough, or have run since the round began.
    look_again: bool,
    held: Held,
}

impl Scavenger {
    pub(super) fn new(now: u64) -> Self {
        let window = match env::var(CHOICE) {
            Ok(choice) => parse(&choice),
            Err(_) => WINDOW,
        };
        Self {
            window,
            ends: now.saturating_add(window),
            active: true,
            windows: 0,
            surplus: [0; SizeClass::COUNT],
            slots_at: NEVER,
            at_once: FEWEST,
            cursor: (0, 0),
            look_at: NEVER,
            look_again: false,
            held: Held::new(),
        }
    }

    /// When [`step`](Self::step) has something to do; `NEVER` if that is only after goroutines have run.
    pub(super) fn due(&self) -> u64 {
        if self.window == 0 {
            return NEVER;
        }
        let window = if self.is_counting() { self.ends } else { NEVER };
        window.min(self.slots_at).min(self.look_at)
    }

    /// Whether the end of this window may show something.
    fn is_counting(&self) -> bool {
        self.active || self.windows > 0 || (self.look_again && self.look_at == NEVER)
    }

    /// Goroutines run, or have run since the last step.
    pub(super) fn note_activity(&mut self, now: u64) {
        if !self.is_counting() {
            self.ends = now.saturating_add(self.window);
        }
        self.active = true;
    }

    /// Does some of what is due; `idle` if all Ps are idle.
    pub(super) fn step(&mut self, now: u64, idle: bool) {
        if now < self.due() || self.window == 0 {
            return;
        }
        if now >= self.ends && self.is_counting() {
            self.end_window(now);
        }
        if now >= self.slots_at {
            self.give_back_slots(now, idle);
        }
        if now >= self.look_at {
            self.look(now, idle);
        }
    }

    /// The system refused: it will again.
    fn stop(&mut self) {
        self.window = 0;
        self.slots_at = NEVER;
        self.look_at = NEVER;
    }

    fn end_window(&mut self, now: u64) {
        self.ends = now + self.window;
        self.windows = if self.active {
            WINDOWS_AFTER
        } else {
            self.windows.saturating_sub(1)
        };
        if self.look_at == NEVER && barrier::is_ready() && (self.active || self.look_again) {
            self.look_at = now;
            self.look_again = false;
        }
        self.active = false;
        let window = WINDOWS.load(Ordering::Relaxed).wrapping_add(1);
        WINDOWS.store(window, Ordering::Relaxed);
        trim_idle(window);
        for class in SizeClass::all() {
            let surplus = goroutine::end_window(class);
            self.surplus[class.index()] = surplus;
            if surplus > 0 {
                self.slots_at = now;
            }
        }
        if stacks::end_window() {
            self.slots_at = now;
        }
    }

    /// Sets surplus slots aside, and gives back what is set aside.
    fn give_back_slots(&mut self, began: u64, idle: bool) {
        let until = began + if idle { IDLE_SLICE } else { SLICE };
        let mut now = began;
        while now < until {
            if !self.set_some_aside() {
                let given = match SizeClass::all().find(|&class| arena().has_aside(class)) {
                    Some(class) => goroutine::give_back(class, self.at_once),
                    None => match stacks::shed_one() {
                        Some(taken) => Given {
                            slots: 1,
                            refused: !taken,
                        },
                        None => {
                            self.slots_at = NEVER;
                            return;
                        }
                    },
                };
                add(&SLOTS, given.slots);
                if given.refused {
                    return self.stop();
                }
                let took = clock::now() - now;
                if took > SLICE {
                    self.at_once = (self.at_once / 2).max(FEWEST);
                } else if took < SLICE / 2 {
                    self.at_once = (self.at_once * 2).min(MOST);
                }
            }
            now = clock::now();
        }
        self.slots_at = if idle {
            now
        } else {
            now + (now - began) * PAUSE
        };
    }

    /// Sets aside some slots of the first class that has surplus. False if there is none.
    fn set_some_aside(&mut self) -> bool {
        for class in SizeClass::all() {
            let surplus = &mut self.surplus[class.index()];
            if *surplus > 0 {
                let taken = goroutine::set_aside(class, *surplus);
                *surplus = if taken == 0 { 0 } else { *surplus - taken };
                return true;
            }
        }
        false
    }

    /// Looks at some goroutines, and gives back what those do not need that have been parked for long.
    fn look(&mut self, began: u64, idle: bool) {
        let mut now = began;
        let mut gave = 0;
        while now < began + SLICE {
            let (class, from) = self.cursor;
            let Some(class) = SizeClass::all().nth(class) else {
                self.cursor = (0, 0);
                self.look_at = NEVER;
                break;
            };
            self.cursor = match self.look_at_some(class, from, now) {
                Some(next) => (class.index(), next),
                None => (class.index() + 1, 0),
            };
            let (count, refused) = self.held.give_back();
            gave += count;
            if refused {
                return self.stop();
            }
            now = clock::now();
        }
        add(&PARKED, gave);
        if self.look_at != NEVER {
            let times = match (gave > 0, idle) {
                (true, true) => 0,
                (true, false) => PAUSE,
                (false, true) => IDLE_LOOK_PAUSE,
                (false, false) => LOOK_PAUSE,
            };
            self.look_at = now + (now - began) * times;
        }
    }

    /// Looks at goroutines from a number on; returns where to go on, `None` at the end of the class. Ends early when
    /// enough are to be held.
    fn look_at_some(&mut self, class: SizeClass, from: usize, now: u64) -> Option<usize> {
        let mut slots = [None::<Slot>; LOOK_AT_ONCE];
        let mut count = 0;
        let next = arena().walk(class, from, LOOK_AT_ONCE, &mut |slot| {
            slots[count] = Some(slot);
            count += 1;
        });
        // The coarse clock may say so a tick early, which does not matter.
        let age = Duration::from_nanos(self.window.saturating_mul(2));
        for at in 0..count {
            if let Some(Some(soon)) = slots.get(at + AHEAD) {
                goroutine::prefetch_state(*soon);
            }
            let Some(slot) = slots[at] else { continue };
            let Some(parked) = goroutine::peek(slot).filter(|parked| !parked.done) else {
                continue;
            };
            if age >= TICK && clock::elapsed(parked.since, now) < age {
                self.look_again = true;
            } else {
                self.held.add(parked);
                if self.held.is_full() {
                    return Some(slot.index as usize + 1);
                }
            }
        }
        next
    }
}

/// Gives away the free slots of idle Ps that were not needed in two windows.
fn trim_idle(window: u32) {
    let sched = scheduler();
    for p in sched.all() {
        let mut lists = sched.lists();
        let at = lists
            .idle_procs
            .iter()
            .position(|idle| core::ptr::eq(*idle, p));
        let Some(at) = at else { continue };
        if !p.has_idle_slots(window) {
            continue;
        }
        // Ours now, as if an M held it.
        lists.idle_procs.swap_remove(at);
        sched.idle.p_busy();
        drop(lists);
        p.trim_slots(window);
        handoff::give_away(p);
    }
}

fn add(counter: &AtomicU64, n: usize) {
    counter.store(
        counter.load(Ordering::Relaxed) + n as u64,
        Ordering::Relaxed,
    );
}

/// Nanoseconds of a window; 0 for none. What is no number of milliseconds is ignored.
fn parse(choice: &str) -> u64 {
    if choice == "0" {
        return 0;
    }
    choice
        .strip_suffix("ms")
        .and_then(|ms| ms.parse::<u64>().ok())
        .filter(|&ms| ms > 0)
        .map_or(WINDOW, |ms| ms.saturating_mul(1_000_000))
}
