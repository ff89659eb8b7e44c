//! Who is compared, and the programs that speak for them: found, built, asked what they can do.
//!
//! The Rust programs are built by one `cargo build`, and one by one only where that fails, so that a peer that does not
//! build costs nobody else a place. They land beside this very program. Go's is built where `go` is found.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::run::{self, Ended};
use crate::workloads::WORKLOADS;

/// One side of the comparison, or the floor below them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Peer {
    Csp,
    Go,
    May,
    Tokio,
    Threads,
    /// What the system alone takes: run with the others and kept with them, but compared with nobody except in the table of
    /// floors.
    Bare,
}

impl Peer {
    /// Those that are compared.
    pub(crate) const ALL: [Peer; 5] = [Peer::Csp, Peer::Go, Peer::May, Peer::Tokio, Peer::Threads];
    /// All that have a program.
    pub(crate) const PROGRAMS: [Peer; 6] = [
        Peer::Csp,
        Peer::Go,
        Peer::May,
        Peer::Tokio,
        Peer::Threads,
        Peer::Bare,
    ];

    /// As options and files have it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Peer::Csp => "csp",
            Peer::Go => "go",
            Peer::May => "may",
            Peer::Tokio => "tokio",
            Peer::Threads => "threads",
            Peer::Bare => "bare",
        }
    }

    /// As it is written for readers.
    pub(crate) fn title(self) -> &'static str {
        if self == Peer::Go { "Go" } else { self.name() }
    }

    pub(crate) fn named(name: &str) -> Option<Peer> {
        Peer::PROGRAMS.into_iter().find(|peer| peer.name() == name)
    }
}

/// A peer's program.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) peer: Peer,
    pub(crate) path: PathBuf,
    /// By the number of processors.
    workloads: BTreeMap<usize, Workloads>,
}

/// The workloads that a program knows, each with its variants; one without a name where there is but one way.
type Workloads = BTreeMap<String, Vec<String>>;

impl Program {
    /// The variants of a workload with a number of processors; none of what it does not know.
    pub(crate) fn variants(&self, workload: &str, procs: usize) -> &[String] {
        let workloads = self.workloads.get(&procs);
        let variants = workloads.and_then(|workloads| workloads.get(workload));
        variants.map_or(&[], Vec::as_slice)
    }
}

/// The programs that can run, and why others cannot.
#[derive(Debug, Default)]
pub(crate) struct Programs {
    pub(crate) there: Vec<Program>,
    pub(crate) absent: Vec<(Peer, String)>,
}

/// The folder of the workspace.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().expect("a crate of a workspace").to_owned()
}

/// Builds the programs of `peers`.
pub(crate) fn build(peers: &[Peer], go: &Path) -> Result<Programs, String> {
    let target = target()?;
    let mut programs = Programs::default();
    let rust: Vec<Peer> = peers
        .iter()
        .copied()
        .filter(|peer| *peer != Peer::Go)
        .collect();
    let all_built = rust.is_empty() || cargo(&rust, &target).is_ok();
    for &peer in peers {
        let path = target.join("release").join(format!("peer-{}", peer.name()));
        let built = match peer {
            Peer::Go => self::go(go, &path),
            _ if all_built => Ok(()),
            _ => cargo(&[peer], &target),
        };
        match built.and_then(|()| list(&path)) {
            Ok(workloads) => programs.there.push(Program {
                peer,
                path,
                workloads,
            }),
            Err(why) => programs.absent.push((peer, why)),
        }
    }
    Ok(programs)
}

/// The target directory that this program was built in: it lies in a profile's folder there.
pub(crate) fn target() -> Result<PathBuf, String> {
    let own = env::current_exe()
        .map_err(|error| format!("the path of this program cannot be read: {error}"))?;
    let target = own.parent().and_then(Path::parent).ok_or_else(|| {
        format!(
            "{} is not in a target directory; run it through cargo",
            own.display()
        )
    })?;
    Ok(target.to_owned())
}

fn cargo(peers: &[Peer], target: &Path) -> Result<(), String> {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command
        .args(["build", "--release", "-p", "csp-benchmarks", "--target-dir"])
        .arg(target);
    for peer in peers {
        command.arg("--bin").arg(format!("peer-{}", peer.name()));
    }
    succeed(command.current_dir(root()))
}

fn go(go: &Path, path: &Path) -> Result<(), String> {
    let mut command = Command::new(go);
    command.args(["build", "-o"]).arg(path).arg(".");
    succeed(command.current_dir(root().join("benchmarks/go")))
}

/// Runs a command that has to succeed, and lets it show its own output.
pub(crate) fn succeed(command: &mut Command) -> Result<(), String> {
    let name = command.get_program().to_string_lossy().into_owned();
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!(
            "its program was not built: {name} ended with {status}"
        )),
        Err(error) => Err(format!(
            "its program was not built: {name} cannot be run: {error}"
        )),
    }
}

/// What a program says that it can do, for each of the numbers of processors: some variants are for one only.
fn list(path: &Path) -> Result<BTreeMap<usize, Workloads>, String> {
    let procs: BTreeSet<usize> = WORKLOADS
        .iter()
        .flat_map(|workload| workload.procs)
        .copied()
        .collect();
    let lists = procs.into_iter().map(|procs| {
        let mut command = Command::new(path);
        command.arg("--list").env("GOMAXPROCS", procs.to_string());
        let run = run::run(&mut command, Duration::from_secs(10));
        match run.ended {
            Ended::Well => Ok((procs, listed(&run.output))),
            Ended::Failed(how) => Err(format!("its program does not say what it can do: it {how}")),
        }
    });
    lists.collect()
}

/// The lines `WORKLOAD [VARIANT …]`.
fn listed(output: &str) -> Workloads {
    let lines = output.lines().filter_map(|line| {
        let mut words = line.split_whitespace().map(str::to_owned);
        let name = words.next()?;
        let mut variants: Vec<String> = words.collect();
        if variants.is_empty() {
            variants.push(String::new());
        }
        Some((name, variants))
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_names_and_variants() {
        let listed = listed("spawn\nstream multi-mpsc current-flume\n\n");
        assert_eq!(listed["spawn"], [""]);
        assert_eq!(listed["stream"], ["multi-mpsc", "current-flume"]);
        assert_eq!(listed.len(), 2);
    }

    #[test]
    fn what_a_program_does_not_know_has_no_variants() {
        let workloads = BTreeMap::from([(1, listed("ring current multi\n"))]);
        let program = Program {
            peer: Peer::Tokio,
            path: PathBuf::new(),
            workloads,
        };
        assert_eq!(program.variants("ring", 1), ["current", "multi"]);
        assert!(program.variants("ring", 2).is_empty() && program.variants("deep", 1).is_empty());
    }

    #[test]
    fn names_lead_back_to_their_peers() {
        for peer in Peer::PROGRAMS {
            assert_eq!(Peer::named(peer.name()), Some(peer));
        }
        assert_eq!(Peer::named("Go"), None);
    }

    #[test]
    fn the_floor_is_run_last_and_compared_with_nobody() {
        let (last, others) = Peer::PROGRAMS.split_last().expect("there are programs");
        assert_eq!((*last, others), (Peer::Bare, &Peer::ALL[..]));
    }
}
