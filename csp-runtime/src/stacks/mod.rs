//! The memory that goroutines run on: slots cut from few large mappings, their guards, and what
//! happens when a stack runs into one.
//!
//! ```text
//!   low                                                                                     high
//!   ┌───────────┬──────────────────────────────────┬────────────────┬───────────────┬──────────┐
//!   │   guard   │ untouched: no memory   ◀── stack │ closure, then  │ control block │  colour  │
//!   │ no access │                                  │     result     │               │ 0–960 B  │
//!   └───────────┴──────────────────────────────────┴────────────────┴───────────────┴──────────┘
//!   ▲           ▲                                                                   ▲
//!   limit()     usable_low()                                                      top()
//! ```
//!
//! `limit()` is the slot's `base`, aligned to its size. What lies between `usable_low()` and `top()`
//! is up to the layers above; the drawing shows their plan.
//!
//! **Growing.** The whole slot is readable and writable from the start, and a page costs memory
//! when it is first touched. A goroutine that parks shallow costs one page: control block, closure
//! and its few frames all lie in the highest one.
//!
//! **Ending.** The guard turns an overflow into a fault, and [`overflow`] turns the fault into a
//! report. Memory below a stack is never corrupted silently.
//!
//! What was rejected: copying stacks to larger ones, as Go does, needs every pointer into a stack
//! known, which Rust does not give; split stacks pay in every call; one `mmap` per stack meets
//! `vm.max_map_count` at 32,000 goroutines.
//!
//! | file | what |
//! |---|---|
//! | [`class`] | the sizes a slot can have |
//! | [`mod@default`] | the size when none is named |
//! | [`slot`] | a slot's place and parts |
//! | [`chunk`] | the reservations of one class, and handing out their slots |
//! | [`chunk::spare`] | giving back the memory of free slots |
//! | [`mod@arena`] | all classes; address to slot |
//! | [`segment`] | on what a stack goes on that grows beyond its slot |
//! | [`ahead`] | memory ahead of a stack that grows, in steps |
//! | [`bounds`] | where a plain thread's stack is |
//! | [`guard`] | the two ways to set a guard |
//! | [`map`] | the system calls on mappings, and all that differs between systems |
//! | [`altstack`] | a thread's stack for signal handlers |
//! | [`overflow`] | the fault handler |
//! | [`fatal`] | text without a heap |
//! | [`error`] | why there is no further stack |
//! | [`limit`] | which limit of the system was met |

mod ahead;
pub(crate) mod altstack;
pub(crate) mod arena;
pub(crate) mod bounds;
#[cfg(all(test, not(loom)))]
mod child;
mod chunk;
pub(crate) mod class;
pub(crate) mod default;
pub(crate) mod error;
pub(crate) mod fatal;
mod guard;
mod limit;
mod map;
pub(crate) mod overflow;
pub(crate) mod segment;
pub(crate) mod slot;

pub(crate) use ahead::{LEAST as FILLED_BY_FAULTS, fill};
pub(crate) use altstack::AltStack;
pub(crate) use arena::arena;
pub(crate) use chunk::spare::Given;
pub(crate) use class::SizeClass;
pub(crate) use error::StackError;
pub(crate) use fatal::FixedWriter;
pub(crate) use map::Pages;
pub(crate) use segment::{RED_ZONE, Segment, end_window, shed_one};
pub(crate) use slot::Slot;

/// The most ranges for one call of [`discard`].
pub(crate) const DISCARDED_AT_ONCE: usize = map::MOST_RANGES;

/// Gives the memory of parts of stacks back to the system; they read as zero afterwards.
///
/// # Errors
///
/// If the system refuses it.
///
/// # Safety
///
/// The pages come from [`Slot::pages_below`], and nobody uses what is in them, during the call or after.
#[expect(unsafe_code, reason = "passes a promise on")]
pub(crate) unsafe fn discard(pages: &[Pages]) -> std::io::Result<()> {
    // SAFETY: the caller's word.
    unsafe { map::give_back(pages) }
}
