//! The command line: which peers, workloads and numbers of processors, how often, and where the result goes.
//!
//! By hand, because there are a dozen options and no crate for it in the workspace. Options may be given once, except
//! `--baseline`; a list is separated by commas.

use std::path::PathBuf;
use std::time::Duration;

use crate::peers::Peer;
use crate::workloads::{WORKLOADS, Workload};

pub(crate) const HELP: &str = "\
Builds the same workloads for csp, Go, may, tokio and OS threads, runs them in turn, and shows them side by side.

usage: cargo run --release -p csp-benchmarks --bin compare -- [OPTION …]

  --rounds N          how often each is run (5)
  --workloads A,B     only these
  --peers A,B         only these of csp, go, may, tokio, threads, and bare, the floor
  --procs 1,2         only these numbers of processors
  --go PATH           the go command, if it is not on PATH
  --wrk PATH          the wrk command, if it is not on PATH
  --time-limit S      seconds after which a run is taken to hang (15)
  --out DIR           writes table.md, samples.csv and plot.svg there
  --write-docs        writes the generated part of docs/benchmarks.md, and docs/benchmarks.svg
  --from FILE         runs nothing; shows the samples.csv of an earlier run
  --baseline FILE     sets the samples.csv of an earlier run beside this one; may be repeated
  --instructions      instead of the comparison: instructions of each operation of csp, counted by valgrind
  --valgrind PATH     the valgrind command, if it is not on PATH
  --physical          instead of the comparison: what the machine charges for memory, cache lines, system calls
  --help
";

/// What was asked for.
#[derive(Debug)]
pub(crate) struct Args {
    pub(crate) rounds: usize,
    pub(crate) workloads: Vec<&'static Workload>,
    pub(crate) peers: Vec<Peer>,
    /// The numbers of processors to run with; those that a workload is not defined for are left out there.
    pub(crate) procs: Option<Vec<usize>>,
    pub(crate) go: Option<PathBuf>,
    pub(crate) wrk: Option<PathBuf>,
    pub(crate) time_limit: Duration,
    pub(crate) out: Option<PathBuf>,
    pub(crate) write_docs: bool,
    pub(crate) from: Option<PathBuf>,
    pub(crate) baselines: Vec<PathBuf>,
    /// Whether to count instructions instead of comparing.
    pub(crate) instructions: bool,
    /// Whether to measure the machine instead of comparing.
    pub(crate) physical: bool,
    pub(crate) valgrind: Option<PathBuf>,
    /// The command to type for the same again, with what is a place on this machine only left general.
    pub(crate) command: String,
}

/// What the command line says: to compare, or only to explain.
#[derive(Debug)]
pub(crate) enum Request {
    Compare(Box<Args>),
    Help,
}

/// Reads the arguments that follow the program's name.
pub(crate) fn parse(words: impl Iterator<Item = String>) -> Result<Request, String> {
    let mut args = Args {
        rounds: 5,
        workloads: WORKLOADS.iter().collect(),
        peers: Peer::PROGRAMS.to_vec(),
        procs: None,
        go: None,
        wrk: None,
        time_limit: Duration::from_secs(15),
        out: None,
        write_docs: false,
        from: None,
        baselines: Vec::new(),
        instructions: false,
        physical: false,
        valgrind: None,
        command: "cargo run --release -p csp-benchmarks --bin compare --".to_owned(),
    };
    let mut words = words;
    while let Some(option) = words.next() {
        match option.as_str() {
            "--help" | "-h" => return Ok(Request::Help),
            "--write-docs" => {
                args.write_docs = true;
                args.command += " --write-docs";
                continue;
            }
            "--instructions" => {
                args.instructions = true;
                args.command += " --instructions";
                continue;
            }
            "--physical" => {
                args.physical = true;
                args.command += " --physical";
                continue;
            }
            _ => {}
        }
        let value = words.next().ok_or_else(|| {
            format!("{option} is not an option, or lacks its value; --help explains them")
        })?;
        take(&mut args, &option, &value)?;
    }
    Ok(Request::Compare(Box::new(args)))
}

/// One option that has a value.
fn take(args: &mut Args, option: &str, value: &str) -> Result<(), String> {
    let mut shown = value;
    match option {
        "--rounds" => args.rounds = positive(option, value)?,
        "--workloads" => args.workloads = list(value, workload)?,
        "--peers" => args.peers = list(value, peer)?,
        "--procs" => args.procs = Some(list(value, |word| positive(option, word))?),
        "--time-limit" => {
            args.time_limit = Duration::from_secs(positive(option, value)? as u64);
        }
        "--go" => (args.go, shown) = (Some(value.into()), "PATH"),
        "--wrk" => (args.wrk, shown) = (Some(value.into()), "PATH"),
        "--valgrind" => (args.valgrind, shown) = (Some(value.into()), "PATH"),
        "--out" => (args.out, shown) = (Some(value.into()), "DIR"),
        "--from" => (args.from, shown) = (Some(value.into()), "FILE"),
        "--baseline" => {
            args.baselines.push(value.into());
            shown = "FILE";
        }
        _ => return Err(format!("{option} is not an option; --help explains them")),
    }
    args.command += &format!(" {option} {shown}");
    Ok(())
}

fn positive(option: &str, value: &str) -> Result<usize, String> {
    match value.parse() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err(format!("{option} takes numbers from 1 on, not {value:?}")),
    }
}

fn list<T>(value: &str, one: impl Fn(&str) -> Result<T, String>) -> Result<Vec<T>, String> {
    value.split(',').map(|word| one(word.trim())).collect()
}

fn workload(name: &str) -> Result<&'static Workload, String> {
    WORKLOADS
        .iter()
        .find(|workload| workload.name == name)
        .ok_or_else(|| {
            let names: Vec<_> = WORKLOADS.iter().map(|workload| workload.name).collect();
            format!(
                "there is no workload {name:?}; there are {}",
                names.join(", ")
            )
        })
}

fn peer(name: &str) -> Result<Peer, String> {
    Peer::named(name).ok_or_else(|| {
        let names = Peer::PROGRAMS.map(Peer::name);
        format!("there is no peer {name:?}; there are {}", names.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Result<Request, String> {
        parse(line.split_whitespace().map(str::to_owned))
    }

    fn args(line: &str) -> Args {
        match words(line) {
            Ok(Request::Compare(args)) => *args,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn without_options_everything_runs() {
        let args = args("");
        assert_eq!((args.rounds, args.peers.len()), (5, 6));
        assert_eq!(args.workloads.len(), WORKLOADS.len());
        assert!(args.procs.is_none() && !args.write_docs);
    }

    #[test]
    fn lists_are_separated_by_commas() {
        let args = args("--workloads ring,mutex --peers csp,bare --procs 2 --rounds 3");
        let names: Vec<_> = args
            .workloads
            .iter()
            .map(|workload| workload.name)
            .collect();
        assert_eq!(names, ["ring", "mutex"]);
        assert_eq!(args.peers, [Peer::Csp, Peer::Bare]);
        assert_eq!(args.procs, Some(vec![2]));
    }

    #[test]
    fn the_command_names_no_place_of_this_machine() {
        let args = args("--rounds 3 --go /somewhere/go --write-docs");
        assert!(
            args.command
                .ends_with("-- --rounds 3 --go PATH --write-docs")
        );
    }

    #[test]
    fn what_is_shown_instead_is_told_apart() {
        let args = args("--instructions --valgrind /somewhere/valgrind");
        assert!(args.instructions && !args.physical);
        assert!(args.command.ends_with("--instructions --valgrind PATH"));
    }

    #[test]
    fn mistakes_are_named() {
        for (line, part) in [
            ("--rounds 0", "from 1 on"),
            ("--workloads rong", "no workload \"rong\""),
            ("--peers gone", "no peer"),
            ("--fast", "lacks its value"),
            ("--fast 1", "not an option"),
        ] {
            let error = words(line).expect_err(line);
            assert!(error.contains(part), "{error}");
        }
    }
}
