//! What the Rust programs of the benchmarks share: the sizes of the workloads, the command line, the output, the memory
//! figure, the parser of HTTP requests and memory mapped for its own sake.
//!
//! There is a program per peer, `csp`, `may`, `tokio` and `threads` below `src/bin`, and Go's in `go`. Each has a file per
//! workload, which does the same operations in the same order as its namesakes. What follows is the definition of each;
//! the heads of the files say only what differs, and what a reader could doubt. Another program, `bare`, does of some
//! workloads what the system alone has to, with no runtime.
//!
//! | workload | what is done, and what is timed |
//! |---|---|
//! | `spawn` | batches of tasks that do nothing, each batch waited for before the next |
//! | `yield` | two tasks yield in turn |
//! | `pingpong` | a message goes to another task and comes back, over two unbuffered channels; ns per message, two a trip |
//! | `stream`, `stream44` | one task sends to another over a buffered channel; four send to four over one |
//! | `select2`, `select8` | a task for each of the unbuffered channels sends the same share, one selects over them all |
//! | `mutex` | tasks lock a counter, add one, unlock |
//! | `sieve` | a generator and a chain of filters, one per prime, over unbuffered channels; ns per number that passes a channel on the way to the last prime |
//! | `ring` | one token goes round a ring of tasks over unbuffered channels |
//! | `skynet` | each node starts ten children, which send it their sums; the leaves send their numbers |
//! | `timers` | task `i` sleeps for [`timer_delay`]`(i)`; wall time from before the first start until all have ended, less a second; mean of what each sleep took beyond its delay |
//! | `parked` | each task signs off at a wait group and then waits on a channel of its own; until the wait group is done |
//! | `deep` | a task recurses [`DEEP_BYTES`] deep, in frames of [`DEEP_FRAME`] bytes that it writes and reads |
//! | `hog` | a task computes for ever, another sleeps [`HOG_SLEEPS`] times for a millisecond; mean of what a sleep took beyond |
//! | `wakeup` | a task sends the time on a channel of capacity 1 on which another waits, and then computes for [`WAKEUP_COMPUTE_MS`]; mean time until the other has it, which it answers with |
//! | `http-server` | answers each request with the same few bytes |
//!
//! Timed is everything from before the first channel is made until the last task has been waited for. A round of a tenth
//! of the size goes before it, except for `skynet`, `timers`, `parked`, `deep`, `hog` and `wakeup`, where the
//! first time is what a program has to do.
//!
//! Go's program repeats the sizes in `go/sizes.go`; a test holds the two to each other.

use std::time::Duration;

pub mod deep;
pub mod http;
pub mod memory;
pub mod primes;
pub mod program;
pub mod region;
pub mod report;

/// Batches of `spawn`.
pub const SPAWN_BATCHES: usize = 1_000;
/// Tasks of a batch.
pub const SPAWN_BATCH: usize = 1_000;
/// Tasks of `yield`.
pub const YIELD_TASKS: usize = 2;
/// How often they yield, together.
pub const YIELDS: usize = 2_000_000;
/// Round trips of `pingpong`.
pub const ROUND_TRIPS: usize = 500_000;
/// Messages of `stream`.
pub const STREAM_MESSAGES: usize = 5_000_000;
/// Capacity of the channel of `stream` and `stream44`.
pub const STREAM_CAPACITY: usize = 128;
/// Senders of `stream44`, and receivers.
pub const STREAM44_TASKS: usize = 4;
/// Messages of `stream44`.
pub const STREAM44_MESSAGES: usize = 4_000_000;
/// Messages of `select2` and `select8`.
pub const SELECT_MESSAGES: usize = 1_000_000;
/// Tasks of `mutex`.
pub const MUTEX_TASKS: usize = 8;
/// How often they lock it, together.
pub const MUTEX_LOCKS: usize = 2_000_000;
/// Primes that `sieve` finds.
pub const SIEVE_PRIMES: usize = 2_000;
/// Tasks of `ring`.
pub const RING_TASKS: usize = 503;
/// How often the token is passed.
pub const RING_HOPS: usize = 1_000_000;
/// Leaves of `skynet`.
pub const SKYNET_LEAVES: usize = 1_000_000;
/// Children of a node.
pub const SKYNET_CHILDREN: usize = 10;
/// Tasks of `timers`.
pub const TIMERS: usize = 100_000;
/// Has no factor in common with [`TIMERS`], and mixes their order.
pub const TIMERS_STEP: usize = 7_919;
/// Tasks of `parked`.
pub const PARKED_TASKS: usize = 1_000_000;
/// How deep `deep` recurses.
pub const DEEP_BYTES: usize = 16 << 20;
/// Bytes of a frame of `deep`, about.
pub const DEEP_FRAME: usize = 256;
/// How often the second task of `hog` sleeps.
pub const HOG_SLEEPS: usize = 200;
/// Messages of `wakeup`.
pub const WAKEUPS: usize = 200;
/// For how many milliseconds the sender computes after each.
pub const WAKEUP_COMPUTE_MS: u64 = 5;

/// How many times smaller the round is that goes before the timed one.
pub const WARM_UP: usize = 10;

/// How many times less the program of OS threads does of `spawn`, `pingpong`, `select2`, `select8` and `ring`, where an
/// operation takes it microseconds. Figures are per operation, and do not depend on how many there are.
pub const THREADS_LESS: usize = 10;
/// Primes that `sieve` finds there, which takes a tenth of the transfers, and fewer threads.
pub const THREADS_PRIMES: usize = 600;

/// Over how long the sleeps of `timers` are spread.
pub const TIMERS_SPREAD: Duration = Duration::from_secs(1);
/// For how long the second task of `hog` sleeps.
pub const HOG_SLEEP: Duration = Duration::from_millis(1);
/// What the numbers of the leaves of `skynet` add up to.
pub const SKYNET_SUM: usize = SKYNET_LEAVES * (SKYNET_LEAVES - 1) / 2;

/// Returns how long task `i` of `timers` sleeps: each multiple of ten microseconds up to a second is somebody's, in mixed
/// order.
pub fn timer_delay(i: usize) -> Duration {
    TIMERS_SPREAD / TIMERS as u32 * (i * TIMERS_STEP % TIMERS + 1) as u32
}

#[cfg(test)]
mod sizes;
