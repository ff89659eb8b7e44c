//! All that was measured, run by run, as it is kept in `samples.csv`.
//!
//! The file begins with lines `# KEY: VALUE` about the machine and the programs, then has one line for each figure. A run
//! that gave no figures has one line with an empty metric, and says how it ended: nothing is left out for having failed.

use std::fs;
use std::path::Path;

use crate::peers::Peer;

const HEAD: &str = "workload,procs,peer,variant,round,metric,value,ended";

/// One figure of one run, or how the run failed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sample {
    pub(crate) workload: String,
    pub(crate) procs: usize,
    pub(crate) peer: Peer,
    /// Empty where there is only one way.
    pub(crate) variant: String,
    /// From 1 on.
    pub(crate) round: usize,
    pub(crate) outcome: Outcome,
}

/// What came out of a run.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Outcome {
    Figure {
        metric: String,
        value: f64,
    },
    /// A word, and in brackets more about it.
    Failed(String),
}

/// One whole comparison.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Samples {
    /// Machine, versions, command: names and texts, in the order to show them.
    pub(crate) about: Vec<(String, String)>,
    pub(crate) all: Vec<Sample>,
}

impl Samples {
    pub(crate) fn about(&self, key: &str) -> Option<&str> {
        let found = self.about.iter().find(|(name, _)| name == key);
        found.map(|(_, text)| text.as_str())
    }

    pub(crate) fn to_csv(&self) -> String {
        let mut text = String::new();
        for (key, value) in &self.about {
            text += &format!("# {key}: {}\n", value.replace('\n', " "));
        }
        text += HEAD;
        text.push('\n');
        for sample in &self.all {
            let Sample {
                workload,
                procs,
                peer,
                variant,
                round,
                outcome,
            } = sample;
            let (metric, value, ended) = match outcome {
                Outcome::Figure { metric, value } => (metric.as_str(), value.to_string(), "well"),
                Outcome::Failed(how) => ("", String::new(), how.as_str()),
            };
            // The only free text of a line; without commas no field needs quotes.
            let ended = ended.replace([',', '\n', '"'], " ");
            let peer = peer.name();
            text +=
                &format!("{workload},{procs},{peer},{variant},{round},{metric},{value},{ended}\n");
        }
        text
    }

    pub(crate) fn read(path: &Path) -> Result<Samples, String> {
        let text = fs::read_to_string(path).map_err(|error| {
            format!(
                "{} cannot be read: {error}; it is the samples.csv of a run with --out",
                path.display()
            )
        })?;
        Samples::from_csv(&text).map_err(|error| format!("{}: {error}", path.display()))
    }

    pub(crate) fn from_csv(text: &str) -> Result<Samples, String> {
        let mut samples = Samples::default();
        for (at, line) in text.lines().enumerate() {
            if let Some(about) = line.strip_prefix("# ") {
                let (key, value) = about.split_once(": ").unwrap_or((about, ""));
                samples.about.push((key.to_owned(), value.to_owned()));
            } else if line != HEAD && !line.is_empty() {
                let sample =
                    sample(line).ok_or_else(|| format!("line {} is not a sample", at + 1))?;
                samples.all.push(sample);
            }
        }
        Ok(samples)
    }
}

fn sample(line: &str) -> Option<Sample> {
    let fields: Vec<&str> = line.split(',').collect();
    let &[workload, procs, peer, variant, round, metric, value, ended] = fields.as_slice() else {
        return None;
    };
    let outcome = if metric.is_empty() {
        Outcome::Failed(ended.to_owned())
    } else {
        Outcome::Figure {
            metric: metric.to_owned(),
            value: value.parse().ok()?,
        }
    };
    Some(Sample {
        workload: workload.to_owned(),
        procs: procs.parse().ok()?,
        peer: Peer::named(peer)?,
        variant: variant.to_owned(),
        round: round.parse().ok()?,
        outcome,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let sample = |peer, variant: &str, outcome| Sample {
            workload: "ring".to_owned(),
            procs: 2,
            peer,
            variant: variant.to_owned(),
            round: 3,
            outcome,
        };
        let figure = Outcome::Figure {
            metric: "ns".to_owned(),
            value: 81.25,
        };
        let samples = Samples {
            about: vec![("cpu".to_owned(), "some model, at 2: 3 GHz".to_owned())],
            all: vec![
                sample(Peer::Csp, "", figure.clone()),
                sample(Peer::Tokio, "current-flume", figure),
                sample(
                    Peer::May,
                    "",
                    Outcome::Failed("aborts (signal 6)".to_owned()),
                ),
            ],
        };
        assert_eq!(Samples::from_csv(&samples.to_csv()), Ok(samples));
    }

    #[test]
    fn a_broken_line_is_named() {
        let error = Samples::from_csv("ring,2,csp\n").expect_err("a line too short");
        assert_eq!(error, "line 1 is not a sample");
        assert!(Samples::from_csv("ring,2,csp,,1,ns,fast,well\n").is_err());
    }
}
