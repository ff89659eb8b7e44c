//! What `select!` expands to; not for direct use.

use std::panic::Location;

use super::driver::{self, Cases, Choice, Patience};
use crate::channel::{RecvArm, RecvSource, SendArm, SendSource};
use crate::goroutine::Reason;
use crate::primitive::clock::NEVER;
use crate::sched;
use crate::wait::Case;

/// An arm of a `select!`: [`RecvArm`] or [`SendArm`].
#[expect(private_bounds, reason = "sealed: what an arm does is internal")]
pub trait Arm: Case {}

impl<T> Arm for RecvArm<'_, T> {}
impl<T> Arm for SendArm<'_, T> {}

/// What kind of `select!` it is.
#[derive(Clone, Copy, Debug)]
pub struct SelectOptions {
    /// Ready arms are taken in order instead of at random.
    pub biased: bool,
    /// There is a `default` arm.
    pub has_default: bool,
    /// There is an `else` arm.
    pub has_else: bool,
    /// A pattern did not match earlier in this select.
    pub mismatched: bool,
}

/// Which arm of a `select!` runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Selected {
    /// The receive or send arm with this number.
    Arm(usize),
    /// The `default` arm.
    Default,
    /// The `else` arm.
    Else,
}

/// Makes a receive arm.
pub fn recv_arm<'a, T, S: RecvSource<T> + ?Sized>(enabled: bool, source: &'a S) -> RecvArm<'a, T> {
    RecvArm::new(source.receiver().filter(|_| enabled))
}

/// Makes a send arm.
pub fn send_arm<'a, T, S: SendSource<T> + ?Sized>(enabled: bool, source: &'a S) -> SendArm<'a, T> {
    SendArm::new(source.sender().filter(|_| enabled))
}

struct Arms<'a, 'b>(&'a mut [&'b mut dyn Arm]);

impl Cases for Arms<'_, '_> {
    #[inline]
    fn count(&self) -> usize {
        self.0.len()
    }

    #[inline]
    fn get(&mut self, index: usize) -> &mut dyn Case {
        &mut *self.0[index]
    }
}

/// Runs a `select!`.
///
/// # Panics
///
/// If every arm is disabled, one of them by a pattern that did not match, and there is neither an
/// `else` nor a `default` arm.
#[track_caller]
pub fn select(arms: &mut [&mut dyn Arm], options: SelectOptions) -> Selected {
    let at = Location::caller();
    let patience = if options.has_default {
        Patience::None
    } else {
        Patience::Until(NEVER)
    };
    match driver::run(&mut Arms(arms), options.biased, patience, at) {
        Choice::Arm(index) => Selected::Arm(index),
        Choice::Nothing => Selected::Default,
        Choice::AllDisabled if options.has_else => Selected::Else,
        Choice::AllDisabled if options.has_default => Selected::Default,
        Choice::AllDisabled if options.mismatched => {
            panic!("all arms of select! are disabled, and it has no else arm")
        }
        Choice::AllDisabled => sched::park_forever(Reason::Select, at),
    }
}

/// Waits for ever: `select! {}`.
#[track_caller]
pub fn block_forever() -> ! {
    sched::park_forever(Reason::SelectNoCases, Location::caller())
}
