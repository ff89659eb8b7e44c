//! The rows of the table: every workload, what it is measured in, and what is aimed at.
//!
//! A workload is one name that every program understands, and one or two metrics that it prints. Targets are ratios to Go
//! in the same run, for one processor and for two.

/// Which way a metric is to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Better {
    Less,
    More,
}

impl Better {
    /// Whether `a` is better than `b`.
    pub(crate) fn than(self, a: f64, b: f64) -> bool {
        match self {
            Better::Less => a < b,
            Better::More => a > b,
        }
    }

    /// Whether a ratio to a peer reaches a target.
    pub(crate) fn reaches(self, ratio: f64, target: f64) -> bool {
        !self.than(target, ratio)
    }
}

/// One figure of a workload.
#[derive(Debug, PartialEq)]
pub(crate) struct Metric {
    /// As the programs print it.
    pub(crate) name: &'static str,
    /// As the table shows it.
    pub(crate) unit: &'static str,
    pub(crate) better: Better,
    /// The ratio to Go aimed at, by the number of processors.
    pub(crate) targets: &'static [(usize, f64)],
}

impl Metric {
    const fn less(
        name: &'static str,
        unit: &'static str,
        targets: &'static [(usize, f64)],
    ) -> Metric {
        Metric {
            name,
            unit,
            better: Better::Less,
            targets,
        }
    }

    pub(crate) fn target(&self, procs: usize) -> Option<f64> {
        let found = self.targets.iter().find(|(p, _)| *p == procs);
        found.map(|(_, target)| *target)
    }
}

/// One workload.
#[derive(Debug, PartialEq)]
pub(crate) struct Workload {
    pub(crate) name: &'static str,
    /// The numbers of processors that it is defined for.
    pub(crate) procs: &'static [usize],
    pub(crate) metrics: &'static [Metric],
    /// For those that ask a server: how many connections.
    pub(crate) connections: Option<usize>,
    /// Bytes that no program exceeds, where taking memory is a good part of what is measured; see `warm`.
    pub(crate) memory: usize,
}

impl Workload {
    /// The name by which the programs know it.
    pub(crate) fn argument(&self) -> &'static str {
        if self.connections.is_some() {
            "http-server"
        } else {
            self.name
        }
    }

    /// The same, with memory that is warm up to so many bytes.
    const fn taking(mut self, memory: usize) -> Self {
        self.memory = memory;
        self
    }
}

const MIB: usize = 1 << 20;
const GIB: usize = 1 << 30;

/// A workload that is timed by the program itself, in nanoseconds for each operation.
const fn timed(
    name: &'static str,
    procs: &'static [usize],
    metrics: &'static [Metric],
) -> Workload {
    Workload {
        name,
        procs,
        metrics,
        connections: None,
        memory: 0,
    }
}

const HTTP: &[Metric] = &[
    Metric {
        name: "requests_per_second",
        unit: "requests/s",
        better: Better::More,
        targets: &[(1, 1.10)],
    },
    Metric::less("cpu_us", "us CPU/request", &[(1, 0.80)]),
];

/// All of them, in the order of the table.
pub(crate) const WORKLOADS: &[Workload] = &[
    timed(
        "spawn",
        &[1, 2],
        &[Metric::less("ns", "ns", &[(1, 0.30), (2, 0.35)])],
    ),
    timed("yield", &[1], &[Metric::less("ns", "ns", &[(1, 0.30)])]),
    timed(
        "pingpong",
        &[1, 2],
        &[Metric::less("ns", "ns", &[(1, 0.33), (2, 0.40)])],
    ),
    timed(
        "stream",
        &[1, 2],
        &[Metric::less("ns", "ns", &[(1, 0.33), (2, 0.33)])],
    ),
    timed(
        "stream44",
        &[1, 2],
        &[Metric::less("ns", "ns", &[(1, 0.60), (2, 0.60)])],
    ),
    timed(
        "select2",
        &[1, 2],
        &[Metric::less("ns", "ns", &[(1, 0.50), (2, 0.50)])],
    ),
    timed(
        "select8",
        &[1, 2],
        &[Metric::less("ns", "ns", &[(1, 0.40), (2, 0.40)])],
    ),
    timed(
        "mutex",
        &[1, 2],
        &[Metric::less("ns", "ns", &[(1, 1.0), (2, 1.0)])],
    ),
    timed(
        "sieve",
        &[1, 2],
        &[Metric::less("ns", "ns", &[(1, 0.45), (2, 0.45)])],
    ),
    timed(
        "ring",
        &[1, 2],
        &[Metric::less("ns", "ns", &[(1, 0.40), (2, 0.40)])],
    ),
    timed(
        "skynet",
        &[1, 2],
        &[Metric::less("ns", "ns", &[(1, 0.60), (2, 0.60)])],
    )
    .taking(GIB),
    timed(
        "timers",
        &[1, 2],
        &[
            Metric::less("wall_extra_ms", "ms extra wall", &[(1, 0.30), (2, 0.30)]),
            Metric::less("lateness_ms", "ms late", &[(1, 0.35), (2, 0.35)]),
        ],
    )
    .taking(GIB),
    timed(
        "parked",
        &[1, 2],
        &[
            Metric::less("ns", "ns", &[(1, 0.80), (2, 0.80)]),
            Metric::less("bytes", "bytes", &[]),
        ],
    )
    .taking(6 * GIB),
    timed(
        "deep",
        &[1, 2],
        &[Metric::less("ms", "ms", &[(1, 0.50), (2, 0.50)])],
    )
    .taking(128 * MIB),
    timed("hog", &[1], &[Metric::less("ms", "ms late", &[(1, 0.15)])]),
    timed("wakeup", &[2], &[Metric::less("us", "us", &[(2, 0.90)])]),
    Workload {
        name: "http64",
        procs: &[1],
        metrics: HTTP,
        connections: Some(64),
        memory: 0,
    },
    Workload {
        name: "http1000",
        procs: &[1],
        metrics: HTTP,
        connections: Some(1000),
        memory: 0,
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_every_target_has_its_row() {
        for (at, workload) in WORKLOADS.iter().enumerate() {
            assert!(
                WORKLOADS[..at]
                    .iter()
                    .all(|other| other.name != workload.name)
            );
            for metric in workload.metrics {
                assert!(
                    metric
                        .targets
                        .iter()
                        .all(|(p, _)| workload.procs.contains(p))
                );
            }
        }
    }

    #[test]
    fn a_target_is_reached_from_the_right_side() {
        assert!(Better::Less.reaches(0.30, 0.30) && !Better::Less.reaches(0.31, 0.30));
        assert!(Better::More.reaches(1.10, 1.10) && !Better::More.reaches(1.09, 1.10));
    }

    #[test]
    fn all_http_rows_are_one_server() {
        let servers = WORKLOADS
            .iter()
            .filter(|workload| workload.argument() == "http-server");
        assert_eq!(servers.count(), 2);
    }
}
