//! The command line that all programs understand.
//!
//! ```text
//! PROGRAM --list                 a line `WORKLOAD [VARIANT …]` for each workload
//! PROGRAM WORKLOAD [VARIANT]     runs it, and prints its figures
//! ```
//!
//! `GOMAXPROCS` in the environment is the number of workers, for each peer. Variants that exist for some numbers only are
//! not in the list for others.

use std::io::{self, Read};
use std::{env, process, thread};

/// A workload, or one variant of it, and the function that runs it.
pub struct Entry {
    /// The workload's name.
    pub workload: &'static str,
    /// The variant's, empty if there is only one.
    pub variant: String,
    /// Runs it.
    pub run: Box<dyn FnOnce()>,
}

/// Makes the entry of a workload without variants, or of a named variant.
pub fn entry(workload: &'static str, variant: &str, run: impl FnOnce() + 'static) -> Entry {
    Entry {
        workload,
        variant: variant.to_string(),
        run: Box::new(run),
    }
}

/// Returns the number of workers to use.
///
/// # Panics
///
/// If `GOMAXPROCS` is no number.
pub fn workers() -> usize {
    match env::var("GOMAXPROCS") {
        Ok(number) => number.parse().expect("GOMAXPROCS is a number"),
        Err(_) => thread::available_parallelism().map_or(1, usize::from),
    }
}

/// Does what the command line says, and ends the process: tasks that are left over, as hogs are, do not outlive it.
pub fn main(entries: Vec<Entry>) -> ! {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let (workload, variant) = match &arguments[..] {
        [option] if option == "--list" => {
            list(&entries);
            process::exit(0);
        }
        [workload] => (workload.as_str(), ""),
        [workload, variant] => (workload.as_str(), variant.as_str()),
        _ => usage("usage: PROGRAM --list | WORKLOAD [VARIANT]"),
    };
    // Without a variant it is the first.
    let chosen = entries.into_iter().find(|entry| {
        entry.workload == workload && (variant.is_empty() || entry.variant == variant)
    });
    let Some(chosen) = chosen else {
        usage("no such workload, or not with this GOMAXPROCS; --list shows them");
    };
    (chosen.run)();
    process::exit(0);
}

fn list(entries: &[Entry]) {
    let mut last = "";
    for entry in entries {
        if entry.workload != last {
            if !last.is_empty() {
                println!();
            }
            print!("{}", entry.workload);
            last = entry.workload;
        }
        if !entry.variant.is_empty() {
            print!(" {}", entry.variant);
        }
    }
    println!();
}

fn usage(text: &str) -> ! {
    eprintln!("{text}");
    process::exit(2);
}

/// Ends the process when the standard input does, from a thread of its own.
pub fn end_with_stdin() {
    thread::spawn(|| {
        let mut rest = Vec::new();
        // An error is an end, too.
        let _ = io::stdin().read_to_end(&mut rest);
        process::exit(0);
    });
}
