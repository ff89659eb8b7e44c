//! The walk: finds the regular files under a path, as `find PATH -type f` does, in the order of
//! their paths' bytes.
//!
//! The order costs one sort a directory: a directory's name counts as ending in `/`, because that is
//! the byte that follows it in every path below, and `/` occurs in no name.

use std::cmp::Reverse;
use std::fs::{self, FileType};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use csp::prelude::*;

use crate::console::Console;

/// Sends every regular file under `root` with its number, counted from 0 without a gap.
pub(crate) fn walk(
    root: PathBuf,
    found: Sender<(usize, PathBuf)>,
    done: Receiver<()>,
    console: Arc<Console>,
) {
    // What is still to be visited, the next one last. No recursion: a goroutine's stack is small.
    let mut pending = match fs::symlink_metadata(&root) {
        Ok(metadata) => vec![(root, metadata.file_type())],
        Err(error) => return console.complain(&root, &error),
    };
    let mut number = 0;
    while let Some((path, kind)) = pending.pop() {
        if kind.is_file() {
            console.found(&path);
            select! {
                // An error means that the hashers have seen `done` first, and are gone.
                sent = found <- (number, path) => match sent {
                    Ok(()) => number += 1,
                    Err(_) => return,
                },
                <-done => return,
            }
        } else if kind.is_dir() {
            pending.extend(entries(&path, &console));
            select! {
                <-done => return,
                default => {}
            }
        }
    }
}

/// The entries of `directory`, the first one last.
fn entries(directory: &Path, console: &Console) -> Vec<(PathBuf, FileType)> {
    let mut entries = Vec::new();
    match fs::read_dir(directory) {
        Ok(listed) => {
            for entry in listed {
                let kind = entry.and_then(|entry| Ok((entry.path(), entry.file_type()?)));
                match kind {
                    Ok(entry) => entries.push(entry),
                    Err(error) => console.complain(directory, &error),
                }
            }
        }
        Err(error) => console.complain(directory, &error),
    }
    entries.sort_by_cached_key(|(path, kind)| {
        let mut key = path.as_os_str().as_bytes().to_vec();
        key.extend(kind.is_dir().then_some(b'/'));
        Reverse(key)
    });
    entries
}
