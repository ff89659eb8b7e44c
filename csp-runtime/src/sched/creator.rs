//! The thread that starts Ms.
//!
//! Starting a thread allocates and takes the C library's locks, which the scheduler loop must never
//! do: the goroutine that holds such a lock may be waiting for this very processor. So whoever
//! needs an M and finds none idle sends the P over a channel, and this thread creates an M for it.
//! The channel is bounded far above the number of Ps, and each P is in it at most once, so that
//! sending neither blocks nor allocates.
//!
//! If the system refuses a thread, the P goes back to the idle list and the reason is reported, once:
//! the Ms that exist take the work over. Without any M there is nothing left to run it, and the
//! process ends with an error that names the limit.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::sched::shared::{MAX_PROCS, scheduler};
use crate::sched::{Machine, Processor, switch};
use crate::stack::AltStack;

/// The stack of an M's thread: it holds the scheduler loop alone.
const STACK: usize = 256 << 10;

struct Request {
    p: &'static Processor,
    /// The M starts as one of those that search, and is already counted.
    spinning: bool,
}

static REQUESTS: OnceLock<Sender<Request>> = OnceLock::new();
static STARTED: AtomicU32 = AtomicU32::new(0);

/// Starts the creator itself.
///
/// # Panics
///
/// If the system refuses the thread.
pub(super) fn start() {
    let (tx, rx) = bounded(2 * MAX_PROCS);
    REQUESTS
        .set(tx)
        .unwrap_or_else(|_| unreachable!("the runtime starts once"));
    thread::Builder::new()
        .name("csp-creator".into())
        .stack_size(STACK)
        .spawn(move || serve(&rx))
        .unwrap_or_else(|error| panic!("csp: cannot start a thread: {error}; {ADVICE}"));
}

const ADVICE: &str = "raise the limit on processes (ulimit -u, or the cgroup's pids.max)";

/// Asks for a new M that starts out with `p`.
pub(super) fn request(p: &'static Processor, spinning: bool) {
    let requests = REQUESTS.get().expect("the creator starts before any M");
    requests
        .try_send(Request { p, spinning })
        .unwrap_or_else(|_| unreachable!("every P is requested for at most once"));
}

fn serve(requests: &Receiver<Request>) {
    for request in requests {
        if let Err(error) = create(&request) {
            refuse(&request, &error);
        }
    }
}

fn create(request: &Request) -> std::io::Result<()> {
    let m = Machine::create(STARTED.load(Ordering::Relaxed));
    {
        // Room for one more sleeping M, so that going to sleep never allocates. Grown in steps.
        let wanted = m.id as usize + 1;
        let mut lists = scheduler().lists();
        if lists.machines.capacity() < wanted {
            let mut larger = Vec::new();
            drop(lists);
            larger.reserve_exact(wanted.next_power_of_two().max(64));
            lists = scheduler().lists();
            larger.append(&mut lists.machines);
            core::mem::swap(&mut lists.machines, &mut larger);
            drop(lists);
            drop(larger);
        }
    }
    m.give(request.p, request.spinning);
    let started = thread::Builder::new()
        .name(format!("csp-m-{}", m.id))
        .stack_size(STACK)
        .spawn(move || {
            let _signals = AltStack::install();
            switch::run(m)
        });
    match started {
        Ok(_) => {
            STARTED.fetch_add(1, Ordering::Relaxed);
            Ok(())
        }
        Err(error) => {
            // Nobody will sleep there: take the P back.
            let _ = m.take_gift();
            Err(error)
        }
    }
}

#[cold]
fn refuse(request: &Request, error: &std::io::Error) {
    static REPORTED: AtomicBool = AtomicBool::new(false);
    if STARTED.load(Ordering::Relaxed) == 0 {
        eprintln!("fatal error: csp cannot start a thread: {error}; {ADVICE}");
        std::process::exit(2);
    }
    if !REPORTED.swap(true, Ordering::Relaxed) {
        eprintln!("csp: cannot start another thread: {error}; running on with fewer; {ADVICE}");
    }
    let sched = scheduler();
    {
        let mut lists = sched.lists();
        sched.put_idle(&mut lists, request.p);
    }
    if request.spinning {
        let _ = sched.idle.stop_spin();
    }
}
