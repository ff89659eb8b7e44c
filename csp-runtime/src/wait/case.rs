//! What `select` knows of the things it can wait for.

use crate::primitive::biased::Biased;
use crate::protocol::ticket::Wait;
use crate::wait::Task;

/// What [`Case::poll`] found.
pub(crate) enum Poll {
    /// The operation is done; this task has to be made ready once the locks are released.
    Ready(Option<Task>),
    /// The peer still has to make its value: ready it, park, then ask `settle`.
    Peer(Task),
    /// Not possible now.
    Pending,
}

/// One arm of a select.
///
/// # Safety
///
/// `lock` always returns the same lock, which protects the list that `enqueue` links into. After
/// `enqueue`, the case does not move until `dequeue`, or until it has won.
#[expect(unsafe_code, reason = "select links cases into lists")]
pub(crate) unsafe trait Case {
    /// The lock of what the arm waits for; `None` if the arm is disabled or can never be ready.
    fn lock(&self) -> Option<&Biased>;

    /// Whether the arm is switched off (as opposed to one that merely never becomes ready).
    fn is_disabled(&self) -> bool;

    /// Whether it is a send, as opposed to a receive.
    fn is_send(&self) -> bool;

    /// Does the operation if it is possible now. The lock is held.
    fn poll(&mut self, task: Task) -> Poll;

    /// Links the arm, to win `wait` as number `arm`; in front if its peer has let it down. Returns when the arm becomes
    /// ready by the clock alone, in nanoseconds. The lock is held.
    fn enqueue(&mut self, task: Task, wait: Wait, arm: u16, front: bool) -> u64;

    /// Unlinks the arm if it is still linked. The lock is held.
    fn dequeue(&mut self);

    /// Completes the operation after the arm has won, or its peer has answered. False if it came
    /// to nothing and the select must start over.
    fn settle(&mut self) -> bool;

    /// Drops what an earlier select has won and nobody took. No lock is held.
    fn discard(&mut self);
}
