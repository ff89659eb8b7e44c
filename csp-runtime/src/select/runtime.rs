//! `Select`: a select whose arms are known only at run time.
#![expect(unsafe_code, reason = "arms of different types behind one pointer")]

use std::fmt;
use std::marker::PhantomData;
use std::mem::{self, ManuallyDrop};
use std::panic::Location;
use std::ptr;
use std::time::Duration;

use super::arms::Arm;
use super::driver::{self, Cases, Choice, Patience};
use crate::channel::{Receiver, RecvArm, SendArm, SendError, Sender};
use crate::primitive::clock::{self, NEVER};
use crate::wait::Case;

/// Waits for the first of any number of channel operations, up to 65,000.
///
/// # Examples
///
/// ```
/// use csp::{Select, channel};
///
/// let (tx, rx) = channel(1);
/// let (log, lines) = channel::<&str>(1);
/// tx.send(7).unwrap();
///
/// let mut select = Select::new();
/// let from_rx = select.recv(&rx);
/// let from_lines = select.recv(&lines);
/// let op = select.wait();
/// assert_eq!(op.index(), from_rx);
/// assert_eq!(op.recv(&rx), Some(7));
/// # let _ = (from_lines, log);
/// ```
#[derive(Default)]
pub struct Select<'a> {
    arms: Vec<Held>,
    /// The receivers and senders, borrowed while operations on them can be selected.
    channels: PhantomData<&'a ()>,
}

/// An arm whose borrow of its channel is out of sight: it is kept by [`Select`], which vouches for it.
///
/// Dropping it frees its memory and drops nothing in it. So a `Select` that merely goes out of scope
/// does not count as a use of what it borrows, and the channels may be moved or dropped before. All
/// that can be left in an arm is an operation that was forgotten; it is leaked, as forgetting says.
struct Held(Box<ManuallyDrop<dyn Arm>>);

impl Held {
    fn new<'a, A: Arm + 'a>(arm: A) -> Self {
        let arm: Box<ManuallyDrop<dyn Arm + 'a>> = Box::new(ManuallyDrop::new(arm));
        // SAFETY: only the lifetime changes. Arms are used by methods of `Select<'a>` and of what borrows
        // it, while 'a lasts; the drop that may come later uses nothing.
        Self(unsafe {
            mem::transmute::<Box<ManuallyDrop<dyn Arm + 'a>>, Box<ManuallyDrop<dyn Arm>>>(arm)
        })
    }

    fn case(&mut self) -> &mut dyn Case {
        &mut **self.0
    }
}

/// An operation that a [`Select`] has chosen; it must be completed with [`recv`](Self::recv) or
/// [`send`](Self::send).
#[must_use = "a selected operation must be completed"]
pub struct SelectedOperation<'s, 'a> {
    arms: &'s mut Vec<Held>,
    index: usize,
    completed: bool,
    /// The operation belongs to the task that selected it, and its arm borrows its channel.
    task: PhantomData<(*mut (), &'a ())>,
}

struct Boxed<'s>(&'s mut Vec<Held>);

impl Cases for Boxed<'_> {
    fn count(&self) -> usize {
        self.0.len()
    }

    fn get(&mut self, index: usize) -> &mut dyn Case {
        self.0[index].case()
    }
}

impl<'a> Select<'a> {
    /// Makes a select without operations.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a receive operation and returns its index.
    pub fn recv<T>(&mut self, receiver: &'a Receiver<T>) -> usize {
        self.arms.push(Held::new(RecvArm::new(Some(receiver))));
        self.arms.len() - 1
    }

    /// Adds a send operation and returns its index. The value is given when it is chosen.
    pub fn send<T>(&mut self, sender: &'a Sender<T>) -> usize {
        self.arms.push(Held::new(SendArm::new(Some(sender))));
        self.arms.len() - 1
    }

    /// Waits until one of the operations can be done; of several, one is chosen at random. Without
    /// operations it waits for ever.
    #[track_caller]
    pub fn wait(&mut self) -> SelectedOperation<'_, 'a> {
        let at = Location::caller();
        if self.arms.is_empty() {
            super::block_forever();
        }
        match self.run(Patience::Until(NEVER), at) {
            Some(index) => self.selected(index),
            None => unreachable!("a wait without a deadline ends with an operation"),
        }
    }

    /// As [`wait`](Self::wait), but at most for `timeout`; `None` if the time was up. A `select!` that is
    /// about to send here is waited for beyond that.
    #[track_caller]
    pub fn wait_timeout(&mut self, timeout: Duration) -> Option<SelectedOperation<'_, 'a>> {
        let at = Location::caller();
        if self.arms.is_empty() {
            let _ = crate::channel::never::<()>().recv_timeout(timeout);
            return None;
        }
        let index = self.run(Patience::Until(clock::deadline(timeout)), at)?;
        Some(self.selected(index))
    }

    /// Chooses an operation that can be done now; `None` if there is none.
    #[track_caller]
    pub fn try_wait(&mut self) -> Option<SelectedOperation<'_, 'a>> {
        let index = self.run(Patience::None, Location::caller())?;
        Some(self.selected(index))
    }

    fn run(&mut self, patience: Patience, at: &'static Location<'static>) -> Option<usize> {
        // An operation that was selected before and forgotten must not be dropped under a lock.
        for arm in &mut self.arms {
            arm.case().discard();
        }
        match driver::run(&mut Boxed(&mut self.arms), false, patience, at) {
            Choice::Arm(index) => Some(index),
            Choice::Nothing | Choice::AllDisabled => None,
        }
    }

    fn selected(&mut self, index: usize) -> SelectedOperation<'_, 'a> {
        SelectedOperation {
            arms: &mut self.arms,
            index,
            completed: false,
            task: PhantomData,
        }
    }
}

impl fmt::Debug for Select<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Select")
            .field("operations", &self.arms.len())
            .finish()
    }
}

impl SelectedOperation<'_, '_> {
    /// The index of the operation, as [`Select::recv`] or [`Select::send`] returned it.
    pub fn index(&self) -> usize {
        self.index
    }

    /// Completes a receive operation; `None` means that the channel is closed and drained.
    ///
    /// # Panics
    ///
    /// If the operation chosen is not a receive from this channel.
    #[track_caller]
    pub fn recv<T>(mut self, receiver: &Receiver<T>) -> Option<T> {
        let arm = self.arms[self.index].case();
        let fits = arm.lock().map(ptr::from_ref)
            == RecvArm::new(Some(receiver)).lock().map(ptr::from_ref)
            && !arm.is_send();
        assert!(
            fits,
            "the operation selected is not a receive from this channel"
        );
        self.completed = true;
        // SAFETY: the arm receives from the channel with this lock, hence messages of type `T`.
        let arm = unsafe { &mut *ptr::from_mut(arm).cast::<RecvArm<'_, T>>() };
        arm.take()
    }

    /// Completes a send operation.
    ///
    /// # Errors
    ///
    /// If the channel is closed or has no receiver left; the value comes back.
    ///
    /// # Panics
    ///
    /// If the operation chosen is not a send to this channel.
    #[track_caller]
    pub fn send<T>(mut self, sender: &Sender<T>, value: T) -> Result<(), SendError<T>> {
        let arm = self.arms[self.index].case();
        let fits = arm.lock().map(ptr::from_ref)
            == SendArm::new(Some(sender)).lock().map(ptr::from_ref)
            && arm.is_send();
        assert!(fits, "the operation selected is not a send to this channel");
        self.completed = true;
        // SAFETY: the arm sends to the channel with this lock, hence messages of type `T`.
        let arm = unsafe { &mut *ptr::from_mut(arm).cast::<SendArm<'_, T>>() };
        arm.take().send(value)
    }
}

impl Drop for SelectedOperation<'_, '_> {
    fn drop(&mut self) {
        if self.completed {
            return;
        }
        self.arms[self.index].case().discard();
        if !std::thread::panicking() {
            panic!("a selected operation was dropped without being completed");
        }
    }
}

impl fmt::Debug for SelectedOperation<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SelectedOperation")
            .field("index", &self.index)
            .finish_non_exhaustive()
    }
}
