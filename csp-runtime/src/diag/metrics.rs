//! Numbers about the scheduler.

use crate::migration;
use crate::sched;

/// What the scheduler has done since the process started, and what there is now; see
/// [`metrics`](crate::runtime::metrics).
///
/// The numbers are read one after the other while the program runs, so they need not fit each other exactly.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Metrics {
    /// Goroutines that exist.
    pub goroutines: usize,
    /// Ps: `GOMAXPROCS`.
    pub procs: usize,
    /// Ps that nobody uses.
    pub idle_procs: usize,
    /// Operating-system threads that run goroutines, or did.
    pub threads: usize,
    /// Times a goroutine had used up its time slice and was asked to let others run.
    pub preemptions_asked: u64,
    /// Times a goroutine was stopped where it was, because it had not let others run.
    pub preemptions: u64,
    /// Times a P was taken from a goroutine that blocked its thread.
    pub handoffs: u64,
    /// Times a goroutine was about to move to another thread, and its stack was looked through for what belongs to the
    /// old one.
    pub migrations_checked: u64,
    /// Times it had to wait for the old thread, because its stack pointed to one of that thread's thread-locals, or the
    /// other way round.
    pub migrations_bound_by_address: u64,
    /// Times it had to, because its stack and a thread-local pointed to the same object.
    pub migrations_bound_by_object: u64,
    /// Words of stack looked at for this, which is what a check costs.
    pub migration_words: u64,
    /// Stacks of ended goroutines whose memory was given back to the system, because it had not been needed for a while.
    pub stacks_given_back: u64,
    /// Times the unused pages of a goroutine's stack were given back, because it had been parked for a while.
    pub stacks_trimmed: u64,
}

/// Returns numbers about the scheduler.
///
/// # Examples
///
/// ```
/// let metrics = csp::runtime::metrics();
/// assert!(metrics.idle_procs <= metrics.procs);
/// ```
pub fn metrics() -> Metrics {
    let counts = sched::counts();
    let moves = migration::counts();
    Metrics {
        goroutines: sched::num_goroutine(),
        procs: sched::procs(),
        idle_procs: counts.idle_procs,
        threads: counts.threads,
        preemptions_asked: counts.asked,
        preemptions: counts.stops,
        handoffs: counts.handoffs,
        migrations_checked: moves.checked,
        migrations_bound_by_address: moves.address + moves.lent,
        migrations_bound_by_object: moves.shared,
        migration_words: moves.words,
        stacks_given_back: counts.slots_given_back,
        stacks_trimmed: counts.parked_trimmed,
    }
}
