//! The watchdog: a blocking test either ends in time or ends the process with a reason.
//!
//! The body runs on the caller's thread, so that panics and thread-locals stay where they are; a second thread waits
//! for the end of the body or for the limit. At the limit it prints the test's name and place and the goroutine
//! list, then aborts. The dump may itself be stuck (the runtime is the suspect), so a third thread aborts after a
//! grace period whatever the dump does.
//!
//! Rejected: running the body on the second thread, because the tests run from the main thread too.

use std::panic::Location;
use std::process::abort;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

/// The limit of an ordinary test: far above what any takes, even on a busy machine.
pub const LIMIT: Duration = Duration::from_secs(90);

/// How long the dump may take before the process ends without it.
const GRACE: Duration = Duration::from_secs(5);

/// Runs `body` and aborts the process, with a report, if it takes longer than `limit`.
#[track_caller]
pub fn within<R>(limit: Duration, body: impl FnOnce() -> R) -> R {
    let place = Location::caller();
    let test = thread::current().name().unwrap_or("unnamed").to_owned();
    // Dropped on return and on unwind alike, which is what calls the dog off.
    let (_running, ended) = channel::<()>();
    thread::Builder::new()
        .name("watchdog".to_owned())
        .spawn(move || {
            if ended.recv_timeout(limit) == Err(RecvTimeoutError::Timeout) {
                report(&test, place, limit);
            }
        })
        .expect("the watchdog thread starts");
    body()
}

fn report(test: &str, place: &Location<'_>, limit: Duration) -> ! {
    eprintln!("watchdog: {test} at {place} still runs after {limit:?}; goroutines:");
    let dump = thread::spawn(|| {
        let _ = csp::runtime::dump(&mut std::io::stderr());
    });
    let end = std::time::Instant::now() + GRACE;
    while !dump.is_finished() && std::time::Instant::now() < end {
        thread::sleep(Duration::from_millis(10));
    }
    abort()
}
