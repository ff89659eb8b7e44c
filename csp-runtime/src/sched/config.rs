//! How many Ps to start with.

use std::io::{self, Write};

use crate::sched::shared::MAX_PROCS;

/// The number of processors this process may use: affinity and the cgroup's quota respected.
pub(crate) fn num_cpu() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// `GOMAXPROCS` from the environment, or the number of processors if it is unset or empty. A bad value is reported on
/// standard error and ignored.
pub(crate) fn initial_procs() -> usize {
    let default = num_cpu().min(MAX_PROCS);
    let value = std::env::var_os("GOMAXPROCS").filter(|value| !value.is_empty());
    let Some(value) = value else {
        return default;
    };
    match parse(&value.to_string_lossy()) {
        Ok(n) => n,
        Err(why) => {
            let _ = writeln!(
                io::stderr(),
                "csp: GOMAXPROCS={value:?} ignored: {why}; using {default}"
            );
            default
        }
    }
}

fn parse(value: &str) -> Result<usize, String> {
    match value.trim().parse::<usize>() {
        Ok(0) | Err(_) => Err(format!("expected a number from 1 to {MAX_PROCS}")),
        Ok(n) if n > MAX_PROCS => Err(format!("at most {MAX_PROCS} are possible")),
        Ok(n) => Ok(n),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_counts_in_range_are_accepted() {
        assert_eq!(parse("3"), Ok(3));
        assert_eq!(parse(" 16\n"), Ok(16));
        for bad in ["", "0", "-1", "many", "1025", "99999999999999999999"] {
            assert!(parse(bad).is_err(), "{bad:?} must be refused");
        }
    }
}
