//! Stacks that grow: calls that go on on a further segment when the stack runs out.
//!
//! A goroutine's stack is a slot of fixed size, 256 KiB unless asked for otherwise, and a thread's is what the system
//! gave it. That is enough for most code, and a recursion whose depth depends on the input has no size that is enough.
//! Such a function is marked:
//!
//! ```
//! struct Node { children: Vec<Node> }
//!
//! #[csp::recursive]
//! fn depth(node: &Node) -> usize {
//!     1 + node.children.iter().map(depth).max().unwrap_or(0)
//! }
//!
//! # fn chain(length: usize) -> Node {
//! #     let mut node = Node { children: vec![] };
//! #     for _ in 1..length { node = Node { children: vec![node] }; }
//! #     node
//! # }
//! # #[csp::recursive]
//! # fn free(node: Node) { node.children.into_iter().for_each(free) }
//! let tree = chain(100_000);
//! assert_eq!(depth(&tree), 100_000);
//! # free(tree);
//! ```
//!
//! Each call of it looks whether less than 64 KiB is left, which costs about two nanoseconds. If so, it goes on on a
//! *segment*, and comes back from there when it returns:
//!
//! ```text
//!   goroutine's slot          segment, 1 MiB            segment, 2 MiB
//!   ┌────────────────┐     ┌─▶┌────────────────┐     ┌─▶┌────────────────┐
//!   │ main::{closure}│     │  │ depth          │     │  │ depth          │
//!   │ depth          │     │  │ depth          │     │  │ depth ◀─ here  │
//!   │ …              │     │  │ …              │     │  │                │
//!   │ depth ─────────┼─────┘  │ depth ─────────┼─────┘  │                │
//!   │ 64 KiB left    │        │ 64 KiB left    │        │                │
//!   │ guard          │        │ guard          │        │ guard          │
//!   └────────────────┘        └────────────────┘        └────────────────┘
//! ```
//!
//! [`grow`] does the same for a part of a function, and [`ensure`] for code that needs more than 64 KiB at once: C code
//! with large frames, or a call of a library that recurses without a mark.
//!
//! # What holds
//!
//! - Segments are 1 MiB, then 2, 4, and so on up to 64 MiB each, of memory that costs only where it is touched. All stacks of
//!   a goroutine together have at most `CSP_STACK_MAX` bytes: 1 GiB, or what the environment says, as in
//!   `CSP_STACK_MAX=4G` (with `K`, `M`, `G`, or in bytes; what cannot be read is reported and ignored).
//! - A call that would exceed that ends the program with a report, as every stack overflow does. So does code without a
//!   mark that runs off a segment.
//! - What runs between two marked calls has to fit in those 64 KiB. Parameters and results that are passed by value lie on
//!   the stack several times, in code that is not optimised about ten times: pass what has more than 4 KiB by
//!   reference or in a box, or call what needs it in [`ensure`].
//! - If the system has no memory for a further segment, the call panics, and all goes on that can; in a destructor that runs
//!   because of a panic already, it goes on on the stack it is on, as long as that lasts.
//! - On a segment everything works as elsewhere: waiting, being stopped for others, going on on another thread, panics
//!   and backtraces, `csp::scope`, goroutine-locals.
//! - It works on goroutines, on the main goroutine, and on plain threads; also where the runtime was never started.
//!   Systems other than Linux do not say where a plain thread's stack is: there, and on stacks that other libraries switch
//!   to, calls run where they are.
//! - Segments are kept for the next who grows. A call at the very edge, in a loop, takes the same segment each time and
//!   makes no system call; on a plain thread it makes one, which asks whether the thread has a stack for signal handlers.
//!
//! A destructor recurses too: that of a list whose nodes own the next. It can be marked like any other function:
//! `#[csp::recursive] fn drop(&mut self)`, if it is what recurses, by taking the fields out and dropping them itself.
//!
//! Rejected: growing by copying, as Go does, needs every pointer into a stack known; checking in every function needs a
//! compiler of our own, and made calls in loops slow where that was tried.

mod limit;
mod plain;
mod slow;

use crate::primitive::frame::Frame;
use crate::sched::current;
use crate::stacks::RED_ZONE;

/// Calls `f`, on a further segment if less than 64 KiB is left of the stack.
///
/// [`#[csp::recursive]`](macro@crate::recursive) puts the body of a function into such a call. See the [module](self).
///
/// # Panics
///
/// If `f` does, with its payload; and if a segment is needed and the system has no memory for it.
///
/// # Examples
///
/// ```
/// fn sum_to(n: u64) -> u64 {
///     csp::stack::grow(|| if n == 0 { 0 } else { n + sum_to(n - 1) })
/// }
///
/// assert_eq!(sum_to(200_000), 20_000_100_000);
/// ```
#[inline]
pub fn grow<R>(f: impl FnOnce() -> R) -> R {
    if is_low() { further(RED_ZONE, f) } else { f() }
}

/// Calls `f`, on a further segment if less than `bytes` are left of the stack.
///
/// For code that needs much at once, such as C code with large frames, or a call of code that recurses to a known depth. The
/// segment is of the size that is needed, and costs memory only where it is touched, or a little ahead of marked code that
/// recurses.
///
/// # Panics
///
/// If `f` does, with its payload; and if a segment is needed and the system has no memory for it, or `bytes` is more than a
/// segment can have, somewhat below 1 GiB.
///
/// The program ends if the segment would exceed `CSP_STACK_MAX`. Segments have a power of two of bytes: with the default
/// of 1 GiB for all together, that is so from about 510 MiB on.
///
/// # Examples
///
/// ```
/// let sum = csp::stack::ensure(4 << 20, || {
///     let table = std::hint::black_box([1_u8; 3 << 20]);
///     table.iter().map(|&byte| u64::from(byte)).sum::<u64>()
/// });
/// assert_eq!(sum, 3 << 20);
/// ```
#[inline]
pub fn ensure<R>(bytes: usize, f: impl FnOnce() -> R) -> R {
    if remaining() < bytes {
        further(bytes, f)
    } else {
        f()
    }
}

/// Returns the bytes left of the stack or segment that the caller runs on; `usize::MAX` where that is not known.
///
/// # Examples
///
/// ```
/// let inside = csp::stack::ensure(1 << 20, csp::stack::remaining);
/// assert!(inside > 1 << 19);
/// ```
#[inline(never)]
#[must_use]
pub fn remaining() -> usize {
    let sp = Frame::here().sp;
    slow::stack_of_caller(sp).map_or(usize::MAX, |stack| sp - stack.range.start)
}

/// Whether less than the red zone is left, or what is left has no memory yet. Never inlined: it asks which thread it is on, and
/// in a user's function the compiler might keep the answer across a switch.
#[inline(never)]
fn is_low() -> bool {
    let sp = Frame::here().sp;
    match current::goroutine() {
        Some(g) => sp < g.floor(),
        None => plain::is_low(sp),
    }
}

/// Calls `f` on a stack with `need` bytes.
#[cold]
#[inline(never)]
fn further<R>(need: usize, f: impl FnOnce() -> R) -> R {
    let (mut f, mut result) = (Some(f), None);
    slow::call(need, &mut || result = f.take().map(|f| f()));
    result.expect("called once")
}
