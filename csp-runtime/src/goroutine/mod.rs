//! G: a goroutine's control block, at the top of its slot of the stack arena.
//!
//! ```text
//!   high end ┌──────────────────────┐
//!            │ colour, 0–960 bytes  │  spreads the tops over the cache sets
//!            ├──────────────────────┤
//!            │ Goroutine            │  this struct
//!            ├──────────────────────┤
//!            │ closure, then result │  `task::spawn` writes, the join handle reads
//!            ├──────────────────────┤ ◀ base of the stack, 16-byte aligned
//!            │ stack, growing down  │
//!            ~                      ~
//!            │ guard                │
//!   low end  └──────────────────────┘
//! ```
//!
//! Invariants:
//! - A control block is created with its slot; goroutines come and go in it. While it is free for long its memory is
//!   given back to the system, and reads as zero until it is created anew (`scavenge`). The memory is never unmapped.
//!   Hence `&'static Goroutine`, and a late waker or timer reads valid memory, recognising by the
//!   ticket's generation that its wait is over. Every field is valid if it is zero.
//! - What is said of the stack holds for the first one. A goroutine that has grown runs on a segment, from which a chain
//!   leads back to the first stack, see `stacks::segment`; it ends on its first stack.
//! - `on_cpu` is set from the moment an M resumes the goroutine until that M is off its stack again; a
//!   goroutine may be made ready, or end, earlier. See `protocol::on_cpu`.
//! - At most one party may make a goroutine ready for each time it parks: the one that took its
//!   waiter out of a list under the list's lock and, where several could, won its ticket.
#![expect(unsafe_code, reason = "control blocks live at computed places")]

mod extra;
mod fetch;
mod free;
mod growth;
mod pool;
mod reason;
mod scavenge;
mod standing;

pub(crate) use extra::{Found, Locals, destroy, discard};
pub(crate) use fetch::{prefetch_frames, prefetch_switch, prefetch_top};
pub(crate) use free::FreeSlots;
pub(crate) use pool::{Batch, acquire, end_window, give_back, release, set_aside};
pub(crate) use reason::Reason;
pub(crate) use scavenge::{Held, peek, prefetch_state};

use core::cell::Cell;
use core::mem;
use core::num::NonZeroUsize;
use core::panic::Location;
use core::ptr::{self, NonNull};
use core::sync::atomic::AtomicU16;

use crate::coroutine::{Command, Coroutine};
use crate::primitive::clock;
use crate::primitive::frame::Frame;
use crate::primitive::list::{Link, Linked};
use crate::primitive::section;
use crate::primitive::sync::{AtomicBool, AtomicPtr, AtomicU8, AtomicU32, AtomicU64, Ordering};
use crate::protocol::join::JoinWord;
use crate::protocol::on_cpu::OnCpu;
use crate::protocol::ticket::Ticket;
use crate::stacks::{Segment, SizeClass, Slot, arena};
use crate::timers::Sleeper;
use extra::Extra;

/// Where a goroutine stands, for reports; decisions are made by the protocols, not by this.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum Status {
    /// The slot is free.
    Idle = 0,
    /// In a run queue.
    Runnable = 1,
    /// On a processor.
    Running = 2,
    /// Parked; `reason` says why.
    Waiting = 3,
    /// In a call that blocks its thread; the P was taken away.
    Syscall = 4,
    /// Runnable, and waits for the one thread on which it may go on.
    Tied = 5,
    /// It has ended, and somebody has the handle; `since` says when.
    Ended = 6,
}

/// What a goroutine does first: run its closure, and say how it ends.
pub(crate) type Run = fn(&'static Goroutine) -> Command;

/// A goroutine's control block, from the start of a cache line. What every switch touches is in the first two.
#[repr(C, align(64))]
pub(crate) struct Goroutine {
    /// Link of the one list or queue it is in; protected by that list.
    next: Link<Goroutine>,
    /// Decides which of several wakers ends the current wait.
    ticket: Ticket,
    /// The suspended stack.
    coroutine: Coroutine,
    /// An M is on this goroutine's stack; see the module's invariants.
    on_cpu: OnCpu,
    /// A [`Status`]; written by whoever changes it, read by reports.
    status: AtomicU8,
    /// A [`Reason`], valid while `status` is `Waiting`; written by the goroutine.
    reason: AtomicU8,
    /// Since when it waits, in the coarse clock's ticks; as `reason`.
    since: AtomicU32,
    /// The M that alone may continue this goroutine, or null. Written by the goroutine before it
    /// waits, read by the M that takes it from a run queue.
    bound: AtomicPtr<()>,
    /// The M that ran it last, as an address, or null; written by the M that resumes it.
    last: Cell<*mut ()>,
    /// Where the goroutine called the operation in which it waits; written by the goroutine.
    waits_at: AtomicPtr<Location<'static>>,
    /// How often it is locked to its thread; the goroutine's own.
    locked: Cell<u8>,
    /// Whether it counts among those that have to go on with `last`. Protected as the stack is, by `on_cpu`: read and
    /// written by the M that has just left it, or that has picked it and waited for `on_cpu`.
    tied: Cell<bool>,

    // What follows no switch touches.
    /// The slot, in parts that are valid if zero; always the same. Written by `create`, read by whoever has the
    /// goroutine, and by nobody else.
    slot_index: Cell<u32>,
    slot_class: Cell<SizeClass>,
    /// The low bits of the `since` of the wait during which the unused pages of its stack were given back; sysmon's.
    trimmed: AtomicU16,
    /// How far below this block the high end of the first stack is; the closure, later the result, starts there. Dumps
    /// read it at any time.
    offset: AtomicU16,
    /// The control block is complete: a slot's memory is zero before.
    complete: AtomicBool,
    /// Who frees the slot, and who waits for the result.
    join: JoinWord,

    // Set when the goroutine is spawned, constant until it has ended.
    /// Runs the closure and leaves the result; monomorphic for the closure's type.
    run: Cell<Option<Run>>,
    /// The goroutine's number, never used again; dumps read it at any time.
    id: AtomicU64,
    /// A leaked box, or null: name and locals. Written once, by the creator or the goroutine; freed with the slot,
    /// and taken away under a lock because of dumps, see `extra`.
    extra: AtomicPtr<Extra>,
    /// Where `go!` stands; dumps read it at any time.
    spawned_at: AtomicPtr<Location<'static>>,
    /// Below it a marked call must look after the stack, see `growth`; its own.
    floor: Cell<usize>,
    /// The segment it runs on, or null while it runs on its first stack. Written by the goroutine, to which the segment
    /// belongs meanwhile; dumps read it at any time.
    segment: AtomicPtr<Segment>,
}

// SAFETY: the atomics speak for themselves. The cells are written by one party at a time, as each
// says: the list that holds the goroutine, its creator, or the goroutine itself; handing it from one
// party to the next goes through a queue or a lock, which orders the accesses.
unsafe impl Sync for Goroutine {}
// SAFETY: as for `Sync`; a control block belongs to no thread.
unsafe impl Send for Goroutine {}

// SAFETY: `next` is used by one list at a time: a goroutine is free, or in one run queue, or
// in a batch on its way between two of them.
unsafe impl Linked for Goroutine {
    fn next(this: NonNull<Self>) -> *const Link<Self> {
        // SAFETY: control blocks are never unmapped; only the field's address is taken.
        unsafe { &raw const (*this.as_ptr()).next }
    }
}

// SAFETY: control blocks live for ever, and `ticket` returns the same ticket each time.
unsafe impl Sleeper for Goroutine {
    fn ticket(&self) -> &Ticket {
        &self.ticket
    }
}

impl Goroutine {
    /// Writes the control block of a slot that the arena has handed out. It reads as zero, or as what a goroutine left
    /// there, and those who come late may be reading it now: so fields that they read are stored one by one.
    fn create(slot: Slot) -> &'static Self {
        let at = Self::place(slot);
        // `slot()` makes the slot's pointer anew, from the address of the control block.
        let _ = slot.base.as_ptr().expose_provenance();
        // SAFETY: aligned, mapped for ever, and zero or an earlier control block: a valid one in either case.
        let g = unsafe { &*at };
        g.ticket.start_above(scavenge::floor());
        g.on_cpu.reset();
        g.set_status(Status::Idle);
        g.join.reset();
        g.trimmed.store(u16::MAX, Ordering::Relaxed);
        g.id.store(0, Ordering::Relaxed);
        g.extra.store(ptr::null_mut(), Ordering::Relaxed);
        g.spawned_at
            .store(at_ptr(Location::caller()), Ordering::Relaxed);
        g.next.set(None);
        g.floor.set(Self::first_floor(slot));
        g.segment.store(ptr::null_mut(), Ordering::Relaxed);
        g.slot_index.set(slot.index);
        g.slot_class.set(slot.class);
        g.complete.store(true, Ordering::Release);
        g
    }

    /// The goroutine whose control block lies at `at`.
    pub(crate) fn from_ptr(at: NonNull<Self>) -> &'static Self {
        // SAFETY: every `NonNull<Goroutine>` comes from `as_ptr`, and control blocks live for ever.
        unsafe { at.as_ref() }
    }

    /// Where the control block of a slot lies.
    fn place(slot: Slot) -> *mut Self {
        let top = slot.top().addr().get();
        let at = (top - mem::size_of::<Self>()) & !(mem::align_of::<Self>() - 1);
        slot.base.as_ptr().with_addr(at).cast()
    }

    /// The control block of a slot that the arena has handed out, if it is there already.
    pub(crate) fn find_in(slot: Slot) -> Option<&'static Self> {
        let at = Self::place(slot);
        // SAFETY: the place is mapped and aligned; an atomic may hold any bits.
        let complete = unsafe { &(*at).complete };
        if !complete.load(Ordering::Acquire) {
            return None;
        }
        // SAFETY: `create` has completed it; control blocks live for ever.
        Some(unsafe { &*at })
    }

    /// The address of the control block.
    #[inline]
    pub(crate) fn as_ptr(&'static self) -> NonNull<Self> {
        NonNull::from(self)
    }

    /// Takes a free slot into use: lays out `size` bytes for closure and result, and prepares the
    /// stack below them. Returns the place for the closure, 16-byte aligned.
    #[inline]
    pub(crate) fn start(
        &'static self,
        size: usize,
        run: Run,
        id: u64,
        spawned_at: &'static Location<'static>,
    ) -> NonNull<u8> {
        // The goroutine that used the slot before may still be switching away, or sysmon be giving back the pages of its
        // stack.
        self.on_cpu.enter();
        debug_assert!(
            self.segment().is_none(),
            "whoever ends has left its segments"
        );
        let base = (ptr::from_ref(self).addr() - size) & !15;
        let offset = u16::try_from(ptr::from_ref(self).addr() - base);
        self.run.set(Some(run));
        self.id.store(id, Ordering::Relaxed);
        self.spawned_at.store(at_ptr(spawned_at), Ordering::Relaxed);
        self.offset
            .store(offset.expect("large values are boxed"), Ordering::Relaxed);
        self.join.reset();
        self.bound.store(ptr::null_mut(), Ordering::Relaxed);
        self.last.set(ptr::null_mut());
        debug_assert!(!self.tied.get(), "whoever ends is tied to nobody");
        self.locked.set(0);
        let limit = self.slot().usable_low().addr();
        // SAFETY: the slot is free and off every processor, so the stack is ours; `enter` ends with
        // a `Done` command and lets nothing unwind.
        unsafe {
            self.coroutine
                .init(NonZeroUsize::new_unchecked(base), limit, enter, self);
        }
        self.on_cpu.leave();
        self.place_at(base)
    }

    /// The place of the closure before the goroutine runs, and of its result after.
    #[inline]
    pub(crate) fn result(&self) -> NonNull<u8> {
        self.place_at(self.base())
    }

    #[inline]
    fn place_at(&self, address: usize) -> NonNull<u8> {
        // SAFETY: an address inside the slot, whose memory `create` has exposed, is not null.
        unsafe { NonNull::new_unchecked(ptr::with_exposed_provenance_mut(address)) }
    }

    /// Runs the goroutine until it suspends; called by the scheduler loop of an M that took it from
    /// a run queue, which makes it the only one.
    #[inline]
    pub(crate) fn resume(&'static self) -> Command {
        self.on_cpu.enter();
        self.set_status(Status::Running);
        // SAFETY: a runnable goroutine is initialised and has not ended; whoever took it from the
        // queue owns it, and `on_cpu` says that the M before is off its stack.
        unsafe { self.coroutine.resume() }
    }

    /// The M has left the goroutine's stack: others may resume it, or use the slot anew.
    #[inline]
    pub(crate) fn set_off_cpu(&self) {
        self.on_cpu.leave();
    }

    /// Whether no M is on its stack.
    #[inline]
    pub(crate) fn is_off_cpu(&self) -> bool {
        self.on_cpu.is_free()
    }

    /// Waits until no M is on its stack.
    pub(crate) fn wait_until_off_cpu(&self) {
        self.on_cpu.wait_until_free();
    }

    /// Where it left its stack last, and the stack's high end; of use while it is suspended.
    pub(crate) fn suspended_at(&self) -> (Frame, usize) {
        (self.coroutine.left_at(), self.base())
    }

    /// The high end of its first stack.
    fn base(&self) -> usize {
        ptr::from_ref(self).addr() - usize::from(self.offset.load(Ordering::Relaxed))
    }

    /// The lowest word of the suspended stack in use; see [`Coroutine::low_end`].
    ///
    /// # Safety
    ///
    /// As there.
    pub(crate) unsafe fn low_end(&self, sp: usize, slack: usize) -> Option<usize> {
        // SAFETY: the caller's promise.
        unsafe { self.coroutine.low_end(sp, slack) }
    }

    /// Whether it is off every processor and will go on later: waits, or is runnable. It may change at
    /// once, unless the caller owns the goroutine.
    pub(crate) fn is_suspended(&self) -> bool {
        let status = self.status.load(Ordering::Relaxed);
        let alive = status == Status::Waiting as u8 || status == Status::Runnable as u8;
        alive && self.on_cpu.is_free() && !self.join.is_done()
    }

    /// Leaves the processor; must be called on this goroutine's own stack.
    #[inline]
    pub(crate) fn suspend(&'static self, command: Command) {
        debug_assert!(self.is_on_stack(ptr::from_ref(&command).addr()));
        // SAFETY: the callers are `sched::switch` and `enter`, which run on the goroutine's stack.
        unsafe { self.coroutine.suspend(command) };
    }

    /// The word that decides who frees the slot.
    #[inline]
    pub(crate) fn join(&self) -> &JoinWord {
        &self.join
    }

    /// The ticket of the current wait.
    #[inline]
    pub(crate) fn ticket(&self) -> &Ticket {
        &self.ticket
    }

    /// The M that alone may continue it, as an address, or null.
    #[inline]
    pub(crate) fn bound(&self) -> *mut () {
        self.bound.load(Ordering::Acquire)
    }

    /// Binds to an M, or frees with null.
    pub(crate) fn bind(&self, machine: *mut ()) {
        self.bound.store(machine, Ordering::Release);
    }

    /// The M that ran it last, as an address; null before it has run. For the M that owns it now.
    #[inline]
    pub(crate) fn last(&self) -> *mut () {
        self.last.get()
    }

    /// Notes the M that runs it. For that M.
    #[inline]
    pub(crate) fn set_last(&self, machine: *mut ()) {
        self.last.set(machine);
    }

    /// Whether it counts among those that have to go on with the M that ran it last. For the M that has it under `on_cpu`.
    #[inline]
    pub(crate) fn is_tied(&self) -> bool {
        self.tied.get()
    }

    /// Notes whether it counts among those. As above.
    pub(crate) fn set_tied(&self, tied: bool) {
        self.tied.set(tied);
    }

    /// How often it is locked to its thread; the goroutine's own.
    #[inline]
    pub(crate) fn locked(&self) -> &Cell<u8> {
        &self.locked
    }

    /// The goroutine's number.
    #[inline]
    pub(crate) fn id(&self) -> u64 {
        self.id.load(Ordering::Relaxed)
    }

    /// Where `go!` stands; `None` if the goroutine has ended and its memory was given back.
    pub(crate) fn spawned_at(&self) -> Option<&'static Location<'static>> {
        // SAFETY: null or a `&'static`, see `at_ptr`.
        unsafe { self.spawned_at.load(Ordering::Relaxed).as_ref() }
    }

    /// Notes why and where the goroutine is about to wait.
    #[inline]
    pub(crate) fn set_waiting(&self, reason: Reason, at: &'static Location<'static>) {
        self.reason.store(reason as u8, Ordering::Relaxed);
        self.since.store(clock::ticks(), Ordering::Relaxed);
        self.waits_at.store(at_ptr(at), Ordering::Relaxed);
        self.set_status(Status::Waiting);
    }

    /// Notes where the goroutine stands.
    #[inline]
    pub(crate) fn set_status(&self, status: Status) {
        self.status.store(status as u8, Ordering::Relaxed);
    }

    /// Notes that the goroutine has ended, and that the slot is its handle's. For the M that is on its stack.
    pub(crate) fn set_ended(&self) {
        self.since.store(clock::ticks(), Ordering::Relaxed);
        self.set_status(Status::Ended);
    }

    /// Notes that the goroutine goes on without a P, in a call that blocks its thread.
    pub(crate) fn set_away(&self) {
        self.since.store(clock::ticks(), Ordering::Relaxed);
        self.set_status(Status::Syscall);
    }

    /// Where it waits; valid while it does.
    fn waits_at(&self) -> Option<&'static Location<'static>> {
        // SAFETY: null or a `&'static`, see `at_ptr`.
        unsafe { self.waits_at.load(Ordering::Relaxed).as_ref() }
    }

    /// The slot it lives in. For whoever has the goroutine: alive, or free and not given back.
    #[inline]
    pub(crate) fn slot(&self) -> Slot {
        let class = self.slot_class.get();
        let base = ptr::from_ref(self).addr() & !(class.slot_size() - 1);
        Slot {
            // SAFETY: no slot lies at address zero.
            base: unsafe { NonNull::new_unchecked(ptr::with_exposed_provenance_mut(base)) },
            class,
            index: self.slot_index.get(),
        }
    }

    /// As [`slot`](Self::slot), for those who may come late.
    pub(crate) fn slot_found(&self) -> Option<Slot> {
        arena().lookup(ptr::from_ref(self).addr())
    }
}

/// A location as an atomic keeps it; never written through.
fn at_ptr(at: &'static Location<'static>) -> *mut Location<'static> {
    ptr::from_ref(at).cast_mut()
}

/// The first function on every goroutine's stack.
fn enter(g: &'static Goroutine) {
    let run = g.run.get().expect("a goroutine starts with its closure");
    // Began in the loop of the M; see `primitive::section`.
    section::leave();
    let command = run(g);
    section::begin();
    g.suspend(command);
    unreachable!("an ended goroutine is not resumed");
}

// Three cache lines: the top page of a slot is all that a parked goroutine keeps.
const _: () = assert!(mem::size_of::<Goroutine>() <= 192);
const _: () = assert!(mem::offset_of!(Goroutine, locked) < 128);
