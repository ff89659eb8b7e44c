//! Runs every example program: each must end with status 0 and print exactly the `text` block its
//! header promises after "prints".

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

#[expect(
    dead_code,
    reason = "shared with tests that do more with a child than run it"
)]
mod watchdog;

/// The name and source of every example of this package.
fn examples() -> Vec<(String, PathBuf)> {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let mut examples = Vec::new();
    for entry in fs::read_dir(sources).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let source = if path.is_dir() {
            path.join("main.rs")
        } else {
            path
        };
        examples.push((name, source));
    }
    examples.sort();
    examples
}

/// The header's `text` block that follows the command; one before it is a drawing.
fn promised_output(source: &str) -> Option<String> {
    let header: Vec<&str> = source
        .lines()
        .take_while(|line| line.starts_with("//!"))
        .collect();
    let command = header.iter().position(|line| line.contains("cargo run"))?;
    let mut lines = header[command..]
        .iter()
        .skip_while(|line| **line != "//! ```text");
    lines.next()?;
    let block = lines.take_while(|line| **line != "//! ```");
    Some(
        block
            .map(|line| line.trim_start_matches("//!"))
            .map(|line| format!("{}\n", line.strip_prefix(' ').unwrap_or(line)))
            .collect(),
    )
}

#[test]
fn every_example_ends_well_and_prints_what_its_header_says() {
    let examples = examples();
    assert!(examples.len() >= 32, "{examples:?}");
    for (name, source) in examples {
        let source = fs::read_to_string(source).unwrap();
        let promised = promised_output(&source);
        for procs in ["1", "2", "4"] {
            let mut command = Command::new(watchdog::example(&name));
            if name == "digest" {
                command.arg(env!("CARGO_MANIFEST_DIR"));
            }
            let output = watchdog::run(command.env("GOMAXPROCS", procs));
            let stderr = String::from_utf8_lossy(&output.stderr);
            assert!(
                output.status.success(),
                "{name}, {procs} Ps: {}\n{stderr}",
                output.status
            );
            if let Some(promised) = &promised {
                let stdout = String::from_utf8_lossy(&output.stdout);
                assert_eq!(&stdout, promised, "{name}, {procs} Ps");
            }
        }
    }
}

#[test]
fn every_example_is_in_the_index_says_how_to_run_it_and_is_short() {
    let index = include_str!("../src/lib.rs");
    for (name, source) in examples() {
        assert!(
            index.contains(&format!("| `{name}` |")),
            "{name} is not in the index"
        );
        let text = fs::read_to_string(source).unwrap();
        let command = format!("`cargo run --release --example {name}");
        assert!(text.contains(&command), "{name} does not say how to run it");
        assert!(text.lines().count() < 200, "{name} is too long");
    }
}
