//! Where and with what was measured.
//!
//! Read from `/proc`, from the tools themselves and from the lock file, at the time of the run; what cannot be read is said
//! to be unknown, so that a line is never missing.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::peers;

const UNKNOWN: &str = "unknown";

/// The crates whose versions decide the figures.
const CRATES: [&str; 6] = [
    "may",
    "tokio",
    "flume",
    "async-channel",
    "crossbeam-channel",
    "corosensei",
];

/// Everything that a reader needs to judge the figures, under the names that they are shown by.
pub(crate) fn about(go: &Path, wrk: &Path) -> Vec<(String, String)> {
    let proc = |name: &str| fs::read_to_string(Path::new("/proc").join(name)).unwrap_or_default();
    let processors = thread::available_parallelism().map_or(0, usize::from);
    let cpu = value(&proc("cpuinfo"), "model name").unwrap_or(UNKNOWN.to_owned());
    let memory = value(&proc("meminfo"), "MemTotal").unwrap_or(UNKNOWN.to_owned());
    let lock = fs::read_to_string(peers::root().join("Cargo.lock")).unwrap_or_default();
    let crates: Vec<String> = CRATES
        .iter()
        .map(|name| format!("{name} {}", version(&lock, name)))
        .collect();
    let load = proc("loadavg")
        .split(' ')
        .next()
        .unwrap_or_default()
        .to_owned();
    [
        (
            "date",
            date(
                SystemTime::now()
                    .duration_since(UNIX_EPOCH)
                    .map_or(0, |d| d.as_secs()),
            ),
        ),
        ("commit", commit()),
        ("CPU", format!("{cpu}, {processors} processors")),
        ("memory", memory),
        ("kernel", proc("sys/kernel/osrelease").trim().to_owned()),
        ("load before", load),
        ("rustc", said(Command::new("rustc").arg("--version"))),
        (
            "go",
            said(Command::new(go).arg("version")).replace("go version ", ""),
        ),
        ("wrk", wrk_version(wrk)),
        ("crates", crates.join(", ")),
    ]
    .map(|(key, value)| (key.to_owned(), value))
    .to_vec()
}

/// The first line that a command prints, if it succeeds.
fn said(command: &mut Command) -> String {
    let output = command.current_dir(peers::root()).output().ok();
    let output = output.filter(|output| output.status.success());
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    let line = text.as_deref().and_then(|text| text.lines().next());
    line.unwrap_or(UNKNOWN).trim().to_owned()
}

/// `wrk` tells its version in the text on how to use it, and fails.
fn wrk_version(wrk: &Path) -> String {
    let output = Command::new(wrk).arg("--version").output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    let text = text.unwrap_or_default();
    let mut words = text.split_whitespace().skip_while(|word| *word != "wrk");
    words.nth(1).unwrap_or(UNKNOWN).to_owned()
}

fn commit() -> String {
    let commit = said(Command::new("git").args(["rev-parse", "--short=12", "HEAD"]));
    let changed = said(Command::new("git").args(["status", "--porcelain", "-uno"]));
    match changed.as_str() {
        "" | UNKNOWN => commit,
        _ => format!("{commit}, with changes"),
    }
}

/// The value of the first line `NAME : VALUE`.
fn value(text: &str, name: &str) -> Option<String> {
    text.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        (key.trim() == name).then(|| value.trim().to_owned())
    })
}

/// The version of a package in a lock file.
fn version(lock: &str, name: &str) -> String {
    let mut lines = lock
        .lines()
        .skip_while(|line| *line != format!("name = \"{name}\""));
    let line = lines
        .nth(1)
        .and_then(|line| line.strip_prefix("version = "));
    line.map_or(UNKNOWN, |version| version.trim_matches('"'))
        .to_owned()
}

/// The day in UTC of a second after the start of 1970.
fn date(seconds: u64) -> String {
    let mut day = seconds / 86_400;
    let mut year = 1970;
    let leap = |year: u64| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    while day >= 365 + u64::from(leap(year)) {
        day -= 365 + u64::from(leap(year));
        year += 1;
    }
    let months = [
        31,
        28 + u64::from(leap(year)),
        31,
        30,
        31,
        30,
        31,
        31,
        30,
        31,
        30,
        31,
    ];
    let mut month = 0;
    while day >= months[month] {
        day -= months[month];
        month += 1;
    }
    format!("{year}-{:02}-{:02}", month + 1, day + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_have_dates() {
        for (day, text) in [
            (0, "1970-01-01"),
            (59, "1970-03-01"),
            (789, "1972-02-29"),
            (11_016, "2000-02-29"),
            (20_453, "2025-12-31"),
        ] {
            assert_eq!(date(day * 86_400 + 86_399), text);
        }
    }

    #[test]
    fn versions_stand_below_their_names() {
        let lock = "[[package]]\nname = \"tokio\"\nversion = \"1.2.3\"\n";
        assert_eq!(version(lock, "tokio"), "1.2.3");
        assert_eq!(version(lock, "may"), UNKNOWN);
    }

    #[test]
    fn values_follow_colons() {
        let text = "processor\t: 0\nmodel name\t: Some CPU: 3 GHz\n";
        assert_eq!(
            value(text, "model name").as_deref(),
            Some("Some CPU: 3 GHz")
        );
        assert_eq!(value(text, "model"), None);
    }

    #[test]
    fn this_machine_is_described() {
        let about = about(Path::new("/nowhere/go"), Path::new("/nowhere/wrk"));
        let text = |key| {
            about
                .iter()
                .find(|(name, _)| name == key)
                .map(|(_, text)| text.as_str())
        };
        assert_eq!(text("go"), Some(UNKNOWN));
        assert!(text("crates").is_some_and(|crates| !crates.contains(UNKNOWN)));
    }
}
