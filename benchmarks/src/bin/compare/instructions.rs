//! `--instructions`: how many instructions each operation of ours is, and where they are.
//!
//! The program `operations` does one operation [`COUNT`] times, then, in another process, twice as often; what the second
//! executes beyond the first, divided by [`COUNT`], is the operation. No clock is involved, so nothing that runs beside
//! disturbs it; what remains is our monitor thread, which runs by the clock and adds a fraction of an instruction.

use std::path::Path;
use std::time::Duration;

use crate::callgrind::{self, By, Counts};
use crate::run;

/// How often an operation is done in the first of the two runs.
const COUNT: usize = 20_000;
/// How many functions, and how many files, are shown of each operation.
const SHOWN: usize = 6;

/// Counts, and returns the table as Markdown.
pub(crate) fn table(valgrind: &Path, operations: &Path, limit: Duration) -> Result<String, String> {
    let list = run::well(operations, &["--list"], limit)?;
    let mut text = format!(
        "Instructions of csp for each operation, P=1, the difference between {COUNT} and {} of them; then what is more than \
         half an instruction of it by function, with all that was inlined there, and by the file that it was written in, \
         {SHOWN} of each at most.\n\n\
         | operation | instructions | by function | by file |\n|---|--:|---|---|\n",
        2 * COUNT
    );
    for line in list.lines() {
        let (name, what) = line.split_once(' ').unwrap_or((line, ""));
        eprintln!("compare: {name}");
        let run = |count: usize| {
            callgrind::count(valgrind, operations, &[name, &count.to_string()], limit)
                .map_err(|why| format!("{name} was not counted: {why}"))
        };
        let once = run(COUNT)?;
        text += &row(name, what, &run(2 * COUNT)?.beyond(&once));
    }
    Ok(text)
}

fn row(name: &str, what: &str, counts: &Counts) -> String {
    format!(
        "| `{name}`: {what} | {:.1} | {} | {} |\n",
        per_operation(counts.total),
        most(&counts.functions),
        most(&counts.files)
    )
}

fn per_operation(instructions: i64) -> f64 {
    instructions as f64 / COUNT as f64
}

/// The largest shares, one on each line of the cell.
fn most(by: &By) -> String {
    let mut all: Vec<_> = by.iter().collect();
    // The larger first, then by name: the same counts make the same table.
    all.sort_by_key(|(_, count)| -**count);
    let shown = all.iter().take(SHOWN);
    let lines: Vec<String> = shown
        .filter(|(_, count)| per_operation(**count) >= 0.5)
        .map(|(name, count)| format!("{:.1} `{name}`", per_operation(**count)))
        .collect();
    lines.join("<br>")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_shares_come_first_and_traces_are_left_out() {
        let count = |n: i64| n * COUNT as i64;
        let by = By::from([
            ("a".to_owned(), count(2)),
            ("b".to_owned(), count(30)),
            ("c".to_owned(), 17),
        ]);
        assert_eq!(most(&by), "30.0 `b`<br>2.0 `a`");
        let counts = Counts {
            total: count(32) + 17,
            functions: by,
            files: By::new(),
        };
        assert!(row("op", "what", &counts).starts_with("| `op`: what | 32.0 | 30.0 `b`"));
    }
}
