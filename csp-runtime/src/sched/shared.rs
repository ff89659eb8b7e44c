//! The one scheduler of the process: the Ps, who is idle, and the global queue.
//!
//! Everything is `const`-constructed, so that reaching it costs no check; [`start`] creates the Ps and
//! the service threads on first use.
//!
//! Lock order: `lists` is taken alone or before the lock of the global queue or of a timer heap.

use std::io;

use crate::goroutine::Goroutine;
use crate::primitive::pad::CachePadded;
use crate::primitive::spin::{Spin, SpinGuard};
use crate::primitive::sync::{AtomicI64, AtomicPtr, AtomicU32, AtomicU64, Ordering};
use crate::protocol::idle::Idle;
use crate::queue::{BlockQueue, GlobalQueue, Store};
use crate::sched::{Machine, Processor, config, creator, preempt, retake, sysmon};

/// The most Ps there can be.
pub(crate) const MAX_PROCS: usize = 1024;

/// The shared part of the scheduler.
pub(crate) struct Scheduler {
    /// Runnable goroutines of no P in particular.
    pub(crate) global: CachePadded<BlockQueue<Goroutine>>,
    /// Goroutines woken by the clock or the network while every P was busy: they go first.
    pub(crate) urgent: CachePadded<GlobalQueue<Goroutine>>,
    /// Goroutines that wait for a P together with their thread: stopped by a preemption, or back from a call
    /// during which their P was taken away.
    pub(crate) stopped: CachePadded<GlobalQueue<Goroutine>>,
    /// Ms without a P that run user code: in a blocking call, or on their way back from one.
    pub(crate) away: AtomicU32,
    /// How many Ps are idle and how many Ms search.
    pub(crate) idle: CachePadded<Idle>,
    /// `GOMAXPROCS`: Ps with a number below it may run. Written under `lists`.
    pub(crate) procs: CachePadded<AtomicU32>,
    /// How many entries of `table` are filled; only grows. Written under `lists`.
    created: AtomicU32,
    /// Every P ever created, by number.
    table: [AtomicPtr<Processor>; MAX_PROCS],
    /// Who has nothing to do.
    lists: CachePadded<Spin<Lists>>,
    /// Deadline of the idle M that sleeps until the earliest timer; `NEVER` if none does. Written
    /// under `lists`.
    pub(crate) keeper: AtomicU64,
    /// Goroutines started by plain threads, which have no P to count them at.
    pub(crate) started_outside: AtomicI64,
}

/// The idle Ms and Ps, last in first out.
pub(crate) struct Lists {
    /// Ms asleep without a P. Capacity is reserved when an M is created, so a push never allocates.
    pub(crate) machines: Vec<&'static Machine>,
    /// Ps that nobody holds; capacity for all of them.
    pub(crate) idle_procs: Vec<&'static Processor>,
}

/// The memory of `global`; apart, because all of it is zero and so none of it is in the program's file.
static STORE: Store<Goroutine> = Store::new();

static SCHEDULER: Scheduler = Scheduler {
    global: CachePadded::new(BlockQueue::new(&STORE)),
    urgent: CachePadded::new(GlobalQueue::new()),
    stopped: CachePadded::new(GlobalQueue::new()),
    away: AtomicU32::new(0),
    idle: CachePadded::new(Idle::new()),
    procs: CachePadded::new(AtomicU32::new(0)),
    created: AtomicU32::new(0),
    table: [const { AtomicPtr::new(core::ptr::null_mut()) }; MAX_PROCS],
    lists: CachePadded::new(Spin::new(Lists {
        machines: Vec::new(),
        idle_procs: Vec::new(),
    })),
    keeper: AtomicU64::new(crate::primitive::clock::NEVER),
    started_outside: AtomicI64::new(0),
};

/// The scheduler.
#[inline(always)]
pub(crate) fn scheduler() -> &'static Scheduler {
    &SCHEDULER
}

/// Starts the runtime: creates the Ps and the service threads. To be called once.
///
/// # Errors
///
/// If the system refuses a thread.
pub(crate) fn start() -> io::Result<()> {
    SCHEDULER.lists().idle_procs.reserve_exact(MAX_PROCS);
    retake::init();
    preempt::init();
    creator::start()?;
    sysmon::start()?;
    super::procs::set_procs(config::initial_procs());
    Ok(())
}

impl Scheduler {
    /// Locks the lists of idle Ms and Ps.
    pub(crate) fn lists(&self) -> SpinGuard<'_, Lists> {
        self.lists.lock()
    }

    /// Every P ever created, those retired included.
    pub(crate) fn all(&self) -> impl Iterator<Item = &'static Processor> {
        let created = self.created.load(Ordering::Acquire) as usize;
        self.table[..created]
            .iter()
            .filter_map(|p| Processor::from_ptr(p.load(Ordering::Acquire)))
    }

    /// The P with a number below `count`.
    pub(crate) fn get(&self, id: u32) -> Option<&'static Processor> {
        Processor::from_ptr(self.table[id as usize].load(Ordering::Acquire))
    }

    /// How many Ps were ever created.
    pub(crate) fn count(&self) -> u32 {
        self.created.load(Ordering::Acquire)
    }

    /// Fills the next entry of the table; under `lists`.
    pub(super) fn add(&self, p: &'static Processor) {
        self.table[p.id as usize].store(p.as_ptr(), Ordering::Release);
        self.created.store(p.id + 1, Ordering::Release);
    }

    /// Gives a P up, with the lists locked.
    pub(crate) fn put_idle(&self, lists: &mut Lists, p: &'static Processor) {
        lists.idle_procs.push(p);
        self.idle.p_idle();
    }

    /// Takes an idle P, with the lists locked.
    pub(crate) fn take_idle(&self, lists: &mut Lists) -> Option<&'static Processor> {
        let p = lists.idle_procs.pop()?;
        self.idle.p_busy();
        Some(p)
    }

    /// The earliest deadline of any timer.
    pub(crate) fn next_timer(&self) -> u64 {
        self.all()
            .map(|p| p.timers.next())
            .min()
            .unwrap_or(crate::primitive::clock::NEVER)
    }

    /// Whether a goroutine waits in a queue that belongs to no P; a hint.
    #[inline]
    pub(crate) fn has_global(&self) -> bool {
        !self.global.is_empty() || !self.stopped.is_empty() || !self.urgent.is_empty()
    }

    /// Whether a goroutine waits in any queue that another P should run; a hint.
    pub(crate) fn has_work_to_share(&self) -> bool {
        self.has_global() || self.all().any(Processor::is_worth_sharing)
    }
}

/// Leaves one goroutine, which the runtime starts for itself and never ends, out of their number.
pub(crate) fn leave_out_of_number() {
    SCHEDULER.started_outside.fetch_sub(1, Ordering::AcqRel);
}

/// How many goroutines exist, but for those left out. Exact when no goroutine is starting or ending meanwhile.
pub(crate) fn num_goroutine() -> usize {
    // Ends are read before starts (inside `balance`, P by P), so the sum is rarely below the truth.
    let inside: i64 = SCHEDULER.all().map(Processor::balance).sum();
    let outside = SCHEDULER.started_outside.load(Ordering::Acquire);
    usize::try_from(inside + outside).unwrap_or(0)
}
