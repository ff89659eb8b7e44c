//! The second table: what the system alone takes for a workload, in the same rounds as csp and Go.
//!
//! It has a row for each figure that `bare` has, and says nothing where it was not run. A floor is no peer: nothing in the
//! first table, its counts or the plot depends on it.
//!
//! A server's requests per second mean little alone: it may have had nothing to do. So below them stands what share of one
//! processor it took, the product of both figures of one run.

use std::collections::BTreeMap;

use crate::peers::Peer;
use crate::rows::{Cell, Figure, Row};
use crate::samples::{Outcome, Sample};
use crate::stats;
use crate::table::{cell, ratio};
use crate::workloads::Better;

/// Who stands in it, in order.
const COLUMNS: [Peer; 3] = [Peer::Csp, Peer::Bare, Peer::Go];

const ABOUT: &str = "\
Floors: what a program without any runtime takes, run in turn with the others: one thread that does only what the system \
must do for the workload as csp goes about it. It is no peer, and who goes about it in another way, or with two processors \
at once, may do better.";

const ABOUT_SHARES: &str = "\
The share of a processor is requests per second times CPU time per request: on a machine that has nothing else to do, a \
server well below 1.00 has waited, most likely for `wrk`, and its CPU time per request is the figure to look at. The second \
figure is the least.";

/// The table as Markdown, with what is to be said before it; empty without a floor.
pub(crate) fn markdown(rows: &[Row], samples: &[Sample]) -> String {
    let has_floor = |row: &&Row| row.cell(Peer::Bare).is_some();
    let rows: Vec<&Row> = rows.iter().filter(has_floor).collect();
    if rows.is_empty() {
        return String::new();
    }
    let serves = |row: &Row| row.workload.connections.is_some();
    let mut text = ABOUT.to_owned();
    if rows.iter().any(|row| serves(row)) {
        text += " ";
        text += ABOUT_SHARES;
    }
    text += "\n\n| workload | P | unit | csp | floor | Go | csp/floor | Go/floor |\n";
    text += "|---|--:|---|--:|--:|--:|--:|--:|\n";
    for row in rows {
        let cells = COLUMNS.map(|peer| cell(row.cell(peer)));
        let ratios = [Peer::Csp, Peer::Go].map(|peer| ratio(row.ratio(peer, Peer::Bare)));
        text += &line(row, row.metric.unit, &cells, &ratios);
        if serves(row) && row.workload.metrics.last() == Some(row.metric) {
            let shares = COLUMNS.map(|peer| cell(share(row, peer, samples).as_ref()));
            text += &line(
                row,
                "share of a processor",
                &shares,
                &["", ""].map(str::to_owned),
            );
        }
    }
    text + "\n"
}

fn line(row: &Row, unit: &str, cells: &[String], ratios: &[String]) -> String {
    let (name, procs) = (row.workload.name, row.procs);
    let fields = [cells, ratios].concat().join(" | ");
    format!("| {name} | {procs} | {unit} | {fields} |\n")
}

/// How many processors a server took, over all runs that have both figures. The least stands for the best: it is how idle
/// the server was when it was most so.
fn share(row: &Row, peer: Peer, samples: &[Sample]) -> Option<Cell> {
    let mut rates: BTreeMap<usize, f64> = BTreeMap::new();
    let mut costs: BTreeMap<usize, f64> = BTreeMap::new();
    let mut failed = 0;
    let of_row = |sample: &&Sample| {
        sample.peer == peer && sample.workload == row.workload.name && sample.procs == row.procs
    };
    for sample in samples.iter().filter(of_row) {
        match &sample.outcome {
            Outcome::Figure { metric, value } if metric == "requests_per_second" => {
                rates.insert(sample.round, *value);
            }
            Outcome::Figure { metric, value } if metric == "cpu_us" => {
                costs.insert(sample.round, *value);
            }
            Outcome::Figure { .. } => {}
            Outcome::Failed(_) => failed += 1,
        }
    }
    let products = rates
        .iter()
        .filter_map(|(round, rate)| Some(rate * costs.get(round)? / 1e6));
    let products: Vec<f64> = products.collect();
    Some(Cell::Figure(Figure {
        median: stats::median(&products)?,
        best: stats::best(&products, Better::Less)?,
        variant: String::new(),
        failed,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::{rows, tests::sample};

    fn table(samples: &[Sample]) -> String {
        markdown(&rows(samples), samples)
    }

    /// A run of `http64`.
    fn served(peer: Peer, round: usize, rate: f64, cost: f64) -> [Sample; 2] {
        [("requests_per_second", rate), ("cpu_us", cost)].map(|(metric, value)| Sample {
            workload: "http64".to_owned(),
            procs: 1,
            peer,
            variant: String::new(),
            round,
            outcome: Outcome::Figure {
                metric: metric.to_owned(),
                value,
            },
        })
    }

    #[test]
    fn without_a_floor_there_is_no_table() {
        assert_eq!(table(&[sample(Peer::Csp, "", 1, Some(3.0))]), "");
    }

    #[test]
    fn a_floor_that_failed_is_shown_as_that() {
        let text = table(&[
            sample(Peer::Csp, "", 1, Some(3.0)),
            sample(Peer::Bare, "", 1, None),
        ]);
        assert!(
            text.contains("| mutex | 1 | ns | 3.00 / 3.00 | hangs | – | – | – |\n"),
            "{text}"
        );
    }

    #[test]
    fn csp_and_go_stand_beside_the_floor() {
        let text = table(&[
            sample(Peer::Csp, "", 1, Some(6.0)),
            sample(Peer::Csp, "", 2, Some(8.0)),
            sample(Peer::Bare, "", 1, Some(4.0)),
            sample(Peer::May, "", 1, Some(5.0)),
        ]);
        let row = "| mutex | 1 | ns | 7.00 / 6.00 | 4.00 / 4.00 | – | 1.75 | – |\n";
        assert!(text.ends_with(&format!("{row}\n")), "{text}");
        assert!(!text.contains("share"), "{text}");
    }

    #[test]
    fn shares_are_products_of_one_run() {
        let runs = [
            served(Peer::Csp, 1, 100_000.0, 9.0),
            served(Peer::Csp, 2, 50_000.0, 10.0),
            served(Peer::Bare, 1, 100_000.0, 6.0),
            served(Peer::Go, 1, 80_000.0, 12.5),
        ];
        let text = table(&runs.concat());
        for row in [
            "| http64 | 1 | requests/s | 75,000 / 100,000 | 100,000 / 100,000 | 80,000 / 80,000 | 0.75 | 0.80 |\n",
            "| http64 | 1 | us CPU/request | 9.50 / 9.00 | 6.00 / 6.00 | 12.5 / 12.5 | 1.58 | 2.08 |\n",
            "| http64 | 1 | share of a processor | 0.70 / 0.50 | 0.60 / 0.60 | 1.00 / 1.00 |  |  |\n",
        ] {
            assert!(text.contains(row), "{row} in {text}");
        }
        assert!(text.contains("most likely for `wrk`"), "{text}");
    }

    #[test]
    fn a_run_with_half_of_its_figures_has_no_share() {
        let [rate, _] = served(Peer::Csp, 1, 100_000.0, 9.0);
        let floor = served(Peer::Bare, 1, 100_000.0, 6.0);
        let text = table(&[&[rate], &floor[..]].concat());
        assert!(
            text.contains("| share of a processor | – | 0.60 / 0.60 | – |"),
            "{text}"
        );
    }
}
