//! The result as Markdown: what was run where, the table, the floors below it, what failed, and earlier runs beside this one.

use std::collections::BTreeMap;

use crate::floors;
use crate::peers::Peer;
use crate::rows::{self, Cell, Row};
use crate::samples::{Outcome, Samples};
use crate::stats::figure;
use crate::workloads::{Better, Metric};

/// Everything that is generated, except the plot.
pub(crate) fn markdown(samples: &Samples, baselines: &[Samples]) -> String {
    let rows = rows::rows(&samples.all);
    let mut text = about(samples);
    text += &summary(&rows);
    text += &table(&rows);
    text += &floors::markdown(&rows, &samples.all);
    text += &troubles(samples);
    if !baselines.is_empty() {
        text += &beside(&rows, samples, baselines);
    }
    text
}

fn about(samples: &Samples) -> String {
    let command = samples.about("command").unwrap_or_default();
    let mut text = format!("```sh\n{command}\n```\n\n");
    for (key, value) in samples.about.iter().filter(|(key, _)| key != "command") {
        text += &format!("- {key}: {value}\n");
    }
    text + "\n"
}

/// How many rows are won.
fn summary(rows: &[Row]) -> String {
    let met: Vec<bool> = rows.iter().filter_map(Row::met).collect();
    let ahead: Vec<bool> = rows.iter().filter_map(Row::ahead).collect();
    let count = |all: &[bool]| {
        format!(
            "{} of {}",
            all.iter().filter(|won| **won).count(),
            all.len()
        )
    };
    format!(
        "Targets met: {}. Ahead of every other peer: {} rows.\n\n",
        count(&met),
        count(&ahead)
    )
}

fn table(rows: &[Row]) -> String {
    let mut text = "| workload | P | unit |".to_owned();
    for peer in Peer::ALL {
        text += &format!(" {} |", peer.title());
    }
    text += " csp/Go | target | | csp/best peer |\n";
    text += "|---|--:|---|--:|--:|--:|--:|--:|--:|--:|---|--:|\n";
    for row in rows {
        text += &format!(
            "| {} | {} | {} |",
            row.workload.name, row.procs, row.metric.unit
        );
        for peer in Peer::ALL {
            text += &format!(" {} |", cell(row.cell(peer)));
        }
        text += &format!(" {} |", ratio(row.to_go(Peer::Csp)));
        text += &format!(" {} |", target(row.metric, row.procs));
        text += &format!(
            " {} |",
            row.met()
                .map_or("", |met| if met { "met" } else { "**missed**" })
        );
        text += &match row.best_peer() {
            Some((peer, ratio)) => format!(" {ratio:.2} ({}) |\n", peer.title()),
            None => " – |\n".to_owned(),
        };
    }
    text + "\n"
}

/// `median / best`, and what else there is to say.
pub(crate) fn cell(cell: Option<&Cell>) -> String {
    match cell {
        None => "–".to_owned(),
        Some(Cell::Failed(how)) => how.clone(),
        Some(Cell::Figure(of)) => {
            let mut text = format!("{} / {}", figure(of.median), figure(of.best));
            if !of.variant.is_empty() {
                text += &format!(" {}", of.variant);
            }
            if of.failed > 0 {
                text += &format!(" ({} failed)", of.failed);
            }
            text
        }
    }
}

pub(crate) fn ratio(ratio: Option<f64>) -> String {
    ratio.map_or("–".to_owned(), |ratio| format!("{ratio:.2}"))
}

fn target(metric: &Metric, procs: usize) -> String {
    let sign = if metric.better == Better::Less {
        "≤"
    } else {
        "≥"
    };
    metric
        .target(procs)
        .map_or(String::new(), |target| format!("{sign} {target:.2}"))
}

/// Every kind of failure, with how often it was seen and the first of them in full: the rest differ by numbers of threads.
fn troubles(samples: &Samples) -> String {
    let mut seen: BTreeMap<(String, &str), (usize, &str)> = BTreeMap::new();
    for sample in &samples.all {
        if let Outcome::Failed(how) = &sample.outcome {
            let words = [sample.peer.title(), &sample.variant, &sample.workload];
            let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
            let who = format!("{}, P={}", words.join(" "), sample.procs);
            seen.entry((who, rows::verb(how))).or_insert((0, how)).0 += 1;
        }
    }
    if seen.is_empty() {
        return String::new();
    }
    let mut text = "Runs without a figure (what has hung twice is not run again):\n\n".to_owned();
    for ((who, _), (times, how)) in &seen {
        let often = if *times > 1 {
            format!(", {times} times")
        } else {
            String::new()
        };
        text += &format!("- {who}: `{}`{often}\n", how.replace('`', "'"));
    }
    text + "\n"
}

/// Our ratios to Go in this run and in others.
fn beside(rows: &[Row], samples: &Samples, baselines: &[Samples]) -> String {
    let others: Vec<Vec<Row>> = baselines
        .iter()
        .map(|other| rows::rows(&other.all))
        .collect();
    let mut text = "csp/Go in separate runs:\n\n| workload | P | unit | target |".to_owned();
    for run in [samples].into_iter().chain(baselines) {
        let about = |key| run.about(key).unwrap_or("?");
        text += &format!(" {}, {} |", about("date"), about("commit"));
    }
    text += &format!(
        "\n|---|--:|---|--:|{}\n",
        "--:|".repeat(1 + baselines.len())
    );
    for row in rows {
        let (name, procs, metric) = (row.workload.name, row.procs, row.metric);
        text += &format!(
            "| {name} | {procs} | {} | {} |",
            metric.unit,
            target(metric, procs)
        );
        text += &format!(" {} |", ratio(row.to_go(Peer::Csp)));
        for other in &others {
            let same = |other: &&Row| {
                other.workload == row.workload && other.metric == metric && other.procs == procs
            };
            let then = other.iter().find(same).and_then(|row| row.to_go(Peer::Csp));
            text += &format!(" {} |", ratio(then));
        }
        text.push('\n');
    }
    text + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::tests::sample;

    fn samples() -> Samples {
        Samples {
            about: vec![
                ("command".to_owned(), "compare --rounds 2".to_owned()),
                ("date".to_owned(), "2026-01-02".to_owned()),
                ("commit".to_owned(), "abc".to_owned()),
            ],
            all: vec![
                sample(Peer::Csp, "", 1, Some(6.0)),
                sample(Peer::Csp, "", 2, Some(8.0)),
                sample(Peer::Go, "", 1, Some(10.0)),
                sample(Peer::May, "", 1, None),
                sample(Peer::Tokio, "multi", 1, Some(5.0)),
                sample(Peer::Tokio, "multi", 2, None),
            ],
        }
    }

    #[test]
    fn a_row_has_everything_side_by_side() {
        let text = markdown(&samples(), &[]);
        let row = "| mutex | 1 | ns | 7.00 / 6.00 | 10.0 / 10.0 | hangs | 5.00 / 5.00 multi (1 failed) | – \
                   | 0.70 | ≤ 1.00 | met | 1.40 (tokio) |\n";
        assert!(text.contains(row), "{text}");
        assert!(text.contains("Targets met: 1 of 1. Ahead of every other peer: 0 of 1 rows."));
        assert!(
            text.contains("- may mutex, P=1: `hangs (over 60 s)`\n"),
            "{text}"
        );
        assert!(text.starts_with("```sh\ncompare --rounds 2\n```\n\n- date: 2026-01-02\n"));
    }

    #[test]
    fn without_go_there_are_no_ratios_to_it() {
        let mut samples = samples();
        samples.all.retain(|sample| sample.peer != Peer::Go);
        let text = markdown(&samples, &[]);
        assert!(
            text.contains("| – | hangs |") && text.contains("| – | ≤ 1.00 |  |"),
            "{text}"
        );
    }

    #[test]
    fn earlier_runs_stand_beside() {
        let mut earlier = samples();
        earlier.all.truncate(3);
        earlier.all[2] = sample(Peer::Go, "", 1, Some(14.0));
        let text = markdown(&samples(), &[earlier]);
        assert!(
            text.contains("| mutex | 1 | ns | ≤ 1.00 | 0.70 | 0.50 |\n"),
            "{text}"
        );
        assert!(
            text.contains("| 2026-01-02, abc | 2026-01-02, abc |"),
            "{text}"
        );
    }
}
