//! M: an operating-system thread that runs goroutines while it holds a P.
//!
//! Invariants:
//! - An M is created once, by the creator thread, and never ends; its `Machine` lives for ever, so
//!   that a reference found in a list or in a goroutine's `bound` is always valid.
//! - The M's own thread sets `g` and `p`, inside a section; sysmon takes `p` away under the protocol of
//!   `primitive::section`, and everybody else only looks.
//! - To give a parked M a processor, the giver stores it in `gift` and unparks; the M takes it when it wakes.
//!   The giver must have taken the M out of the idle list, or found it as the one a goroutine is bound to, so
//!   that there is one giver for each sleep.

use core::ptr;
use std::sync::OnceLock;

use crate::goroutine::Goroutine;
use crate::migration::ThreadLocals;
use crate::primitive::parker::Parker;
use crate::primitive::section::Section;
use crate::primitive::sync::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, Ordering};
use crate::queue::GlobalQueue;
use crate::sched::thread::ThreadInfo;
use crate::sched::{Processor, net};

/// An operating-system thread of the runtime.
#[repr(C)]
pub(crate) struct Machine {
    /// Whether it is in the runtime, and what others want of it. First: the thread's word points here.
    pub(crate) section: Section,
    /// The goroutine is in a call that it said may block; written by the M's thread, read by sysmon.
    pub(crate) blocking: AtomicBool,
    /// Whether it is counted as searching for work; own thread only.
    spinning: AtomicBool,
    /// The `tick` of the run that is to be preempted; written by sysmon before the flag or the signal.
    pub(crate) asked: AtomicU32,
    /// The goroutine whose stack the thread is on, or null.
    g: AtomicPtr<Goroutine>,
    /// The processor it holds, or null.
    p: AtomicPtr<Processor>,
    /// How many goroutines are known to have to go on with this M; see `home`.
    pub(super) tied: AtomicU32,
    /// Goroutines that only this M may continue, or that it is to begin; looked at before its P's queue.
    pub(crate) mail: GlobalQueue<Goroutine>,
    /// Where the thread sleeps.
    pub(crate) parker: Parker,
    /// A processor handed to the sleeping thread.
    gift: AtomicPtr<Processor>,
    /// Whether the thread woken with `gift` shall count as searching; written before the gift.
    gift_spinning: AtomicBool,
    /// A preemption signal is on its way; set by sysmon, taken by the handler.
    pub(crate) signalled: AtomicBool,
    /// What the signal is for: to let go of the P, and not to stop. Written before `signalled`.
    pub(crate) let_go: AtomicBool,
    /// Since when sysmon has seen the thread awake without a P, in nanoseconds of the clock; 0 if it has not. sysmon's.
    pub(super) stray_since: AtomicU64,
    /// When its P was last taken from it, in nanoseconds of the clock; written by whoever took it.
    pub(super) parted: AtomicU64,
    /// Number, for the thread's name.
    pub(crate) id: u32,
    /// How to find the thread in the system; set by the thread when it starts.
    thread: OnceLock<ThreadInfo>,
    /// Its thread's thread-locals, for the migration guard; set by the thread when it starts.
    thread_locals: OnceLock<&'static ThreadLocals>,
    /// The M created before this one, or null; constant once it is in the list of all.
    older: AtomicPtr<Machine>,
}

/// The M created last; each leads to the one before.
static NEWEST: AtomicPtr<Machine> = AtomicPtr::new(ptr::null_mut());

impl Machine {
    /// An M for a thread that is about to start; lives for ever.
    pub(crate) fn create(id: u32) -> &'static Self {
        Box::leak(Box::new(Self {
            section: Section::new(),
            blocking: AtomicBool::new(false),
            spinning: AtomicBool::new(false),
            asked: AtomicU32::new(0),
            g: AtomicPtr::new(ptr::null_mut()),
            p: AtomicPtr::new(ptr::null_mut()),
            tied: AtomicU32::new(0),
            mail: GlobalQueue::new(),
            parker: Parker::new(),
            gift: AtomicPtr::new(ptr::null_mut()),
            gift_spinning: AtomicBool::new(false),
            signalled: AtomicBool::new(false),
            let_go: AtomicBool::new(false),
            stray_since: AtomicU64::new(0),
            parted: AtomicU64::new(0),
            id,
            thread: OnceLock::new(),
            thread_locals: OnceLock::new(),
            older: AtomicPtr::new(ptr::null_mut()),
        }))
    }

    /// Notes the thread, which calls, and makes the M known to sysmon; once.
    pub(crate) fn introduce(&'static self) {
        self.thread.get_or_init(ThreadInfo::current);
        self.thread_locals.get_or_init(ThreadLocals::of_this_thread);
        let this: *mut Self = self.as_ptr().cast();
        let mut newest = NEWEST.load(Ordering::Relaxed);
        loop {
            self.older.store(newest, Ordering::Relaxed);
            match NEWEST.compare_exchange_weak(newest, this, Ordering::Release, Ordering::Relaxed) {
                Ok(_) => return,
                Err(now) => newest = now,
            }
        }
    }

    /// All Ms whose threads have started.
    pub(crate) fn all() -> impl Iterator<Item = &'static Self> {
        let newest = Self::from_ptr(NEWEST.load(Ordering::Acquire).cast());
        core::iter::successors(newest, |m| {
            Self::from_ptr(m.older.load(Ordering::Relaxed).cast())
        })
    }

    /// The thread, once it has started.
    pub(crate) fn thread(&self) -> Option<&ThreadInfo> {
        self.thread.get()
    }

    /// Its thread's thread-locals, once it has started.
    pub(super) fn thread_locals(&self) -> Option<&'static ThreadLocals> {
        self.thread_locals.get().copied()
    }

    /// Wakes the sleeping thread and gives it a processor; `spinning` if it starts as one of those
    /// that search.
    pub(crate) fn give(&'static self, p: &'static Processor, spinning: bool) {
        self.gift_spinning.store(spinning, Ordering::Relaxed);
        let before = self.gift.swap(p.as_ptr(), Ordering::Release);
        debug_assert!(before.is_null(), "a sleeping M has one giver");
        self.parker.unpark();
        net::interrupt(self);
    }

    /// Takes what [`give`](Self::give) left; own thread only.
    pub(crate) fn take_gift(&'static self) -> Option<&'static Processor> {
        let p = Processor::from_ptr(self.gift.swap(ptr::null_mut(), Ordering::Acquire))?;
        self.set_spinning(self.gift_spinning.load(Ordering::Relaxed));
        self.hold(p);
        Some(p)
    }

    /// The processor this M holds, if any.
    #[inline]
    pub(crate) fn p(&self) -> Option<&'static Processor> {
        Processor::from_ptr(self.p.load(Ordering::Relaxed))
    }

    /// The processor this M holds; own thread, in a section.
    ///
    /// # Panics
    ///
    /// If it holds none: a bug of the scheduler.
    #[inline]
    pub(crate) fn processor(&self) -> &'static Processor {
        self.p().expect("an M runs goroutines only with a P")
    }

    /// Makes `p` the processor of this M; own thread only, which has just got it.
    pub(crate) fn hold(&'static self, p: &'static Processor) {
        p.holder.store(self.as_ptr().cast(), Ordering::Relaxed);
        p.set_crowd(1);
        self.p.store(p.as_ptr(), Ordering::Relaxed);
    }

    /// Takes the processor from this M. For its own thread, in a section, and for whoever has stolen it.
    pub(crate) fn take_p(&self) -> Option<&'static Processor> {
        let p = self.p();
        self.p.store(ptr::null_mut(), Ordering::Relaxed);
        p
    }

    /// The goroutine whose stack the thread is on.
    #[inline]
    pub(crate) fn g(&self) -> Option<&'static Goroutine> {
        ptr::NonNull::new(self.g.load(Ordering::Relaxed)).map(Goroutine::from_ptr)
    }

    /// Notes the goroutine whose stack the thread is about to be on; own thread only.
    #[inline]
    pub(crate) fn set_g(&self, g: Option<&'static Goroutine>) {
        let at = g.map_or(ptr::null_mut(), |g| g.as_ptr().as_ptr());
        self.g.store(at, Ordering::Relaxed);
    }

    /// Whether it is counted as searching for work; own thread only.
    #[inline]
    pub(crate) fn is_spinning(&self) -> bool {
        self.spinning.load(Ordering::Relaxed)
    }

    /// Notes whether it is counted as searching; own thread only. Returns what was noted before.
    pub(crate) fn set_spinning(&self, spinning: bool) -> bool {
        let before = self.spinning.load(Ordering::Relaxed);
        self.spinning.store(spinning, Ordering::Relaxed);
        before
    }

    /// The address by which a goroutine is bound to this M.
    pub(crate) fn as_ptr(&'static self) -> *mut () {
        ptr::from_ref(self).cast_mut().cast()
    }

    /// The M at an address made by `as_ptr`.
    pub(crate) fn from_ptr(at: *mut ()) -> Option<&'static Self> {
        // SAFETY: null, or an address from `as_ptr`; Ms live for ever.
        #[expect(unsafe_code, reason = "Ms live for ever")]
        unsafe {
            at.cast::<Self>().as_ref()
        }
    }
}
