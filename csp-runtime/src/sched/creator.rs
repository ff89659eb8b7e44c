//! The thread that starts Ms, and does for them what takes memory.
//!
//! Starting a thread allocates and takes the C library's locks, which the scheduler loop must never
//! do: the goroutine that holds such a lock may be waiting for this very processor. So whoever
//! needs an M and finds none idle that will do puts the P into a queue, and this thread creates an
//! M for it. The queue is bounded far above the number of Ps, and each P is in it at most twice, so
//! that asking neither blocks nor allocates.
//!
//! A channel of `crossbeam` did this before. Those who ask run on goroutines' stacks, where it left addresses of its
//! thread-locals behind; under a later frame that does not write every word, these tied goroutines to their threads.
//!
//! If the system refuses a thread, the P goes to an M that is idle by now, or to one that waits for a P with its goroutine,
//! or back to the idle list, and the reason is reported, once: the Ms that exist take the work over. Without any M there is
//! nothing left to run it, and the process ends with an error that names the limit.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};

use crate::goroutine::Goroutine;
use crate::primitive::clock;
use crate::primitive::parker::Parker;
use crate::primitive::spin::Spin;
use crate::sched::shared::{MAX_PROCS, scheduler};
use crate::sched::{Machine, Processor, deadlock, handoff, procs, quit, ready, switch};
use crate::stacks::altstack::refused;
use crate::stacks::{AltStack, fatal};

/// The stack of an M's thread: it holds the scheduler loop alone.
const STACK: usize = 256 << 10;

#[derive(Clone, Copy)]
enum Request {
    /// An M for this P.
    Machine {
        p: &'static Processor,
        /// The M starts as one of those that search, and is already counted.
        spinning: bool,
    },
    /// An M for this P that begins with this goroutine, which is not to begin on the M that asks.
    Apart(&'static Processor, &'static Goroutine),
    /// An M without a P, for whoever will need one at once.
    Spare,
    /// The timers of this P, which is out of service, are to go to another.
    MoveTimers(&'static Processor),
    /// Somebody asked for a report on the running program.
    Report,
}

/// As many requests as fit.
const CAPACITY: usize = 4 * MAX_PROCS;

/// Requests that wait, the oldest first.
struct Queue {
    ring: [Option<Request>; CAPACITY],
    first: usize,
    len: usize,
}

impl Queue {
    /// False if there is no room.
    fn push(&mut self, request: Request) -> bool {
        if self.len == CAPACITY {
            return false;
        }
        self.ring[(self.first + self.len) % CAPACITY] = Some(request);
        self.len += 1;
        true
    }

    fn pop(&mut self) -> Option<Request> {
        let request = self.ring[self.first].take()?;
        self.first = (self.first + 1) % CAPACITY;
        self.len -= 1;
        Some(request)
    }
}

static QUEUE: Spin<Queue> = Spin::new(Queue {
    ring: [None; CAPACITY],
    first: 0,
    len: 0,
});

/// Where the creator sleeps.
static BED: Parker = Parker::new();

/// Hands a request to the creator. False if there is no room for it.
#[must_use]
fn ask(request: Request) -> bool {
    let asked = QUEUE.lock().push(request);
    if asked {
        BED.unpark();
    }
    asked
}

/// What to do when the system refuses a thread.
pub(crate) const ADVICE: &str =
    "raise the limit on processes (ulimit -u, or the cgroup's pids.max), or on memory (ulimit -v)";

/// Nanoseconds for which no thread is asked for after the system has refused one, and no P is looked after unless somebody
/// comes to wait for one.
const BACK_OFF: u64 = 10_000_000;

/// Starts the creator itself.
///
/// # Errors
///
/// If the system refuses the thread.
pub(super) fn start() -> io::Result<()> {
    thread::Builder::new()
        .name("csp-creator".into())
        .stack_size(STACK)
        .spawn(|| Creator::default().serve())
        .map(drop)
}

/// Asks for a new M that starts out with `p`.
pub(super) fn request(p: &'static Processor, spinning: bool) {
    let asked = ask(Request::Machine { p, spinning });
    assert!(asked, "each P is asked for twice at most");
}

/// A spare M was asked for and is not there yet.
static SPARE: AtomicBool = AtomicBool::new(false);

/// Asks for an M without a P, unless one is on its way.
pub(super) fn request_spare() {
    if !SPARE.swap(true, Ordering::AcqRel) && !ask(Request::Spare) {
        SPARE.store(false, Ordering::Release);
    }
}

/// Ms that may be started only because goroutines are tied to those there are.
const MOST_APART: u32 = 64;
/// How many were.
static APART: AtomicU32 = AtomicU32::new(0);
/// When the system refused a thread, in nanoseconds of the clock; 0 if it has given one since, or never refused. Written by
/// the creator.
static REFUSED: AtomicU64 = AtomicU64::new(0);
/// Nanoseconds for which none is started after that where there is another way.
const WITHOUT: u64 = 1_000_000_000;

/// Whether the system has refused a thread within the last `nanos` nanoseconds.
fn was_refused(nanos: u64) -> bool {
    let at = REFUSED.load(Ordering::Relaxed);
    at != 0 && clock::now() - at < nanos
}

/// Whether one may be started now; if so, it counts, and [`request_apart`] has to follow.
pub(super) fn claim_apart() -> bool {
    if was_refused(WITHOUT) {
        return false;
    }
    let one_more = |count| (count < MOST_APART).then_some(count + 1);
    APART
        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more)
        .is_ok()
}

/// Asks for a new M that starts out with `p`, and on it with `g`.
pub(super) fn request_apart(p: &'static Processor, g: &'static Goroutine) {
    let asked = ask(Request::Apart(p, g));
    assert!(asked, "each P is asked for twice at most");
}

/// Timers that are on their way from one heap to another.
static MOVES: AtomicU32 = AtomicU32::new(0);

/// Has the timers of a P out of service moved to another. Without room for the request they stay, and
/// searching Ms find them there.
pub(super) fn move_timers(p: &'static Processor) {
    MOVES.fetch_add(1, Ordering::SeqCst);
    if !ask(Request::MoveTimers(p)) {
        MOVES.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Has the report of [`quit`] made. False without room for the request: ask again.
pub(super) fn request_report() -> bool {
    ask(Request::Report)
}

/// Whether timers may be in no heap at the moment.
pub(super) fn is_moving_timers() -> bool {
    MOVES.load(Ordering::SeqCst) > 0
}

/// The thread's own state.
#[derive(Default)]
struct Creator {
    /// How many Ms have been started.
    started: u32,
    /// An M whose thread was refused, for the next try.
    spare: Option<&'static Machine>,
    /// The refusal was reported.
    reported: bool,
}

impl Creator {
    fn serve(mut self) -> ! {
        loop {
            let Some(request) = QUEUE.lock().pop() else {
                BED.park();
                continue;
            };
            match request {
                Request::Machine { p, spinning } => {
                    if was_refused(BACK_OFF) {
                        go_without(p, spinning);
                    } else if let Err(error) = self.create(Some((p, spinning)), None) {
                        self.refuse(p, spinning, &error);
                    }
                }
                Request::Apart(p, g) => {
                    if let Err(error) = self.create(Some((p, false)), Some(g)) {
                        APART.fetch_sub(1, Ordering::Relaxed);
                        // The next one who picks it begins it, whoever that is.
                        scheduler().global.push(g.as_ptr());
                        self.refuse(p, false, &error);
                    }
                }
                Request::Spare => {
                    if let Err(error) = self.create(None, None) {
                        self.report(&error);
                    }
                    SPARE.store(false, Ordering::Release);
                }
                Request::MoveTimers(p) => {
                    procs::move_timers(p);
                    ready::wake_fenced();
                    MOVES.fetch_sub(1, Ordering::SeqCst);
                }
                Request::Report => quit::report(),
            }
        }
    }

    /// Starts an M with the P given, or one that goes to sleep at once; `first` is the goroutine that it picks first.
    fn create(
        &mut self,
        work: Option<(&'static Processor, bool)>,
        first: Option<&'static Goroutine>,
    ) -> io::Result<()> {
        let m = self
            .spare
            .take()
            .unwrap_or_else(|| Machine::create(self.started));
        reserve_place(self.started as usize + 1);
        if let Some(g) = first {
            m.mail.push(g.as_ptr());
        }
        if let Some((p, spinning)) = work {
            m.give(p, spinning);
        }
        match start_thread(m, work.is_some()) {
            Ok(_) => {
                REFUSED.store(0, Ordering::Relaxed);
                deadlock::count_machine();
                self.started += 1;
                Ok(())
            }
            Err(error) => {
                if work.is_some() {
                    // Nobody will wake up there: take P and token back, and keep the M.
                    m.parker.park();
                    let _ = m.take_gift();
                    m.take_p();
                    m.set_spinning(false);
                }
                // The caller has it.
                let _ = m.mail.pop();
                self.spare = Some(m);
                REFUSED.store(clock::now(), Ordering::Relaxed);
                Err(error)
            }
        }
    }

    #[cold]
    fn refuse(&mut self, p: &'static Processor, spinning: bool, error: &io::Error) {
        if self.started == 0 {
            fatal::exit(format_args!(
                "fatal error: csp cannot start a thread: {error}; {ADVICE}\n"
            ));
        }
        self.report(error);
        go_without(p, spinning);
    }

    #[cold]
    fn report(&mut self, error: &io::Error) {
        if !self.reported {
            self.reported = true;
            let _ = writeln!(
                io::stderr(),
                "csp: cannot start another thread: {error}; running on with fewer; {ADVICE}"
            );
        }
    }
}

/// Has the Ms there are see to `p`.
#[cold]
fn go_without(p: &'static Processor, spinning: bool) {
    if spinning {
        ready::stop_spin();
    }
    if !handoff::to_any(p) {
        pause();
        // The P may have work: an M that has gone to sleep meanwhile can take it.
        ready::wake_fenced();
    }
}

/// The creator is in its pause after a refusal.
static PAUSING: AtomicBool = AtomicBool::new(false);
/// Where it sleeps then: requests do not wake it.
static PAUSE: Parker = Parker::new();

/// Serves no requests for a while, unless there is somebody who could take the P of one.
fn pause() {
    PAUSING.store(true, Ordering::Relaxed);
    let sched = scheduler();
    // Who comes later does so under this lock, and calls `end_pause`.
    let lists = sched.lists();
    let anybody = !lists.machines.is_empty() || !sched.stopped.is_empty();
    drop(lists);
    if !anybody {
        PAUSE.park_until(clock::now() + BACK_OFF);
    }
    PAUSING.store(false, Ordering::Relaxed);
}

/// An M has come to wait for a P, alone or with its goroutine, which it did under the scheduler's lock: if requests wait
/// for the end of a pause, their Ps need not.
#[inline]
pub(super) fn end_pause() {
    if PAUSING.load(Ordering::Relaxed) {
        PAUSE.unpark();
    }
}

/// Starts the thread of `m`, if there is memory for all that it needs.
fn start_thread(m: &'static Machine, given: bool) -> io::Result<JoinHandle<()>> {
    let signals = AltStack::reserve()?;
    thread::Builder::new()
        .name(format!("csp-m-{}", m.id))
        .stack_size(STACK)
        .spawn(move || {
            let _signals = signals.install().unwrap_or_else(|error| refused(&error));
            switch::run(m, given)
        })
}

/// Makes room for `machines` sleeping Ms in the idle list, so that going to sleep never allocates.
fn reserve_place(machines: usize) {
    let mut lists = scheduler().lists();
    if lists.machines.capacity() >= machines {
        return;
    }
    drop(lists);
    let mut larger = Vec::with_capacity(machines.next_power_of_two().max(64));
    lists = scheduler().lists();
    larger.append(&mut lists.machines);
    core::mem::swap(&mut lists.machines, &mut larger);
    drop(lists);
    // The old list is freed here, outside the lock.
}
