//! The listing: puts the lines, which arrive as the hashers finish, back into order and prints them.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::mem;
use std::sync::Arc;

use crate::console::Console;

/// `PIPE_BUF`: a pipe takes a write up to this size whole or not at all, so even a process that is
/// ended in the middle of one leaves no part of a line behind.
const WRITE: usize = 4096;

/// What has arrived and is not printed yet.
pub(crate) struct Listing {
    /// The number of the line to be printed next.
    next: usize,
    /// Lines whose turn has not come.
    early: BTreeMap<usize, Vec<u8>>,
    /// Whole lines, in order, to go out with one write.
    ready: Vec<u8>,
    console: Arc<Console>,
}

impl Listing {
    /// A listing that begins with line 0.
    pub(crate) fn new(console: Arc<Console>) -> Listing {
        let (next, early, ready) = (0, BTreeMap::new(), Vec::new());
        Listing {
            next,
            early,
            ready,
            console,
        }
    }

    /// Accepts a line and prints what is complete; a terminal sees every line at once.
    pub(crate) fn put(&mut self, number: usize, line: Vec<u8>) -> io::Result<()> {
        self.early.insert(number, line);
        while let Some(line) = self.early.remove(&self.next) {
            if self.ready.len() + line.len() > WRITE {
                self.flush()?;
            }
            self.ready.extend(line);
            self.next += 1;
        }
        if self.console.shares_stdout {
            self.flush()
        } else {
            Ok(())
        }
    }

    /// Prints what waits for a write to fill up.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        let ready = mem::take(&mut self.ready);
        self.console.above_bar(|| {
            let mut out = io::stdout().lock();
            out.write_all(&ready)?;
            out.flush()
        })
    }
}
