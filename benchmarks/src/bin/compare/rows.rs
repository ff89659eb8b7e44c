//! What the samples say, row by row: a workload, one of its metrics, a number of processors.
//!
//! A peer with several variants stands in a row with the one whose median is best there. A peer that failed in every run
//! stands with how it failed; one that failed in some, with the figures of the others and a mark.

use std::collections::BTreeMap;

use crate::peers::Peer;
use crate::samples::{Outcome, Sample};
use crate::stats;
use crate::workloads::{Metric, WORKLOADS, Workload};

/// One row of the table.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) workload: &'static Workload,
    pub(crate) metric: &'static Metric,
    pub(crate) procs: usize,
    cells: BTreeMap<Peer, Cell>,
}

/// One peer in one row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cell {
    Figure(Figure),
    /// It was run and never came to a figure: `fails`, `aborts` or `hangs`.
    Failed(String),
}

/// The runs of one variant together.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Figure {
    pub(crate) median: f64,
    pub(crate) best: f64,
    pub(crate) variant: String,
    /// How many runs of this variant failed beside those counted.
    pub(crate) failed: usize,
}

impl Row {
    pub(crate) fn cell(&self, peer: Peer) -> Option<&Cell> {
        self.cells.get(&peer)
    }

    pub(crate) fn median(&self, peer: Peer) -> Option<f64> {
        match self.cell(peer)? {
            Cell::Figure(figure) => Some(figure.median),
            Cell::Failed(_) => None,
        }
    }

    /// A peer's median in terms of Go's.
    pub(crate) fn to_go(&self, peer: Peer) -> Option<f64> {
        self.ratio(peer, Peer::Go)
    }

    /// A peer's median in terms of another's.
    pub(crate) fn ratio(&self, peer: Peer, other: Peer) -> Option<f64> {
        stats::ratio(self.median(peer)?, self.median(other)?)
    }

    /// Whether ours reaches the target, where there is one and something to compare. To have failed is not to reach it.
    pub(crate) fn met(&self) -> Option<bool> {
        let target = self.metric.target(self.procs)?;
        match self.cell(Peer::Csp)? {
            Cell::Failed(_) => Some(false),
            Cell::Figure(_) => Some(self.metric.better.reaches(self.to_go(Peer::Csp)?, target)),
        }
    }

    /// Whether ours is ahead of all others, where any other was run.
    pub(crate) fn ahead(&self) -> Option<bool> {
        let ours = self.cell(Peer::Csp)?;
        let mut others = Peer::ALL.into_iter().filter(|peer| *peer != Peer::Csp);
        if others.all(|peer| self.cell(peer).is_none()) {
            return None;
        }
        match (ours, self.best_peer()) {
            (Cell::Failed(_), _) => Some(false),
            (_, Some((_, ratio))) => Some(self.metric.better.than(ratio, 1.0)),
            // All others failed.
            (_, None) => Some(true),
        }
    }

    /// The best of the others, and ours in terms of it.
    pub(crate) fn best_peer(&self) -> Option<(Peer, f64)> {
        let others = Peer::ALL.into_iter().filter(|peer| *peer != Peer::Csp);
        let medians = others.filter_map(|peer| Some((peer, self.median(peer)?)));
        let better = self.metric.better;
        let (peer, median) = medians.reduce(|a, b| if better.than(b.1, a.1) { b } else { a })?;
        Some((peer, stats::ratio(self.median(Peer::Csp)?, median)?))
    }
}

/// The rows that there is anything to say in.
pub(crate) fn rows(samples: &[Sample]) -> Vec<Row> {
    let mut rows = Vec::new();
    for workload in WORKLOADS {
        for &procs in workload.procs {
            let of_row =
                |sample: &&Sample| sample.workload == workload.name && sample.procs == procs;
            let here: Vec<&Sample> = samples.iter().filter(of_row).collect();
            if !here.is_empty() {
                let row = |metric| Row {
                    workload,
                    metric,
                    procs,
                    cells: cells(&here, metric),
                };
                rows.extend(workload.metrics.iter().map(row));
            }
        }
    }
    rows
}

fn cells(samples: &[&Sample], metric: &Metric) -> BTreeMap<Peer, Cell> {
    let mut variants: BTreeMap<(Peer, &str), Vec<&Outcome>> = BTreeMap::new();
    for sample in samples {
        variants
            .entry((sample.peer, &sample.variant))
            .or_default()
            .push(&sample.outcome);
    }
    let mut cells = BTreeMap::new();
    for ((peer, variant), outcomes) in variants {
        let Some(cell) = cell(variant, &outcomes, metric) else {
            continue;
        };
        let replaces = match (&cell, cells.get(&peer)) {
            (_, None) => true,
            (Cell::Figure(new), Some(Cell::Figure(old))) => {
                metric.better.than(new.median, old.median)
            }
            (Cell::Figure(_), Some(Cell::Failed(_))) => true,
            (Cell::Failed(_), Some(_)) => false,
        };
        if replaces {
            cells.insert(peer, cell);
        }
    }
    cells
}

/// The runs of one variant.
fn cell(variant: &str, outcomes: &[&Outcome], metric: &Metric) -> Option<Cell> {
    let values = outcomes.iter().filter_map(|outcome| match outcome {
        Outcome::Figure {
            metric: name,
            value,
        } if name == metric.name => Some(*value),
        _ => None,
    });
    let values: Vec<f64> = values.collect();
    let mut failures = outcomes.iter().filter_map(|outcome| match outcome {
        Outcome::Failed(how) => Some(verb(how)),
        Outcome::Figure { .. } => None,
    });
    let Some(median) = stats::median(&values) else {
        return failures.next().map(|how| Cell::Failed(how.to_owned()));
    };
    let best = stats::best(&values, metric.better).expect("there is a median");
    Some(Cell::Figure(Figure {
        median,
        best,
        variant: variant.to_owned(),
        failed: failures.count(),
    }))
}

/// How a run failed, without the details in brackets.
pub(crate) fn verb(how: &str) -> &str {
    how.split(" (").next().unwrap_or(how)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A sample of `mutex` with one processor.
    pub(crate) fn sample(peer: Peer, variant: &str, round: usize, value: Option<f64>) -> Sample {
        let outcome = match value {
            Some(value) => Outcome::Figure {
                metric: "ns".to_owned(),
                value,
            },
            None => Outcome::Failed("hangs (over 60 s)".to_owned()),
        };
        let workload = "mutex".to_owned();
        Sample {
            workload,
            procs: 1,
            peer,
            variant: variant.to_owned(),
            round,
            outcome,
        }
    }

    fn the_row(samples: &[Sample]) -> Row {
        let mut rows = rows(samples);
        assert_eq!(rows.len(), 1);
        rows.remove(0)
    }

    #[test]
    fn the_best_variant_stands_for_its_peer() {
        let row = the_row(&[
            sample(Peer::Tokio, "multi", 1, Some(9.0)),
            sample(Peer::Tokio, "current", 1, Some(4.0)),
            sample(Peer::Tokio, "current", 2, Some(6.0)),
            sample(Peer::Tokio, "broken", 1, None),
        ]);
        let best = Figure {
            median: 5.0,
            best: 4.0,
            variant: "current".to_owned(),
            failed: 0,
        };
        assert_eq!(row.cell(Peer::Tokio), Some(&Cell::Figure(best)));
    }

    #[test]
    fn failures_are_kept() {
        let row = the_row(&[
            sample(Peer::Go, "", 1, None),
            sample(Peer::Go, "", 2, Some(3.0)),
            sample(Peer::May, "", 1, None),
        ]);
        let some = Figure {
            median: 3.0,
            best: 3.0,
            variant: String::new(),
            failed: 1,
        };
        assert_eq!(row.cell(Peer::Go), Some(&Cell::Figure(some)));
        assert_eq!(row.cell(Peer::May), Some(&Cell::Failed("hangs".to_owned())));
        assert_eq!(row.cell(Peer::Threads), None);
        assert_eq!(
            (row.met(), row.ahead(), row.best_peer()),
            (None, None, None)
        );
    }

    #[test]
    fn to_fail_is_to_lose() {
        let row = the_row(&[
            sample(Peer::Csp, "", 1, None),
            sample(Peer::Go, "", 1, Some(3.0)),
        ]);
        assert_eq!((row.met(), row.ahead()), (Some(false), Some(false)));
        let row = the_row(&[
            sample(Peer::Csp, "", 1, Some(3.0)),
            sample(Peer::Go, "", 1, None),
        ]);
        assert_eq!((row.met(), row.ahead()), (None, Some(true)));
    }

    #[test]
    fn a_floor_is_nobody_to_be_ahead_of() {
        let floor = sample(Peer::Bare, "", 1, Some(2.0));
        let row = the_row(&[sample(Peer::Csp, "", 1, Some(3.0)), floor.clone()]);
        assert_eq!((row.ahead(), row.best_peer()), (None, None));
        assert_eq!(row.ratio(Peer::Csp, Peer::Bare), Some(1.5));
        let row = the_row(&[
            sample(Peer::Csp, "", 1, Some(3.0)),
            sample(Peer::Go, "", 1, Some(4.0)),
            floor,
        ]);
        assert_eq!(row.ahead(), Some(true));
        assert_eq!(row.best_peer(), Some((Peer::Go, 0.75)));
    }

    #[test]
    fn ratios_are_of_medians() {
        let row = the_row(&[
            sample(Peer::Csp, "", 1, Some(6.0)),
            sample(Peer::Go, "", 1, Some(8.0)),
            sample(Peer::May, "", 1, Some(12.0)),
            sample(Peer::Threads, "", 1, Some(5.0)),
        ]);
        assert_eq!(row.to_go(Peer::Csp), Some(0.75));
        assert_eq!(row.met(), Some(true));
        assert_eq!(row.best_peer(), Some((Peer::Threads, 1.2)));
        assert_eq!(row.ahead(), Some(false));
    }
}
