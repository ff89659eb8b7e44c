//! Prints the SHA-256 of every regular file under PATH as `sha256sum` does, sorted by path.
//!
//! ```text
//!           files            lines
//!   walk ----------> hash --------> listing ----> stdout
//!     ^              (one per P)       |
//!     +----------------+----- done ----+---- Ctrl-C
//! ```
//!
//! `cargo run --release --example digest -- PATH` prints, byte for byte, what
//! `find PATH -type f -print0 | LC_ALL=C sort -z | xargs -0r sha256sum` prints. What cannot be read
//! is reported and left out (status 1). Ctrl-C (status 130) or an output that takes no more (status
//! 1) closes `done`, at which every goroutine ends; no line is ever printed in part.

mod console;
mod format;
mod hash;
mod listing;
mod walk;

use std::process::ExitCode;
use std::{env, io, process, sync::Arc, thread};

use csp::prelude::*;

/// How many files wait between two stages: enough that no hasher starves while the walk reads on.
const QUEUE: usize = 256;
const INTERRUPTED: u8 = 130;

/// Closes `stop` on Ctrl-C. Who is then stuck in a read or write that the kernel does not end is
/// left behind after a second.
fn stop_on_interrupt(stop: Sender<()>) {
    let handler = move || {
        stop.close();
        thread::sleep(Duration::from_secs(1));
        process::exit(INTERRUPTED.into());
    };
    ctrlc::set_handler(handler).expect("no other handler is set");
}

// A stage that panics ends the process: a listing with holes would look whole.
#[csp::main(panic = "exit")]
fn main() -> ExitCode {
    let mut args = env::args_os().skip(1);
    let (Some(root), None) = (args.next(), args.next()) else {
        eprintln!("usage: digest PATH");
        return ExitCode::from(2);
    };
    let (stop, done) = channel::<()>(0);
    stop_on_interrupt(stop.clone());
    let console = Arc::new(console::Console::new());

    let (found, files) = channel(QUEUE);
    let (hashed, lines) = channel(QUEUE);
    go!(clone(done, console) => walk::walk(root.into(), found, done, console));
    let hashers = WaitGroup::new();
    for _ in 0..csp::runtime::gomaxprocs(None) {
        go!(in hashers, clone(files, hashed, done, console) => hash::hash(files, hashed, done, console));
    }
    go!({
        hashers.wait();
        hashed.close();
    });

    let mut listing = listing::Listing::new(console.clone());
    let outcome = loop {
        select! {
            line = <-lines => match line {
                Some((number, line)) => if let Err(error) = listing.put(number, line) { break Err(error) },
                None if stop.is_closed() => break Err(io::ErrorKind::Interrupted.into()),
                None => break listing.flush(),
            },
            <-done => break Err(io::ErrorKind::Interrupted.into()),
        }
    };
    stop.close();
    lines.iter().for_each(drop); // closed once the last hasher has ended
    console.finish(outcome)
}
