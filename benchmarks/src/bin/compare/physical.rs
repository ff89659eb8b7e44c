//! `--physical`: what the machine charges for the few things that no runtime can do without, and which rows that bounds.
//!
//! The program `physical` prints a line `METRIC VALUE` for each charge, in nanoseconds; one that the system cannot do, or
//! that needs a second processor where there is none, is missing there and shown by a dash.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use crate::run;
use crate::stats::figure;

/// A charge: its metric, what it is, and what it is the least for.
const CHARGES: [(&str, &str, &str); 10] = [
    (
        "locked-ns",
        "a locked instruction on a line that nobody else has",
        "What two processors may both change at any moment costs one each time, however calm it is: `mutex`, `stream` and \
         `stream44` at P=2, wherever no bias to one processor saves it.",
    ),
    (
        "line-ns",
        "a cache line to another processor and back",
        "A value that crosses costs half of it: `stream44` and `mutex` at P=2 pay that for each message or lock that \
         changes processors, and only what goes on several times on the same one before it crosses pays less.",
    ),
    (
        "syscall-ns",
        "a system call that does nothing",
        "`http64`, `http1000`: a request is one read and one write, so two of these, before the sockets do anything.",
    ),
    (
        "membarrier-ns",
        "`membarrier`, expedited, while another thread of the process runs",
        "`mutex`, `stream44` and `sieve` at P=2: each time that another processor takes away a bias.",
    ),
    (
        "futex-ns",
        "a futex wake, until the woken thread runs on another processor",
        "`wakeup` at P=2, whenever the other processor sleeps.",
    ),
    (
        "touch-ns",
        "the first touch of a page of 4 KiB, the next one each time",
        "`deep`: what each of the 4096 pages of 16 MiB costs where each faults.",
    ),
    (
        "fill-ns",
        "a page of 4 MiB that are filled by one `MADV_POPULATE_WRITE`",
        "`deep`: the same where none faults; without huge pages the row cannot be below 4096 of these.",
    ),
    (
        "populate-ns",
        "a page, where 32 of them, 256 KiB apart, are populated by one call",
        "`parked`, `timers`, `skynet`: each goroutine that lives beside the others has at least one page of its own.",
    ),
    (
        "guard-ns",
        "a guard of 32 KiB, where 32 of them, 256 KiB apart, are installed by one call",
        "`parked`, `timers`, `skynet`: each stack has one below it.",
    ),
    (
        "fresh-ns",
        "a guard and a page in such batches, and the first write to the page",
        "`parked`, `timers`, `skynet`: the least that the kernel takes for a goroutine whose stack was never used before; \
         what a row says beyond it is the runtime's.",
    ),
];

/// Measures, and returns the table as Markdown.
pub(crate) fn table(program: &Path, limit: Duration) -> Result<String, String> {
    Ok(markdown(&run::well(program, &[], limit)?))
}

fn markdown(output: &str) -> String {
    let lines = output.lines().filter_map(|line| line.split_once(' '));
    let values: BTreeMap<&str, f64> = lines
        .filter_map(|(metric, value)| Some((metric, value.parse().ok()?)))
        .collect();
    let mut text = "The least of several rounds, in nanoseconds.\n\n\
                    | what | ns | which rows it bounds from below |\n|---|--:|---|\n"
        .to_owned();
    for (metric, what, bounds) in CHARGES {
        let value = values.get(metric).copied().map(figure);
        let value = value.unwrap_or_else(|| "–".to_owned());
        text += &format!("| {what} | {value} | {bounds} |\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_charge_that_is_missing_has_a_dash() {
        let text = markdown("locked-ns 5.250\nunknown-ns 1\nline-ns what\n");
        assert!(text.contains("nobody else has | 5."), "{text}");
        assert!(text.contains("and back | – |") && !text.contains("unknown"));
        assert_eq!(text.lines().count(), 4 + CHARGES.len());
    }
}
