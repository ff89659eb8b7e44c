//! The scheduler: G, M and P after Go's.
//!
//! ```text
//!            ┌────────────┐        goroutines of plain threads, and what overflows
//!            │global queue│◀────────────────────────────────────────────┐
//!            └─────┬──────┘                                             │
//!   every 61st pick│ and when the own queue is empty                    │
//!        ┌─────────▼────┐  steals half   ┌──────────────┐               │
//!        │ P0  runnext  │◀──────────────▶│ P1  runnext  │               │
//!        │     ring     │                │     ring     │───────────────┘
//!        │     timers   │                │     timers   │
//!        └──────┬───────┘                └──────┬───────┘
//!            M (thread)                      M (thread)         idle Ms, idle Ps
//!               │ resume / suspend              │
//!               G                               G
//! ```
//!
//! | file | what |
//! |---|---|
//! | `proc` | P: queue, `runnext`, timers, free slots |
//! | `machine` | M: a thread, and how a sleeping one is given a P |
//! | `current` | which M, P and G the caller is on |
//! | `shared` | the one scheduler: Ps, idle lists, global queue |
//! | `find` | where an M looks for work, and how it goes to sleep |
//! | `switch` | the loop of an M; park and yield |
//! | `ready` | making goroutines runnable, and whom to wake for them |
//! | `handoff` | a goroutine that must keep its thread while it waits |
//! | `home`, `sites` | which M a goroutine has to go on with; where those that may compute for ever do not begin |
//! | `preempt`, `signal` | stopping a goroutine that computes |
//! | `retake` | taking the P from a thread that blocks |
//! | `scavenge` | giving unused memory back to the system |
//! | `net` | who polls the network |
//! | `thread` | what the system knows of an M's thread |
//! | `procs` | `GOMAXPROCS`: growing and shrinking the set of Ps |
//! | `creator` | the thread that starts Ms |
//! | `sysmon` | the thread that watches without a P: when it looks |
//! | `patrol` | what it looks at: who runs too long, who blocks |
//! | `deadlock` | noticing that nothing will ever happen again |
//! | `quit` | asking for a report from a signal handler |
//! | `config` | how many Ps to start with |
//! | `counts` | numbers for reports |
//!
//! # When to wake another M
//!
//! A goroutine made ready goes to `runnext` of the waker's P. Most often the waker waits a moment
//! later and its own M goes on with it: a wake-up then costs no system call. So the waker does
//! not wake another M for it; if it goes on computing instead, sysmon sees the same goroutine in
//! `runnext` twice, and starts an M on an idle P, which steals it. sysmon looks often while there are idle Ps
//! and some P is at work, and `ready` wakes it if it had slowed down (see `sysmon`).
//!
//! When a second goroutine becomes ready behind the first, an idle P is woken at once, unless the P is
//! *fine-grained*: sysmon has found that its goroutines run for less than some microseconds at a time. What waits there
//! runs sooner than another M wakes up, and goroutines that talk to each other all the time run faster on one P than on
//! two, between which each word that they share has to travel. So a fine-grained P shares only a crowd of them, in which
//! there are most likely some that have nothing to do with each other; nor does an M that searches take fewer. If
//! goroutines are tiny and end when they have run, their number tells how much work they are: such a P shares them if the
//! other M would not come too late to help. If one of them then runs for long after all, sysmon sees it at one of its next
//! looks, some 50 us apart.
//!
//! # No lost wake-ups
//!
//! The argument has three cases. (1) *Work in the queue of a running P* cannot be lost, because its
//! M looks there before it gives the P up; whether another M is woken to share it is a matter of
//! latency, so the check there is one relaxed load without a fence, and sysmon makes good the rare
//! miss. (2) *Work from outside* goes to the global queue and then wakes with a fence between, while
//! an M that gives its P up looks at the global queue again under the lock that made the P idle:
//! one of the two sees the other. (3) *The last searching M* that stops looks at all queues once more
//! after it has said so, behind a fence; see `protocol::idle` for the proof and its model.

pub(crate) mod config;
mod counts;
pub(crate) mod creator;
pub(crate) mod current;
pub(crate) mod deadlock;
mod find;
mod handoff;
mod home;
mod machine;
mod net;
mod patrol;
pub(crate) mod preempt;
mod proc;
mod procs;
pub(crate) mod quit;
mod ready;
mod retake;
mod scavenge;
mod shared;
mod signal;
mod sites;
mod switch;
mod sysmon;
mod thread;

pub(crate) use counts::counts;
pub(crate) use machine::Machine;
pub(crate) use preempt::checkpoint;
pub(crate) use proc::{Processor, take_id};
pub(crate) use procs::{may_spin, procs, set_procs};
pub(crate) use ready::{ready, ready_new, ready_new_on};
pub(crate) use retake::{begin_call, end_call};
pub(crate) use shared::{leave_out_of_number, num_goroutine, scheduler, start};
pub(crate) use switch::{
    bind_if_needed, count_thread_start, free_slot, lock_thread, park, park_forever, pin_goroutines,
    unlock_thread, yield_now,
};
pub(crate) use sysmon::watch_net;
