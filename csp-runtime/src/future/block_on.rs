//! `block_on`: a future on a goroutine's stack.

use std::future::Future;
use std::panic::Location;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use crate::goroutine::Reason;
use crate::primitive::section;
use crate::primitive::spin::Spin;
use crate::protocol::notice::{Notice, Notified, Wait};
use crate::sched;
use crate::wait::Task;

/// Runs a future on the calling goroutine, or plain thread, which waits while the future does.
///
/// It takes any future: of an asynchronous library, whose reactor runs on a thread of its own, of another executor, or
/// this library's. A future that wakes itself lets the other goroutines run before it is polled again. Calls nest.
/// Inside, everything that waits may be used, and goroutine-locals are those of the caller.
///
/// The goroutine may go on on another thread after each wait. What the future keeps from a thread-local is looked for
/// where the future lies: on the goroutine's stack. A boxed future lies on the heap, where nobody looks (see the front
/// page, "Thread-locals"): box only futures that are `Send`, or hold [`lock_os_thread`](crate::runtime::lock_os_thread)
/// meanwhile. For the same reason the guard of tokio's `Runtime::enter` must not be held across a wait: give tokio its
/// futures by `spawn`, and wait for the handle.
///
/// The goroutine that calls wakers calls those of the whole process: a `Waker` must not itself wait for a future.
///
/// # Panics
///
/// With the panic of the future.
///
/// # Examples
///
/// ```
/// let (tx, rx) = csp::channel(0);
/// csp::go!(tx.send(20).unwrap());
/// let sum = csp::block_on(async { rx.recv_async().await.unwrap() + async { 22 }.await });
/// assert_eq!(sum, 42);
/// ```
#[track_caller]
pub fn block_on<F: Future>(future: F) -> F::Output {
    let at = Location::caller();
    let mut future = pin!(future);
    let caller = Arc::new(Caller {
        notice: Notice::new(),
        task: Spin::new(None),
    });
    let waker = Waker::from(Arc::clone(&caller));
    let mut context = Context::from_waker(&waker);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            Poll::Pending => caller.wait(at),
        }
    }
}

/// Who waits in a `block_on`. The wakers own it too, and may use it long after the call has returned.
struct Caller {
    notice: Notice,
    /// Whom to make ready; written before `notice` says that somebody waits, read by the one who ends that wait.
    task: Spin<Option<Task>>,
}

impl Caller {
    fn wait(&self, at: &'static Location<'static>) {
        Task::warm_up();
        let inside = section::enter();
        let task = Task::current();
        *self.task.lock() = Some(task);
        match self.notice.wait() {
            Wait::Park => {
                task.park(Reason::BlockOn, at);
                drop(inside);
                self.notice.take();
            }
            Wait::Look => {
                drop(inside);
                // Perhaps it has woken itself, to let others run.
                sched::yield_now();
            }
        }
    }
}

impl Wake for Caller {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.notice.notify() == Notified::Ready {
            let task = *self.task.lock();
            task.expect("who waits has said who it is").ready();
        }
    }
}
