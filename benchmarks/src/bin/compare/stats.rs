//! What many runs of one program say together.

use crate::workloads::Better;

/// The middle of the values, or halfway between the two in the middle; `None` of none.
pub(crate) fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let half = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        n if n % 2 == 1 => Some(sorted[half]),
        _ => Some(f64::midpoint(sorted[half - 1], sorted[half])),
    }
}

/// The least of the values, or the greatest where more is better.
pub(crate) fn best(values: &[f64], better: Better) -> Option<f64> {
    values
        .iter()
        .copied()
        .reduce(|a, b| if better.than(b, a) { b } else { a })
}

/// `a / b`, if that says anything.
pub(crate) fn ratio(a: f64, b: f64) -> Option<f64> {
    (a > 0.0 && b > 0.0).then(|| a / b)
}

/// A figure with three digits that count, and never an exponent.
pub(crate) fn figure(value: f64) -> String {
    match value.abs() {
        size if size >= 99.95 => {
            let digits = format!("{value:.0}");
            let (sign, digits) = digits.split_at(usize::from(digits.starts_with('-')));
            let mut grouped = sign.to_owned();
            for (at, digit) in digits.chars().enumerate() {
                if at > 0 && (digits.len() - at) % 3 == 0 {
                    grouped.push(',');
                }
                grouped.push(digit);
            }
            grouped
        }
        size if size >= 9.995 => format!("{value:.1}"),
        size if size >= 0.0995 || size == 0.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
    }

    #[test]
    fn the_best_follows_the_direction() {
        let values = [2.0, 1.0, 3.0];
        assert_eq!(best(&values, Better::Less), Some(1.0));
        assert_eq!(best(&values, Better::More), Some(3.0));
        assert_eq!(best(&[], Better::More), None);
    }

    #[test]
    fn ratios_of_nothing_are_none() {
        assert_eq!(ratio(1.0, 4.0), Some(0.25));
        assert_eq!(ratio(1.0, 0.0), None);
        assert_eq!(ratio(-1.0, 2.0), None);
    }

    #[test]
    fn figures_have_three_digits_that_count() {
        for (value, text) in [
            (0.0, "0.00"),
            (0.012, "0.012"),
            (0.25, "0.25"),
            (4.704, "4.70"),
            (12.94, "12.9"),
            (99.96, "100"),
            (271.4, "271"),
            (2860.2, "2,860"),
            (-1234.0, "-1,234"),
            (1_240_000.0, "1,240,000"),
        ] {
            assert_eq!(figure(value), text);
        }
    }
}
