//! Reads several files at once, but never more than a few, in an `ErrGroup`: the first error ends the whole, and the
//! group's context tells the other readers to stop.
//!
//! `cargo run --release --example errgroup_fetch` prints
//!
//! ```text
//! one file is missing: entity not found
//! /dev/zero has no end: its reader was told to stop
//! 6 files, at most 3 at once: 210000 bytes
//! ```

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::{env, process};

use csp::context::Context;
use csp::prelude::*;

const LIMIT: usize = 3;
const FILES: usize = 6;

/// Counts the bytes of a file by reading it. Between two pieces it looks whether anybody still wants to know: `None` if
/// not.
fn fetch(ctx: &Context, path: &Path) -> io::Result<Option<usize>> {
    let mut file = File::open(path)?;
    let mut piece = [0; 4096];
    let mut size = 0;
    while ctx.err().is_none() {
        match file.read(&mut piece)? {
            0 => return Ok(Some(size)),
            read => size += read,
        }
    }
    Ok(None)
}

/// Reads all files. Beside the outcome: what the readers that met no error came to, in the order of their ends.
fn fetch_all(paths: Vec<PathBuf>) -> (io::Result<()>, Vec<(PathBuf, Option<usize>)>) {
    let group = ErrGroup::new();
    group.set_limit(LIMIT);
    let ctx = group.context();
    let (fetched, sizes) = unbounded();
    for path in paths {
        // Waits here while as many run as may.
        go!(in group, clone(ctx, fetched) => {
            let size = fetch(&ctx, &path)?;
            fetched.send((path, size)).expect("the other end is kept");
            Ok(())
        });
    }
    drop(fetched);
    (group.wait(), sizes.iter().collect())
}

/// A directory for this program alone, which is removed at the end, also by a panic.
struct Directory(PathBuf);

impl Directory {
    fn new() -> io::Result<Self> {
        let path = env::temp_dir().join(format!("errgroup-fetch-{}", process::id()));
        fs::create_dir(&path)?;
        Ok(Directory(path))
    }

    /// Writes files of 10,000, 20,000, … bytes.
    fn fill(&self) -> io::Result<Vec<PathBuf>> {
        let write = |number| {
            let path = self.0.join(format!("{number}.txt"));
            fs::write(&path, vec![b'x'; 10_000 * number])?;
            Ok(path)
        };
        (1..=FILES).map(write).collect()
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[csp::main]
fn main() -> io::Result<()> {
    let directory = Directory::new()?;
    let files = directory.fill()?;

    let endless = PathBuf::from("/dev/zero");
    let mut paths = vec![endless.clone(), directory.0.join("missing.txt")];
    paths.extend_from_slice(&files);
    let (outcome, readers) = fetch_all(paths);
    let error = outcome.expect_err("one of them does not exist").kind();
    assert_eq!(error, io::ErrorKind::NotFound);
    println!("one file is missing: {error}");
    assert!(readers.contains(&(endless, None)), "{readers:?}");
    println!("/dev/zero has no end: its reader was told to stop");

    let (outcome, readers) = fetch_all(files);
    outcome?;
    assert_eq!(readers.len(), FILES);
    let total: usize = readers.iter().filter_map(|reader| reader.1).sum();
    assert_eq!(total, 210_000);
    println!("{FILES} files, at most {LIMIT} at once: {total} bytes");
    Ok(())
}
