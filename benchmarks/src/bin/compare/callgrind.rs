//! Counts the instructions of a program, by function and by source file, with valgrind's `callgrind`.
//!
//! Counted are all instructions that the process executes in user mode, on all its threads, those of the system's
//! libraries and of our monitor thread included; the kernel's are not seen. The counts are written without abbreviations
//! (`--compress-strings=no`, `--compress-pos=no`), so that the part of the format that is read here is small:
//!
//! ```text
//! fn=NAME                what follows is of this function, and of the file of the last fl=, fi= or fe=
//! fl=FILE fi=FILE fe=FILE    (code that was inlined keeps the file it was written in)
//! LINE COST              instructions of the function itself
//! calls=…                the next line is the cost of a call, which is counted in the function called
//! ```
//!
//! Rejected: `callgrind_annotate`, which rounds, needs Perl, and shows function and file only together.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{self, Command};
use std::time::Duration;

use crate::run::{self, Ended};

/// Instructions by name.
pub(crate) type By = BTreeMap<String, i64>;

/// What a run has executed.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Counts {
    pub(crate) total: i64,
    /// Self cost: what was inlined into a function is its own.
    pub(crate) functions: By,
    /// Self cost by the file that the line stands in, wherever it was inlined.
    pub(crate) files: By,
}

impl Counts {
    /// What this run has executed beyond what `other` has.
    pub(crate) fn beyond(mut self, other: &Counts) -> Counts {
        let subtract = |from: &mut By, what: &By| {
            for (name, count) in what {
                *from.entry(name.clone()).or_default() -= count;
            }
        };
        subtract(&mut self.functions, &other.functions);
        subtract(&mut self.files, &other.files);
        self.total -= other.total;
        self
    }
}

/// Whether there is a valgrind to call, or what to do about it.
pub(crate) fn check(valgrind: &Path) -> Result<String, String> {
    let output = Command::new(valgrind).arg("--version").output();
    match output {
        Ok(output) if output.status.success() => {
            Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
        }
        _ => Err(format!(
            "{} cannot be run, and the instructions are counted by it; install the package `valgrind`, or name the command \
             with --valgrind PATH",
            valgrind.display()
        )),
    }
}

/// Runs `program` with `arguments` on one processor and counts.
pub(crate) fn count(
    valgrind: &Path,
    program: &Path,
    arguments: &[&str],
    limit: Duration,
) -> Result<Counts, String> {
    let file = std::env::temp_dir().join(format!("csp-compare-{}.callgrind", process::id()));
    let mut command = Command::new(valgrind);
    command
        .arg("--quiet")
        .arg("--tool=callgrind")
        .args(["--compress-strings=no", "--compress-pos=no"])
        .arg(format!("--callgrind-out-file={}", file.display()))
        .arg(program)
        .args(arguments)
        .env("GOMAXPROCS", "1");
    let run = run::run(&mut command, limit);
    let text = fs::read_to_string(&file);
    // Where nothing was written, nothing is to be removed.
    let _gone = fs::remove_file(&file);
    match (run.ended, text) {
        (Ended::Well, Ok(text)) => Ok(parse(&text)),
        (Ended::Failed(how), _) => Err(format!("it {how}")),
        (_, Err(error)) => Err(format!("{} cannot be read: {error}", file.display())),
    }
}

fn parse(text: &str) -> Counts {
    let mut counts = Counts::default();
    let (mut function, mut file) = (String::new(), String::new());
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(name) = line.strip_prefix("fn=") {
            function = function_name(name);
        } else if let Some(path) = ["fl=", "fi=", "fe="]
            .iter()
            .find_map(|key| line.strip_prefix(key))
        {
            file = file_name(path);
        } else if line.starts_with("calls=") {
            lines.next();
        } else if line.starts_with(|c: char| c.is_ascii_digit())
            && let Some(cost) = line.split(' ').nth(1)
            && let Ok(cost) = cost.parse::<i64>()
        {
            counts.total += cost;
            *counts.functions.entry(function.clone()).or_default() += cost;
            *counts.files.entry(file.clone()).or_default() += cost;
        }
    }
    counts
}

/// A function's name without its type arguments, and without the mark of a recursive call.
fn function_name(name: &str) -> String {
    let name = match name.rsplit_once('\'') {
        Some((name, depth)) if depth.bytes().all(|c| c.is_ascii_digit()) => name,
        _ => name,
    };
    let mut short = String::new();
    let mut depth = 0_usize;
    let mut before = ' ';
    for c in name.chars() {
        // `<T as Trait>::f` begins a path and stays; `Type<T>` and `f::<T>` go on with one and lose their brackets.
        let argument = c == '<' && (before == ':' || before == '_' || before.is_alphanumeric());
        if argument || (c == '<' && depth > 0) {
            depth += 1;
        } else if c == '>' && depth > 0 && before != '-' {
            depth -= 1;
        } else if depth == 0 {
            short.push(c);
        }
        before = c;
    }
    short
        .replace("::::", "::")
        .trim_end_matches("::")
        .to_owned()
}

/// `…/CRATE/src/PATH` as `CRATE: PATH`; other files by their last name.
fn file_name(path: &str) -> String {
    match path.rsplit_once("/src/") {
        Some((before, rest)) => {
            let name = before.rsplit('/').next().unwrap_or(before);
            format!("{name}: {rest}")
        }
        None => path.rsplit('/').next().unwrap_or(path).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn self_cost_is_counted_and_calls_are_not() {
        let text = "events: Ir\nfl=a/src/x.rs\nfn=f\n3 10\nfi=b/src/y.rs\n7 5\ncalls=2 0 \n8 900\n\nfn=f'2\n0 1\n";
        let counts = parse(text);
        assert_eq!(counts.total, 16);
        assert_eq!(counts.functions, By::from([("f".to_owned(), 16)]));
        let files = [("a: x.rs".to_owned(), 10), ("b: y.rs".to_owned(), 6)];
        assert_eq!(counts.files, By::from(files));
    }

    #[test]
    fn what_both_runs_do_cancels() {
        let run = |twice| parse(&format!("fl=l\nfn=start\n0 70\nfn=op\n0 {twice}\n"));
        let beyond = run(40).beyond(&run(20));
        assert_eq!((beyond.total, beyond.functions["start"]), (20, 0));
        assert_eq!(beyond.functions["op"], 20);
    }

    #[test]
    fn names_are_shortened_to_what_tells_them_apart() {
        for (long, short) in [
            ("csp::sched::switch::run'2", "csp::sched::switch::run"),
            ("a::Core<u64>::send", "a::Core::send"),
            ("a::go::<b::c<fn() -> u8>>", "a::go"),
            ("a::f::<u8>::{closure#0}", "a::f::{closure#0}"),
            ("<a::B<u8> as a::C>::f", "<a::B as a::C>::f"),
        ] {
            assert_eq!(function_name(long), short);
        }
        assert_eq!(
            file_name("/x/core/src/sync/atomic.rs"),
            "core: sync/atomic.rs"
        );
        assert_eq!(file_name("./elf/dl-lookup.c"), "dl-lookup.c");
    }
}
