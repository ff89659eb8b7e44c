//! Free slots, last in first out: a global list per size class behind the processors' own.
//!
//! A processor keeps free slots of the default class in [`FreeSlots`](super::FreeSlots) and exchanges
//! batches with the list here; other classes, and plain threads, come here at once. The last slot freed is the first
//! used again, because its top page is still in the cache. When a list is empty the arena is asked
//! for more, several at a time: those that are about to be given back, those that were, and at last fresh ones.
//!
//! # What is not needed
//!
//! Each list notes how short it was during a window of about half a second, its *low-water mark*: so many slots nobody
//! needed. What nobody needed in two windows in a row is surplus. It is taken out of the list, in small steps, and
//! set aside in the arena, which gives its memory back (`sched::scavenge` says when). Two windows, because
//! a program that works in bursts would otherwise pay for each burst.
//!
//! While sysmon moves slots from one place to the next they are in neither ([`Moving`]). Who finds no slot anywhere meanwhile
//! looks again afterwards: a goroutine must not be refused because its slot was on its way.

use core::mem::MaybeUninit;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering, fence};

use super::{Goroutine, scavenge};
use crate::primitive::clock;
use crate::primitive::list::Fifo;
use crate::primitive::spin::Spin;
use crate::primitive::sync::yield_now;
use crate::stacks::{Given, SizeClass, Slot, StackError, arena, default};

/// Free slots of one class.
pub(crate) type Batch = Fifo<Goroutine>;

/// How many slots are taken from the arena at once.
const REFILL: usize = 32;

/// The most slots taken out of a list under one hold of its lock: each is a cache miss.
const STEP: usize = 64;

static FREE: [Spin<FreeList>; SizeClass::COUNT] =
    [const { Spin::new(FreeList::new()) }; SizeClass::COUNT];

/// The free slots of a class, and how many of them are not needed. Protected by the lock around it.
struct FreeList {
    slots: Batch,
    /// The fewest there were in this window.
    low: usize,
    /// The fewest there were in the window before, as far as they are still there.
    before: usize,
}

impl FreeList {
    const fn new() -> Self {
        Self {
            slots: Batch::new(),
            low: 0,
            before: 0,
        }
    }

    #[inline]
    fn pop(&mut self) -> Option<NonNull<Goroutine>> {
        let g = self.slots.pop_front();
        self.low = self.low.min(self.slots.len());
        g
    }
}

/// Of which classes the arena has refused slots. Processors keep none of these: a goroutine must not be
/// refused while another processor has room for it. It only goes up, and guards no memory.
static SCARCE: [AtomicBool; SizeClass::COUNT] =
    [const { AtomicBool::new(false) }; SizeClass::COUNT];

/// Counts up as a move of free slots of a class begins, and as it ends: odd meanwhile. Written by sysmon.
static MOVES: [AtomicU32; SizeClass::COUNT] = [const { AtomicU32::new(0) }; SizeClass::COUNT];

/// Nanoseconds that a refusal waits for moves. Only a stack of very many pages takes more than some microseconds; in a
/// child after a fork a move that has begun never ends.
const PATIENCE: u64 = 1_000_000_000;

/// sysmon moves free slots of a class while this exists.
struct Moving(&'static AtomicU32);

impl Moving {
    fn begin(class: SizeClass) -> Self {
        let moves = &MOVES[class.index()];
        let count = moves.load(Ordering::Relaxed).wrapping_add(1);
        moves.store(count, Ordering::Relaxed);
        // Partner: the fence in `refill`. Who misses a slot because of what follows sees that it moves.
        fence(Ordering::Release);
        Self(moves)
    }
}

impl Drop for Moving {
    fn drop(&mut self) {
        let moves = self.0.load(Ordering::Relaxed).wrapping_add(1);
        self.0.store(moves, Ordering::Release);
    }
}

/// Whether the arena has refused slots of this class.
#[inline]
pub(super) fn is_scarce(class: SizeClass) -> bool {
    SCARCE[class.index()].load(Ordering::Relaxed)
}

/// Takes a free slot of a class.
///
/// # Errors
///
/// When the list is empty and the arena cannot give more.
pub(crate) fn acquire(class: SizeClass) -> Result<&'static Goroutine, StackError> {
    let free = FREE[class.index()].lock().pop();
    if let Some(g) = free {
        return Ok(Goroutine::from_ptr(g));
    }
    let mut batch = Batch::new();
    refill(class, &mut batch)?;
    let g = batch
        .pop_front()
        .expect("the arena gives at least one slot");
    release_batch(class, &mut batch);
    Ok(Goroutine::from_ptr(g))
}

/// Moves free slots of a class into a processor's own list: `REFILL` at most, one if they are scarce.
///
/// # Errors
///
/// When there are none and the arena cannot give more.
pub(crate) fn acquire_batch(class: SizeClass, batch: &mut Batch) -> Result<(), StackError> {
    {
        let mut free = FREE[class.index()].lock();
        let most = if is_scarce(class) { 1 } else { REFILL };
        for _ in 0..most {
            match free.pop() {
                Some(g) => batch.push_back(g),
                None => break,
            }
        }
    }
    if batch.is_empty() {
        refill(class, batch)?;
    }
    Ok(())
}

/// Gives a slot back.
pub(crate) fn release(g: &'static Goroutine) {
    FREE[g.slot().class.index()]
        .lock()
        .slots
        .push_front(g.as_ptr());
}

/// Gives slots of one class back.
pub(crate) fn release_batch(class: SizeClass, batch: &mut Batch) {
    FREE[class.index()].lock().slots.append(batch);
}

/// Gives slots of one class back that were not needed in two windows.
pub(crate) fn release_surplus(class: SizeClass, batch: &mut Batch) {
    let mut free = FREE[class.index()].lock();
    free.low += batch.len();
    free.before += batch.len();
    free.slots.append(batch);
}

/// Ends a window; returns how many slots of the class are surplus.
pub(crate) fn end_window(class: SizeClass) -> usize {
    let mut free = FREE[class.index()].lock();
    let surplus = free.low.min(free.before);
    free.before = free.low;
    free.low = free.slots.len();
    surplus
}

/// Sets up to `most` surplus slots of a class aside, `STEP` at most, and returns how many left the list; 0 if there is
/// no surplus any more.
pub(crate) fn set_aside(class: SizeClass, most: usize) -> usize {
    let _moving = Moving::begin(class);
    let mut batch = Batch::new();
    let taken = {
        let mut free = FREE[class.index()].lock();
        let count = most.min(STEP).min(free.low);
        let taken = free.slots.split_front(count, &mut batch);
        free.low -= taken;
        free.before = free.before.saturating_sub(taken);
        taken
    };
    let mut slots = [const { MaybeUninit::<Slot>::uninit() }; STEP];
    let mut count = 0;
    let mut busy = Batch::new();
    while let Some(at) = batch.pop_front() {
        let g = Goroutine::from_ptr(at);
        // A free slot is off every processor; should one not be, its stack is in use.
        if g.is_off_cpu() {
            scavenge::raise_floor(g);
            slots[count].write(g.slot());
            count += 1;
        } else {
            busy.push_back(at);
        }
    }
    arena().set_aside(class, written(&slots, count));
    release_batch(class, &mut busy);
    taken
}

/// Gives the memory of about `most` slots that are set aside back to the system. For sysmon only.
pub(crate) fn give_back(class: SizeClass, most: usize) -> Given {
    let _moving = Moving::begin(class);
    arena().give_back(class, most)
}

/// Takes slots from the arena. Before it fails, slots that are on their way are waited for.
fn refill(class: SizeClass, batch: &mut Batch) -> Result<(), StackError> {
    let moves = &MOVES[class.index()];
    let mut until = None;
    loop {
        let seen = moves.load(Ordering::Acquire);
        let Err(error) = take_from_arena(class, batch) else {
            return Ok(());
        };
        // Partner: the fence in `Moving::begin`.
        fence(Ordering::Acquire);
        let until = *until.get_or_insert_with(|| clock::now().saturating_add(PATIENCE));
        let mut now = moves.load(Ordering::Relaxed);
        if (now == seen && now.is_multiple_of(2)) || clock::now() >= until {
            SCARCE[class.index()].store(true, Ordering::Relaxed);
            return Err(error);
        }
        let begun = now;
        while now == begun && !now.is_multiple_of(2) && clock::now() < until {
            yield_now();
            now = moves.load(Ordering::Relaxed);
        }
        if let Some(g) = FREE[class.index()].lock().pop() {
            batch.push_back(g);
            return Ok(());
        }
    }
}

fn take_from_arena(class: SizeClass, batch: &mut Batch) -> Result<(), StackError> {
    let mut slots = [const { MaybeUninit::<Slot>::uninit() }; REFILL];
    // A large slot that is no default is taken alone: others of its kind may never be wanted.
    let wanted = if class <= SizeClass::DEFAULT || class == default::class() {
        REFILL
    } else {
        1
    };
    let back = arena().take_back(class, &mut slots[..wanted]);
    for &slot in written(&slots, back) {
        // Complete unless the system refused to take a part of it.
        let g = Goroutine::find_in(slot).unwrap_or_else(|| Goroutine::create(slot));
        batch.push_back(g.as_ptr());
    }
    if back > 0 {
        return Ok(());
    }
    let taken = arena().take(class, &mut slots[..wanted])?;
    for &slot in written(&slots, taken) {
        batch.push_back(Goroutine::create(slot).as_ptr());
    }
    Ok(())
}

/// The first `count` slots, which were written.
#[expect(unsafe_code, reason = "the arena reports how many slots it wrote")]
fn written(slots: &[MaybeUninit<Slot>], count: usize) -> &[Slot] {
    // SAFETY: the callers pass what the arena said that it wrote, or what they wrote themselves.
    unsafe { slots[..count].assume_init_ref() }
}
