//! Free slots, last in first out: a global list per size class behind the processors' own.
//!
//! A processor keeps free slots of the default class in [`FreeSlots`](super::FreeSlots) and exchanges
//! batches with the list here; other classes, and plain threads, come here at once. The last slot freed is the first
//! used again, because its top page is still in the cache. When a list is empty the arena is asked
//! for fresh slots, several at a time.

use core::mem::MaybeUninit;
use core::sync::atomic::{AtomicBool, Ordering};

use super::Goroutine;
use crate::primitive::list::Fifo;
use crate::primitive::spin::Spin;
use crate::stack::{SizeClass, Slot, StackError, arena, default};

/// Free slots of one class.
pub(crate) type Batch = Fifo<Goroutine>;

/// How many slots are taken from the arena at once.
const REFILL: usize = 32;

static FREE: [Spin<Batch>; SizeClass::COUNT] =
    [const { Spin::new(Batch::new()) }; SizeClass::COUNT];

/// Of which classes the arena has refused slots. Processors keep none of these: a goroutine must not be
/// refused while another processor has room for it. It only goes up, and guards no memory.
static SCARCE: [AtomicBool; SizeClass::COUNT] =
    [const { AtomicBool::new(false) }; SizeClass::COUNT];

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
    let free = FREE[class.index()].lock().pop_front();
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
            match free.pop_front() {
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
    FREE[g.slot().class.index()].lock().push_front(g.as_ptr());
}

/// Gives slots of one class back.
pub(crate) fn release_batch(class: SizeClass, batch: &mut Batch) {
    FREE[class.index()].lock().append(batch);
}

fn refill(class: SizeClass, batch: &mut Batch) -> Result<(), StackError> {
    let mut slots = [const { MaybeUninit::<Slot>::uninit() }; REFILL];
    // A large slot that is no default is taken alone: others of its kind may never be wanted.
    let wanted = if class <= SizeClass::DEFAULT || class == default::class() {
        REFILL
    } else {
        1
    };
    let taken = arena().take(class, &mut slots[..wanted]).inspect_err(|_| {
        SCARCE[class.index()].store(true, Ordering::Relaxed);
    })?;
    for slot in &slots[..taken] {
        batch.push_back(Goroutine::create(slot_at(slot)).as_ptr());
    }
    Ok(())
}

#[expect(unsafe_code, reason = "the arena reports how many slots it wrote")]
fn slot_at(slot: &MaybeUninit<Slot>) -> Slot {
    // SAFETY: called for the first `taken` slots, which `Arena::take` has written.
    unsafe { slot.assume_init_read() }
}
