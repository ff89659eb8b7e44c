//! The list of all goroutines.
//!
//! It is gathered from the stack arena, which knows every control block, without stopping anybody:
//! each line is true of some moment during the call, and a goroutine that is just starting or
//! ending may be missing.
//!
//! The list is whole, however long: the goroutine that explains a hang may be any. Numbers and places
//! are gathered first, 16 bytes for each, and sorted; the text is made and written in pieces. No lock is
//! held while the writer works, which may be user code and may wait.
//!
//! Reading debugging information takes more stack than a small goroutine has. So on a goroutine, text
//! with backtraces is made by a thread for that purpose, and handed over piece by piece. (A scoped thread
//! would not do: the goroutine may go on on another thread than the one that the scope began on.)

use std::fmt::Write as _;
use std::io::{self, Write};
use std::sync::mpsc;
use std::thread;

use super::age::Age;
use crate::goroutine::{Goroutine, Reason};
use crate::primitive::clock;
use crate::sched::current;
use crate::stacks::arena;
use crate::trace::Tracer;

/// Bytes of text that are gathered before they are written.
const PIECE: usize = 16 << 10;

/// The stack of the thread that reads debugging information.
const STACK: usize = 1 << 20;

/// Writes the list of all goroutines, ordered by their numbers.
///
/// Each line says a goroutine's number and name, what it does or waits for, how long and where it has
/// waited, and where it was started:
///
/// ```text
/// goroutine 1: join, 3 minutes at src/main.rs:9:20, started at src/main.rs:4:1
/// goroutine 7 [fetcher]: chan receive, 450 ms at src/main.rs:17:12, started at src/main.rs:8:5
/// ```
///
/// If `RUST_BACKTRACE` is set to anything but `0`, the backtrace of each goroutine that is suspended
/// follows its line, on Linux x86-64. The program goes on meanwhile: each line is true of some moment
/// during the call.
///
/// # Errors
///
/// The first error of `writer`.
///
/// # Examples
///
/// ```
/// let (tx, rx) = csp::channel::<u32>(0);
/// let waiting = csp::go!(rx.recv());
/// let mut text = Vec::new();
/// csp::runtime::dump(&mut text)?;
/// assert!(String::from_utf8_lossy(&text).contains("started at"));
/// drop(tx);
/// waiting.join().unwrap();
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn dump(mut writer: impl Write) -> io::Result<()> {
    write(&mut |piece| writer.write_all(piece.as_bytes()))?;
    writer.flush()
}

/// Hands the list to `out`, in pieces that end with a line.
pub(super) fn write(out: &mut dyn FnMut(&str) -> io::Result<()>) -> io::Result<()> {
    if Tracer::is_wanted() && current::goroutine().is_some() {
        write_from_a_thread(out)
    } else {
        write_here(Tracer::from_environment(), out)
    }
}

/// As [`write`], with backtraces, on a stack of its own.
fn write_from_a_thread(out: &mut dyn FnMut(&str) -> io::Result<()>) -> io::Result<()> {
    let (pieces, made) = mpsc::sync_channel::<String>(1);
    let started = thread::Builder::new()
        .name("csp-dump".into())
        .stack_size(STACK)
        .spawn(move || {
            // An error says that the goroutine has stopped listening, because of one of its own.
            let _ = write_here(Tracer::from_environment(), &mut |piece| {
                pieces.send(piece.to_owned()).map_err(io::Error::other)
            });
        });
    if started.is_err() {
        return write_here(None, out);
    }
    for piece in made {
        out(&piece)?;
    }
    Ok(())
}

/// Makes the text on the caller's stack.
fn write_here(
    mut tracer: Option<Tracer>,
    out: &mut dyn FnMut(&str) -> io::Result<()>,
) -> io::Result<()> {
    let now = clock::refresh();
    let mut text = String::with_capacity(PIECE + PIECE / 4);
    for (id, g) in gather() {
        describe(&mut text, id, g, now, tracer.as_mut());
        if text.len() >= PIECE {
            out(&text)?;
            text.clear();
        }
    }
    out(&text)
}

/// All goroutines, by their numbers, but for the runtime's own that has nothing to do.
fn gather() -> Vec<(u64, &'static Goroutine)> {
    let mut list = Vec::new();
    arena().for_each(&mut |slot| {
        if let Some(g) = Goroutine::find_in(slot)
            && let Some(standing) = g.standing()
            && standing.state != Reason::Wakes.text()
        {
            list.push((g.id(), g));
        }
    });
    list.sort_unstable_by_key(|(id, _)| *id);
    list
}

/// Appends the lines of one goroutine, unless it has ended meanwhile.
fn describe(
    text: &mut String,
    id: u64,
    g: &'static Goroutine,
    now: u64,
    tracer: Option<&mut Tracer>,
) {
    let Some(standing) = g.standing().filter(|_| g.id() == id) else {
        return;
    };
    // Writing to a `String` does not fail.
    let _ = write!(text, "goroutine {id}");
    g.push_name(text, " [", "]");
    let _ = write!(text, ": {}", standing.state);
    if let Some(since) = standing.since {
        let _ = write!(text, ", {}", Age(clock::elapsed(since, now)));
    }
    if let Some(at) = standing.at {
        let _ = write!(text, " at {at}");
    }
    let _ = match g.spawned_at() {
        Some(at) => writeln!(text, ", started at {at}"),
        // It has ended since.
        None => writeln!(text),
    };
    if let Some(tracer) = tracer {
        tracer.push(g, text);
    }
}
