//! What is printed beside the comparison: the instructions of our operations, and what the machine charges for its own.
//!
//! Each has a program, a table, and a place of its own in the document. They are not measured along with the comparison,
//! because they are about one side only, or about none.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::args::Args;
use crate::{callgrind, docs, instructions, machine, peers, physical, run};

/// Makes the tables that are asked for.
pub(crate) fn show(args: &Args) -> Result<(), String> {
    run::end_all_when_interrupted()?;
    // Read once, before a document is written, which is a change.
    let about = about(args);
    if args.instructions {
        let valgrind = crate::tool(args.valgrind.as_deref(), "valgrind")?;
        // Asked first: the build takes longer.
        let version = callgrind::check(&valgrind)?;
        let operations = build("operations")?;
        let table = instructions::table(&valgrind, &operations, args.time_limit)?;
        let text = format!("{about}- counted by: {version}\n\n{table}");
        hand_over(args, "instructions", &docs::INSTRUCTIONS, &text)?;
    }
    if args.physical {
        let program = build("physical")?;
        let table = physical::table(&program, args.time_limit)?;
        let text = format!("{about}\n{table}");
        hand_over(args, "physical", &docs::PHYSICAL, &text)?;
    }
    Ok(())
}

/// Builds one of our own programs beside this one.
fn build(name: &str) -> Result<PathBuf, String> {
    let target = peers::target()?;
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command
        .args(["build", "--release", "-p", "csp-benchmarks", "--bin", name])
        .arg("--target-dir")
        .arg(&target);
    peers::succeed(command.current_dir(peers::root()))?;
    Ok(target.join("release").join(name))
}

/// The command, and of the machine what the figures depend on.
fn about(args: &Args) -> String {
    let mut text = format!("```sh\n{}\n```\n\n", args.command);
    let wanted = ["date", "commit", "CPU", "kernel", "rustc"];
    for (key, value) in machine::about(Path::new("go"), Path::new("wrk")) {
        if wanted.contains(&key.as_str()) {
            text += &format!("- {key}: {value}\n");
        }
    }
    text
}

fn hand_over(args: &Args, name: &str, marks: &docs::Marks, text: &str) -> Result<(), String> {
    print!("{text}");
    if let Some(folder) = &args.out {
        docs::write(&folder.join(format!("{name}.md")), text)?;
    }
    if args.write_docs {
        let path = peers::root().join("docs/benchmarks.md");
        docs::write_between_marks(&path, marks, text)?;
    }
    Ok(())
}
