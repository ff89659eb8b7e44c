//! What everything else stands on: atomics, locks, waiting for another thread, time and small
//! containers.
//!
//! | module | gives |
//! |---|---|
//! | [`sync`] | the atomics, exchangeable for loom's |
//! | [`spin`] | a lock for critical sections of a few instructions |
//! | [`section`] | where a goroutine must not be preempted |
//! | [`barrier`] | a full barrier on every thread |
//! | [`frame`] | the registers with which a stack was left |
//! | [`futex`] | sleeping until a 32-bit word changes |
//! | [`park`], [`parker`] | a one-token parker: the state machine and the sleeping |
//! | [`clock`] | monotonic nanoseconds |
//! | [`rng`] | cheap random numbers for victim and select order |
//! | [`pad`] | one value per cache line |
//! | `model` | what the models share |
//! | [`list`] | an intrusive first-in-first-out list |
//! | [`prefetch`] | fetching memory ahead of its use |
//! | [`precise`] | timed sleeps without slack |
//! | [`size`] | sizes in bytes as people write them |
//! | [`tls`] | the one thread-local word of the runtime |
//!
//! Nothing here knows a goroutine, and nothing here imports another layer. Nothing allocates.

#[cfg(not(loom))]
pub(crate) mod barrier;
pub(crate) mod biased;
pub(crate) mod clock;
pub(crate) mod frame;
pub(crate) mod futex;
pub(crate) mod list;
#[cfg(all(test, loom))]
pub(crate) mod model;
pub(crate) mod pad;
pub(crate) mod park;
pub(crate) mod parker;
pub(crate) mod precise;
pub(crate) mod prefetch;
pub(crate) mod rng;
pub(crate) mod section;
pub(crate) mod size;
pub(crate) mod spin;
pub(crate) mod sync;
#[cfg(not(loom))]
pub(crate) mod tls;
