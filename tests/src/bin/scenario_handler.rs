//! A program that handled SIGQUIT before its goroutines began.
#![expect(unsafe_code, reason = "installs a signal handler of its own")]

use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

static SEEN: AtomicBool = AtomicBool::new(false);

extern "C" fn on_quit(_: i32) {
    SEEN.store(true, Ordering::Relaxed);
}

unsafe extern "C" {
    fn signal(number: i32, handler: extern "C" fn(i32)) -> usize;
}

const SIGQUIT: i32 = 3;

fn main() {
    // SAFETY: the handler stores to a static and does nothing else.
    unsafe { signal(SIGQUIT, on_quit) };
    program::main();
}

mod program {
    use super::*;

    #[csp::main]
    pub(super) fn main() {
        let status = Command::new("kill")
            .args(["-QUIT", &std::process::id().to_string()])
            .status()
            .expect("kill runs");
        assert!(status.success());
        while !SEEN.load(Ordering::Relaxed) {
            csp::time::sleep(Duration::from_millis(1));
        }
        println!("handled");
    }
}
