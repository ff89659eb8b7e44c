//! Runs a program under a time limit and keeps what it says.
//!
//! A child is the leader of a process group of its own, and what ends it ends the group: a peer that hangs leaves nothing
//! behind that would slow down the others. Nothing polls while it measures: a thread of this process waits for the end of
//! its output, this one for that thread. The child is not reaped before it is certain that no signal goes to it any more,
//! so its number cannot have become another process's; and until then Linux still tells its CPU time.
//!
//! Ctrl-C reaches this process alone, because the groups are others. So a handler, on a thread of its own, ends them all
//! first. The list of groups is locked while a child starts and while it is given up, so that none is missed.

use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{self, Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::{Pid, SysconfVar, sysconf};

/// How a run ended.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Ended {
    Well,
    /// A verb, and in brackets more about it.
    Failed(String),
}

/// What a run has left.
#[derive(Debug)]
pub(crate) struct Run {
    /// Its standard output.
    pub(crate) output: String,
    pub(crate) ended: Ended,
    /// User and system time of the whole process.
    pub(crate) cpu: Option<Duration>,
}

/// The most of a program's complaints that is kept.
const COMPLAINT: usize = 160;

/// Runs `command` to its end, or ends it after `limit`.
pub(crate) fn run(command: &mut Command, limit: Duration) -> Run {
    let deadline = Instant::now() + limit;
    let mut child = match start(command.stdin(Stdio::null())) {
        Ok(child) => child,
        Err(error) => {
            let ended = Ended::Failed(format!("cannot be started ({error})"));
            return Run {
                output: String::new(),
                ended,
                cpu: None,
            };
        }
    };
    let output = collect(child.stdout.take());
    let complaint = collect(child.stderr.take());
    let closed = output.recv_timeout(limit);
    let in_time = closed.is_ok() && is_over(&child, deadline);
    let cpu = cpu_time(child.id());
    end_group(&child);
    let status = child.wait();
    let output = closed.or_else(|_| output.recv()).unwrap_or_default();
    let complaint = complaint.recv().unwrap_or_default();
    let ended = match status {
        _ if !in_time => Ended::Failed(format!("hangs (over {} s)", limit.as_secs())),
        Ok(status) => judge(status, &complaint),
        Err(error) => Ended::Failed(format!("is lost ({error})")),
    };
    Run { output, ended, cpu }
}

/// Runs a program that has to end well, and returns what it has said.
pub(crate) fn well(program: &Path, arguments: &[&str], limit: Duration) -> Result<String, String> {
    let run = run(Command::new(program).args(arguments), limit);
    match run.ended {
        Ended::Well => Ok(run.output),
        Ended::Failed(how) => Err(format!("{} {how}", program.display())),
    }
}

/// The groups that run: numbers of children that have not been reaped.
static GROUPS: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());

/// The list of groups. It is whole even if a thread panicked while it had it.
fn groups() -> MutexGuard<'static, BTreeSet<u32>> {
    GROUPS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes Ctrl-C and a request to end take all children along.
pub(crate) fn end_all_when_interrupted() -> Result<(), String> {
    let end = || {
        // Kept to the end: nothing is started any more.
        let groups = groups();
        groups.iter().for_each(|group| kill(*group));
        process::exit(130);
    };
    ctrlc::set_handler(end).map_err(|error| format!("interrupts cannot be handled: {error}"))
}

fn kill(group: u32) {
    // The only failure possible is that nobody is left in it.
    let _gone = killpg(Pid::from_raw(group.cast_signed()), Signal::SIGKILL);
}

/// Starts `command` as the leader of a group, its outputs piped.
pub(crate) fn start(command: &mut Command) -> std::io::Result<Child> {
    let mut groups = groups();
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()?;
    groups.insert(child.id());
    Ok(child)
}

/// Kills all that is left of a child's group. The child must not have been reaped.
pub(crate) fn end_group(child: &Child) {
    let mut groups = groups();
    kill(child.id());
    groups.remove(&child.id());
}

/// Reads a pipe to its end on a thread.
pub(crate) fn collect(pipe: Option<impl Read + Send + 'static>) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            // What was read before an error is kept.
            let _read = pipe.read_to_end(&mut bytes);
        }
        // Nobody listens any more where the program was given up.
        let _heard = sender.send(String::from_utf8_lossy(&bytes).into_owned());
    });
    receiver
}

/// Waits until a child that has closed its output is over too.
fn is_over(child: &Child, deadline: Instant) -> bool {
    while Instant::now() < deadline {
        match stat(child.id()) {
            Some(stat) if stat.state != 'Z' => thread::sleep(Duration::from_millis(1)),
            _ => return true,
        }
    }
    false
}

fn judge(status: ExitStatus, complaint: &str) -> Ended {
    let verb = match (status.code(), status.signal()) {
        (Some(0), _) => return Ended::Well,
        (_, Some(signal)) => {
            let name = Signal::try_from(signal).map_or("a signal", Signal::as_str);
            let verb = if signal == Signal::SIGABRT as i32 {
                "aborts"
            } else {
                "fails"
            };
            format!("{verb} ({name}")
        }
        (code, _) => format!("fails (status {}", code.unwrap_or(-1)),
    };
    // Where a panic was says less than the line after it, and names folders of this machine.
    let line = complaint
        .lines()
        .find(|line| !line.trim().is_empty() && !line.contains(" panicked at "))
        .unwrap_or("no message");
    let line: String = line.trim().chars().take(COMPLAINT).collect();
    Ended::Failed(format!("{verb}: {line})"))
}

/// What Linux says of a process.
#[derive(Debug, PartialEq)]
struct Stat {
    state: char,
    /// User and system time, in the unit of `sysconf`.
    ticks: u64,
}

fn stat(process: u32) -> Option<Stat> {
    parse_stat(&fs::read_to_string(format!("/proc/{process}/stat")).ok()?)
}

/// Reads `/proc/PID/stat`: the fields follow the name, which is in brackets and may hold anything.
fn parse_stat(text: &str) -> Option<Stat> {
    let (_, fields) = text.rsplit_once(") ")?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at)?.parse::<u64>().ok();
    Some(Stat {
        state: fields.first()?.chars().next()?,
        ticks: ticks(11)? + ticks(12)?,
    })
}

/// User and system time of a process that runs, or has not been reaped.
pub(crate) fn cpu_time(process: u32) -> Option<Duration> {
    let per_second = sysconf(SysconfVar::CLK_TCK).ok()??;
    let ticks = stat(process)?.ticks;
    Some(Duration::from_secs_f64(ticks as f64 / per_second as f64))
}

/// Reads lines `METRIC VALUE`.
pub(crate) fn figures(output: &str) -> Result<Vec<(String, f64)>, String> {
    let figure = |line: &str| {
        let (metric, value) = line.split_once(' ')?;
        let value: f64 = value.trim().parse().ok()?;
        value.is_finite().then(|| (metric.to_owned(), value))
    };
    let lines = output.lines();
    lines
        .map(|line| figure(line).ok_or_else(|| format!("fails (prints {line:?})")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Longer than anything here takes; no test waits for it.
    const LONG: Duration = Duration::from_secs(60);

    fn shell(script: &str, limit: Duration) -> Run {
        run(Command::new("sh").args(["-c", script]), limit)
    }

    #[test]
    fn output_and_end_are_kept() {
        let run = shell("echo ns 1.5", LONG);
        assert_eq!((run.output.as_str(), run.ended), ("ns 1.5\n", Ended::Well));
        assert!(run.cpu.is_some());
    }

    #[test]
    fn failures_say_what_happened() {
        let failed = |script| match shell(script, LONG).ended {
            Ended::Failed(how) => how,
            Ended::Well => panic!("{script} ended well"),
        };
        assert_eq!(
            failed("echo broken >&2; exit 3"),
            "fails (status 3: broken)"
        );
        assert_eq!(
            failed("printf 'thread x panicked at /a.rs:1:2:\\nno room\\n' >&2; exit 101"),
            "fails (status 101: no room)"
        );
        assert_eq!(failed("kill -ABRT $$"), "aborts (SIGABRT: no message)");
        assert_eq!(failed("kill -SEGV $$"), "fails (SIGSEGV: no message)");
    }

    #[test]
    fn what_cannot_be_started_is_said() {
        let run = run(&mut Command::new("/nowhere/at/all"), LONG);
        assert!(matches!(run.ended, Ended::Failed(how) if how.starts_with("cannot be started")));
    }

    #[test]
    fn what_hangs_is_ended_with_its_children() {
        // The grandchild holds the output open: were it not killed, this would wait for it. On a busy machine the
        // shell may need longer than the first limit to begin.
        let run = [1, 10, 100]
            .into_iter()
            .map(|factor| {
                let limit = factor * Duration::from_millis(200);
                shell("echo early; sleep 1000 & sleep 1000", limit)
            })
            .find(|run| !run.output.is_empty())
            .expect("the shell says something in 20 s");
        assert_eq!(run.output, "early\n");
        assert!(matches!(run.ended, Ended::Failed(how) if how.starts_with("hangs")));
    }

    #[test]
    fn closing_the_output_is_not_the_end() {
        let run = shell("exec >&- 2>&-; sleep 1000", Duration::from_millis(200));
        assert!(matches!(run.ended, Ended::Failed(how) if how.starts_with("hangs")));
    }

    #[test]
    fn processor_time_follows_the_name() {
        let text = "7 (a) b) c) S 1 7 7 0 -1 4194560 100 0 0 0 12 30 0 0 20 0 1 0 99";
        assert_eq!(
            parse_stat(text),
            Some(Stat {
                state: 'S',
                ticks: 42
            })
        );
        assert_eq!(parse_stat("7 (a"), None);
    }

    #[test]
    fn figures_are_names_and_numbers() {
        let read = figures("ns 12.5\nbytes 3e3\n").expect("two figures");
        assert_eq!(
            read,
            [("ns".to_owned(), 12.5), ("bytes".to_owned(), 3000.0)]
        );
        for broken in ["ns", "ns fast", "ns nan"] {
            assert!(figures(broken).is_err(), "{broken}");
        }
    }
}
