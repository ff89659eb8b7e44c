//! Runs everybody in turn.
//!
//! For each workload and number of processors the rounds follow each other, and within a round every peer and variant runs
//! once, so that whatever else the machine does meets them all. Who begins moves on with every round, and every other round
//! goes backwards, so that nobody always runs after the same other. What has hung twice is not run again: it would
//! say the same, a time limit later. Once is not enough, as some hang now and then only and have figures otherwise.

use std::path::Path;
use std::process::Command;

use crate::args::Args;
use crate::http;
use crate::peers::{Peer, Program};
use crate::rows::verb;
use crate::run::{self, Ended};
use crate::samples::{Outcome, Sample};
use crate::stats;
use crate::warm::warm;
use crate::workloads::Workload;

/// After how many hangs one is not run again.
const GIVE_UP: usize = 2;

/// One who runs in a workload.
#[derive(Clone, Copy, Debug)]
struct Contestant<'a> {
    program: &'a Program,
    variant: &'a str,
}

impl Contestant<'_> {
    fn name(&self) -> String {
        format!("{} {}", self.program.peer.title(), self.variant)
            .trim()
            .to_owned()
    }
}

/// Runs all that was asked for. Without `wrk` there are no rows of servers.
pub(crate) fn measure(args: &Args, programs: &[Program], wrk: Option<&Path>) -> Vec<Sample> {
    let mut samples = Vec::new();
    for workload in &args.workloads {
        if workload.connections.is_some() && wrk.is_none() {
            continue;
        }
        for &procs in workload.procs {
            if args
                .procs
                .as_ref()
                .is_none_or(|chosen| chosen.contains(&procs))
            {
                one(args, programs, wrk, workload, procs, &mut samples);
            }
        }
    }
    samples
}

fn one(
    args: &Args,
    programs: &[Program],
    wrk: Option<&Path>,
    workload: &Workload,
    procs: usize,
    samples: &mut Vec<Sample>,
) {
    let contestants: Vec<Contestant<'_>> = programs
        .iter()
        .flat_map(|program| {
            let variants = program.variants(workload.argument(), procs).iter();
            variants.map(move |variant| Contestant { program, variant })
        })
        .collect();
    let mut hangs = vec![0; contestants.len()];
    for round in 1..=args.rounds {
        eprintln!("{} P={procs}, round {round}", workload.name);
        for at in order(contestants.len(), round) {
            if hangs[at] == GIVE_UP {
                continue;
            }
            let contestant = contestants[at];
            let mut command = Command::new(&contestant.program.path);
            command
                .arg(workload.argument())
                .env("GOMAXPROCS", procs.to_string());
            if !contestant.variant.is_empty() {
                command.arg(contestant.variant);
            }
            let peer = contestant.program.peer;
            warm(workload.memory);
            let outcomes = match figures(&mut command, peer, workload, wrk, args) {
                Ok(figures) => figures,
                Err(how) => {
                    if verb(&how) == "hangs" {
                        hangs[at] += 1;
                    }
                    vec![Outcome::Failed(how)]
                }
            };
            for outcome in outcomes {
                eprintln!("    {}: {}", contestant.name(), shown(&outcome));
                samples.push(Sample {
                    workload: workload.name.to_owned(),
                    procs,
                    peer,
                    variant: contestant.variant.to_owned(),
                    round,
                    outcome,
                });
            }
        }
    }
}

/// In which order `count` run in a round, which is counted from 1 on.
fn order(count: usize, round: usize) -> Vec<usize> {
    let first = round - 1;
    let step = |at| {
        if round.is_multiple_of(2) {
            count - at
        } else {
            at
        }
    };
    (0..count).map(|at| (first + step(at)) % count).collect()
}

/// One run.
fn figures(
    command: &mut Command,
    peer: Peer,
    workload: &Workload,
    wrk: Option<&Path>,
    args: &Args,
) -> Result<Vec<Outcome>, String> {
    let mut figures = match (workload.connections, wrk) {
        (Some(connections), Some(wrk)) => http::run(command, wrk, connections, args.time_limit)?,
        _ => {
            let run = run::run(command, args.time_limit);
            if let Ended::Failed(how) = run.ended {
                return Err(how);
            }
            let mut figures = run::figures(&run.output)?;
            // For the sceptic: who wins time by using more processors than one shows here.
            let cpu = run
                .cpu
                .map(|cpu| ("process_cpu_ms".to_owned(), cpu.as_secs_f64() * 1e3));
            figures.extend(cpu);
            figures
        }
    };
    if let Some(metric) = missing(peer, workload, &figures) {
        return Err(format!("fails (prints no {metric})"));
    }
    let figures = figures.drain(..);
    Ok(figures
        .map(|(metric, value)| Outcome::Figure { metric, value })
        .collect())
}

/// The first metric of a workload that a run should have printed and has not. A floor need not have them all: where nobody
/// sleeps, nobody is late.
fn missing(peer: Peer, workload: &Workload, figures: &[(String, f64)]) -> Option<&'static str> {
    let printed = |name| figures.iter().any(|(printed, _)| printed == name);
    let mut names = workload.metrics.iter().map(|metric| metric.name);
    if peer == Peer::Bare && names.clone().any(printed) {
        return None;
    }
    names.find(|name| !printed(name))
}

fn shown(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Figure { metric, value } => format!("{} {metric}", stats::figure(*value)),
        Outcome::Failed(how) => how.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workloads::WORKLOADS;

    #[test]
    fn only_a_floor_may_leave_out_a_metric() {
        let timers = WORKLOADS.iter().find(|workload| workload.name == "timers");
        let timers = timers.expect("there is the workload");
        let some = [("wall_extra_ms".to_owned(), 1.0)];
        assert_eq!(missing(Peer::Bare, timers, &some), None);
        assert_eq!(missing(Peer::Csp, timers, &some), Some("lateness_ms"));
        assert_eq!(missing(Peer::Bare, timers, &[]), Some("wall_extra_ms"));
    }

    #[test]
    fn all_run_in_every_round_and_each_begins_in_turn() {
        for count in [1, 3, 6] {
            let all: Vec<usize> = (0..count).collect();
            let mut first = Vec::new();
            for round in 1..=count {
                let mut order = order(count, round);
                first.push(order[0]);
                order.sort_unstable();
                assert_eq!(order, all);
            }
            assert_eq!(first, all);
        }
        assert_eq!((order(3, 1), order(3, 2)), (vec![0, 1, 2], vec![1, 0, 2]));
        assert!(order(0, 1).is_empty());
    }
}
