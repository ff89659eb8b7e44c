//! The rows that ask a server: `wrk` against a peer's `http-server`.
//!
//! The server is a fresh process for each run. What it costs is its own CPU time, the difference over the run, divided by
//! the requests; `wrk` has its thread on another processor where there is one. A run in which a connection or a response
//! failed has no figures.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::run::{self, Ended};

/// For how long requests are sent.
const SECONDS: u64 = 3;

/// One run; the figures are those of the workloads' metrics.
pub(crate) fn run(
    server: &mut Command,
    wrk: &Path,
    connections: usize,
    limit: Duration,
) -> Result<Vec<(String, f64)>, String> {
    let child = run::start(server.stdin(Stdio::piped()));
    let mut child = child.map_err(|error| format!("cannot be started ({error})"))?;
    // Standard error is read so that a talkative server is never held up by a full pipe.
    let complaint = run::collect(child.stderr.take());
    let measured = measure(&mut child, wrk, connections, limit);
    drop(child.stdin.take());
    run::end_group(&child);
    // Reaped for good; how it ended says nothing, it was killed.
    let _status = child.wait();
    measured.map_err(|how| {
        let complaint = complaint.recv().unwrap_or_default();
        let line = complaint.lines().next().map(|line| format!(" ({line})"));
        how + &line.unwrap_or_default()
    })
}

fn measure(
    child: &mut Child,
    wrk: &Path,
    connections: usize,
    limit: Duration,
) -> Result<Vec<(String, f64)>, String> {
    let port = port(child, limit)?;
    let before = run::cpu_time(child.id()).ok_or("fails (is gone before the first request)")?;
    let mut command = Command::new(wrk);
    command.args(["-t1", &format!("-c{connections}"), &format!("-d{SECONDS}s")]);
    command.arg(format!("http://127.0.0.1:{port}/"));
    let load = run::run(&mut command, limit);
    let after = run::cpu_time(child.id()).ok_or("fails (is gone after the requests)")?;
    match load.ended {
        Ended::Well => {}
        Ended::Failed(how) => return Err(format!("fails (wrk {how})")),
    }
    let Load {
        requests,
        per_second,
    } = parse(&load.output)?;
    let cpu = (after.saturating_sub(before)).as_secs_f64() * 1e6 / requests;
    Ok(vec![
        ("requests_per_second".to_owned(), per_second),
        ("cpu_us".to_owned(), cpu),
    ])
}

/// The port that the server says it listens on.
fn port(child: &mut Child, limit: Duration) -> Result<u16, String> {
    let pipe = child.stdout.take().ok_or("fails (has no output)")?;
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut line = String::new();
        // An empty line says enough of a failure.
        let _read = BufReader::new(pipe).read_line(&mut line);
        let _heard = sender.send(line);
    });
    let line = receiver
        .recv_timeout(limit)
        .map_err(|_| "hangs (names no port)")?;
    let port = line
        .trim()
        .strip_prefix("PORT ")
        .and_then(|port| port.parse().ok());
    port.ok_or_else(|| format!("fails (prints {line:?} in place of its port)"))
}

/// What `wrk` says.
#[derive(Debug, PartialEq)]
struct Load {
    requests: f64,
    per_second: f64,
}

fn parse(output: &str) -> Result<Load, String> {
    let trouble = |line: &&str| {
        line.starts_with("Socket errors:") || line.starts_with("Non-2xx or 3xx responses:")
    };
    let lines = || output.lines().map(str::trim);
    if let Some(line) = lines().find(trouble) {
        return Err(format!("fails ({line})"));
    }
    let number = |text: &str| {
        text.trim()
            .parse::<f64>()
            .ok()
            .filter(|number| *number > 0.0)
    };
    let requests = lines().find_map(|line| number(line.split_once(" requests in ")?.0));
    let per_second = lines().find_map(|line| number(line.strip_prefix("Requests/sec:")?));
    match (requests, per_second) {
        (Some(requests), Some(per_second)) => Ok(Load {
            requests,
            per_second,
        }),
        _ => Err("fails (wrk counted no requests)".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WELL: &str = "Running 3s test @ http://127.0.0.1:4000/
  1 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency   510.11us  100.00us   3.00ms   90.00%
    Req/Sec   124.00k     2.00k  128.00k    70.00%
  372000 requests in 3.00s, 18.50MB read
Requests/sec: 124000.50
Transfer/sec:      6.17MB
";

    #[test]
    fn requests_are_counted() {
        let load = Load {
            requests: 372_000.0,
            per_second: 124_000.5,
        };
        assert_eq!(parse(WELL), Ok(load));
    }

    #[test]
    fn errors_leave_no_figures() {
        let errors = "  Socket errors: connect 0, read 3, write 0, timeout 0\n";
        assert!(parse(&format!("{WELL}{errors}")).is_err_and(|how| how.contains("read 3")));
        assert!(parse(&format!("{WELL}  Non-2xx or 3xx responses: 5\n")).is_err());
        assert!(parse("Requests/sec:      0.00\n").is_err());
    }
}
