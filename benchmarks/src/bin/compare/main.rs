//! Builds the same workloads for csp, Go, may, tokio and OS threads, runs them in turn, and shows them side by side.
//!
//! ```text
//! args ──► peers (build, ask what they can do) ──► measure ──► samples ──► rows ──► table, floors, plot ──► docs
//!                                                  │  ▲                      ▲
//!                                    run, http ◄───┘  └── workloads ─────────┘
//! ```
//!
//! The driver knows of a program only its lines: `--list` prints the workloads and their variants, `WORKLOAD [VARIANT]` with
//! GOMAXPROCS in the environment runs one and prints `METRIC VALUE`. So a peer in another language is a peer like the
//! others. What fails, hangs or is absent is shown as that and never left out. `bare`, which has no runtime, is run like a
//! peer and shown below the table.
//!
//! Two tables stand `aside`: the `instructions` of our operations, counted by `callgrind`, and the `physical` costs of the
//! machine.
//!
//! Rejected: timing from here, which would measure the start of processes; criterion, which knows one process and one
//! language.

mod args;
mod aside;
mod callgrind;
mod docs;
mod floors;
mod http;
mod instructions;
mod machine;
mod measure;
mod peers;
mod physical;
mod plot;
mod rows;
mod run;
mod samples;
mod stats;
mod table;
mod warm;
mod workloads;

use std::env;
use std::fs;
use std::path::{Path, PathBuf, absolute};
use std::process::{Command, ExitCode, Stdio};

use args::{Args, Request};
use peers::Peer;
use samples::Samples;

fn main() -> ExitCode {
    match args::parse(env::args().skip(1)) {
        Ok(Request::Help) => {
            print!("{}", args::HELP);
            ExitCode::SUCCESS
        }
        Ok(Request::Compare(args)) => match compare(&args) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("compare: {error}");
                ExitCode::FAILURE
            }
        },
        Err(error) => {
            eprintln!("compare: {error}");
            ExitCode::from(2)
        }
    }
}

fn compare(args: &Args) -> Result<(), String> {
    // Read first: a mistake there is not to be found out after minutes of measuring.
    let baselines: Vec<Samples> = args
        .baselines
        .iter()
        .map(|path| Samples::read(path))
        .collect::<Result<_, _>>()?;
    if let Some(folder) = &args.out {
        fs::create_dir_all(folder)
            .map_err(|error| format!("{} cannot be made: {error}", folder.display()))?;
    }
    if args.instructions || args.physical {
        return aside::show(args);
    }
    let samples = match &args.from {
        Some(path) => Samples::read(path)?,
        None => fresh(args)?,
    };
    show(args, &samples, &baselines)
}

/// Builds and measures.
fn fresh(args: &Args) -> Result<Samples, String> {
    run::end_all_when_interrupted()?;
    let go = tool(args.go.as_deref(), "go")?;
    let wrk = tool(args.wrk.as_deref(), "wrk")?;
    let programs = peers::build(&args.peers, &go)?;
    for (peer, why) in &programs.absent {
        eprintln!("compare: {} is left out: {why}", peer.name());
    }
    let mut about = vec![("command".to_owned(), args.command.clone())];
    about.push(("rounds".to_owned(), args.rounds.to_string()));
    about.extend(machine::about(&go, &wrk));
    for (peer, why) in &programs.absent {
        let hint = if *peer == Peer::Go {
            "; --go names the command"
        } else {
            ""
        };
        about.push((
            "without".to_owned(),
            format!("{}: {why}{hint}", peer.title()),
        ));
    }
    let asked = args
        .workloads
        .iter()
        .any(|workload| workload.connections.is_some());
    let wrk_runs = runs(&wrk);
    if asked && !wrk_runs {
        let why = "wrk cannot be run; the rows of servers need it, --wrk names the command";
        eprintln!("compare: {why}");
        about.push(("without".to_owned(), why.to_owned()));
    }
    let all = measure::measure(args, &programs.there, wrk_runs.then_some(wrk.as_path()));
    Ok(Samples { about, all })
}

/// The command to call: where an option says, made absolute because commands run in other folders too, or by its name.
fn tool(chosen: Option<&Path>, name: &str) -> Result<PathBuf, String> {
    match chosen {
        None => Ok(name.into()),
        Some(path) => {
            absolute(path).map_err(|error| format!("{} is no path: {error}", path.display()))
        }
    }
}

fn runs(program: &Path) -> bool {
    let mut command = Command::new(program);
    command
        .arg("--version")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    // `wrk` prints its version and fails; that it could be started is what counts.
    command.status().is_ok()
}

/// Prints the table, and writes what was asked for.
fn show(args: &Args, samples: &Samples, baselines: &[Samples]) -> Result<(), String> {
    let text = table::markdown(samples, baselines);
    print!("{text}");
    if args.out.is_none() && !args.write_docs {
        return Ok(());
    }
    let about = |key| samples.about(key).unwrap_or("unknown");
    let title = format!(
        "{}, {}, commit {}",
        about("CPU"),
        about("date"),
        about("commit")
    );
    let plot = plot::svg(&rows::rows(&samples.all), &title)?;
    if let Some(folder) = &args.out {
        docs::write(&folder.join("samples.csv"), &samples.to_csv())?;
        docs::write(&folder.join("table.md"), &text)?;
        docs::write(&folder.join("plot.svg"), &plot)?;
    }
    if args.write_docs {
        let folder = peers::root().join("docs");
        docs::write(&folder.join("benchmarks.svg"), &plot)?;
        let figures =
            format!("![Each peer in terms of Go, workload by workload](benchmarks.svg)\n\n{text}");
        docs::write_between(&folder.join("benchmarks.md"), &figures)?;
    }
    Ok(())
}
