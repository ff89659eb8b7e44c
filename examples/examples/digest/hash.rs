//! A hasher: takes files from the walk, gives their lines to the listing.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use csp::prelude::*;
use sha2::{Digest, Sha256};

use crate::console::Console;
use crate::format;

/// Large enough that reading costs little beside hashing, small enough to stay in the cache.
const CHUNK: usize = 256 * 1024;

/// Answers every file with its number and its line, which is empty if the file could not be read.
pub(crate) fn hash(
    files: Receiver<(usize, PathBuf)>,
    lines: Sender<(usize, Vec<u8>)>,
    done: Receiver<()>,
    console: Arc<Console>,
) {
    let mut buffer = vec![0; CHUNK];
    for (number, path) in &files {
        let line = match sha256(&path, &mut buffer, &done, &console) {
            Ok(Some(sum)) => format::line(&sum, &path),
            Ok(None) => return,
            Err(error) => {
                console.complain(&path, &error);
                Vec::new()
            }
        };
        select! {
            lines <- (number, line) => {}
            <-done => return,
        }
    }
}

/// The sum of the file's bytes, or `None` as soon as `done` closes.
fn sha256(
    path: &Path,
    buffer: &mut [u8],
    done: &Receiver<()>,
    console: &Console,
) -> io::Result<Option<[u8; 32]>> {
    let mut file = File::open(path)?;
    let mut sum = Sha256::new();
    loop {
        select! {
            <-done => return Ok(None),
            default => {}
        }
        match file.read(buffer) {
            Ok(0) => return Ok(Some(sum.finalize().into())),
            Ok(n) => {
                sum.update(&buffer[..n]);
                console.hashed(n);
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
