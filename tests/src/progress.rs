//! A watchdog over a whole process that must not stand still: for programs that run for minutes or hours.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Moved by every step; watched.
static STEPS: AtomicU64 = AtomicU64::new(0);

/// How long nothing may move.
const STUCK: Duration = Duration::from_secs(60);

/// Says that something has moved.
pub fn moved() {
    STEPS.fetch_add(1, Ordering::Relaxed);
}

/// Watches from a thread of its own: when nothing moves for a minute, it lists the goroutines and aborts the process.
pub fn watch(program: &'static str) {
    std::thread::spawn(move || {
        let mut last = (0, Instant::now());
        loop {
            std::thread::sleep(Duration::from_millis(200));
            let steps = STEPS.load(Ordering::Relaxed);
            if steps != last.0 {
                last = (steps, Instant::now());
            } else if last.1.elapsed() > STUCK {
                eprintln!(
                    "{program}: nothing moved for {STUCK:?} after {steps} steps; goroutines:"
                );
                // The dump may hang too.
                std::thread::spawn(|| drop(csp::runtime::dump(&mut std::io::stderr())));
                std::thread::sleep(Duration::from_secs(3));
                std::process::abort();
            }
        }
    });
}
