//! Backtraces of goroutines that are suspended, for reports.
//!
//! ```text
//!   a goroutine's stack          private copy           addresses             text
//!   ┌──────────────┐   copy     ┌────────────┐ unwind ┌────────────┐ names  ┌──────────────────┐
//!   │ base         │ ─────────▶ │            │ ─────▶ │ 0x55d0…    │ ─────▶ │ 0: csp::…::recv  │
//!   │ frames       │  and look  │            │        │ 0x55d1…    │        │ 1: app::worker   │
//!   │ sp           │  again     │            │        │ …          │        │      at main.rs… │
//!   └──────────────┘            └────────────┘        └────────────┘        └──────────────────┘
//! ```
//!
//! Invariants:
//! - The goroutine is not stopped: it may be resumed, and may end, at any moment. So its stack is copied
//!   first, and what is worked on afterwards is the copy alone. A copy that was torn although it did not
//!   look so gives a wrong backtrace, and nothing worse.
//! - Of the program's memory, only that copy and the unwinding tables of loaded modules are read.
//! - Nothing here asks the scheduler for anything, and no lock is held when the text is handed out.
//!
//! A goroutine that runs shows no backtrace, nor does one that keeps its thread while it waits (see
//! `protocol::on_cpu`): where its thread is, is not noted anywhere.
//!
//! Where this is not Linux on x86-64 there are no backtraces: on other processors the registers with
//! which a stack was left are not known (`primitive::frame`), on other systems the tables are found
//! in other ways.
//!
//! Rejected: frame pointers, which the compiler and the standard library leave out; asking the goroutine
//! to capture its own backtrace, because the interesting ones are stuck; capturing one with every
//! park, for its price.

#[cfg(all(target_os = "linux", target_arch = "x86_64", not(miri)))]
mod copy;
#[cfg(all(target_os = "linux", target_arch = "x86_64", not(miri)))]
mod names;
#[cfg(all(target_os = "linux", target_arch = "x86_64", not(miri)))]
mod tracer;
#[cfg(all(target_os = "linux", target_arch = "x86_64", not(miri)))]
mod unwind;

#[cfg(all(target_os = "linux", target_arch = "x86_64", not(miri)))]
pub(crate) use tracer::Tracer;

/// Writes no backtraces; see the module.
#[cfg(not(all(target_os = "linux", target_arch = "x86_64", not(miri))))]
pub(crate) struct Tracer(std::convert::Infallible);

#[cfg(not(all(target_os = "linux", target_arch = "x86_64", not(miri))))]
impl Tracer {
    /// No.
    pub(crate) fn is_wanted() -> bool {
        false
    }

    /// None.
    pub(crate) fn from_environment() -> Option<Self> {
        None
    }

    /// Not called.
    pub(crate) fn push(&mut self, _: &crate::goroutine::Goroutine, _: &mut String) {
        match self.0 {}
    }
}
