//! From the ratios of many rounds to one figure.

/// The middle half of a sample.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Spread {
    pub(super) lower: f64,
    pub(super) median: f64,
    pub(super) upper: f64,
}

impl Spread {
    /// Of a sample that is not empty.
    pub(super) fn of(sample: &[f64]) -> Self {
        let mut sorted = sample.to_vec();
        sorted.sort_by(f64::total_cmp);
        Self {
            lower: quantile(&sorted, 1),
            median: quantile(&sorted, 2),
            upper: quantile(&sorted, 3),
        }
    }
}

/// The given quarter of a sorted sample, between its two nearest values.
fn quantile(sorted: &[f64], quarter: usize) -> f64 {
    let place = sorted.len().saturating_sub(1) * quarter;
    let (below, above) = (place / 4, place.div_ceil(4));
    let value = |index: usize| sorted.get(index).copied().unwrap_or(f64::NAN);
    #[expect(clippy::cast_precision_loss, reason = "at most 3")]
    let part = (place % 4) as f64 / 4.0;
    value(below) + (value(above) - value(below)) * part
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quartiles_lie_between_the_nearest_values() {
        let spread = Spread::of(&[4.0, 1.0, 3.0, 2.0]);
        assert_eq!(
            (spread.lower, spread.median, spread.upper),
            (1.75, 2.5, 3.25)
        );
        let spread = Spread::of(&[5.0]);
        assert_eq!((spread.lower, spread.median, spread.upper), (5.0, 5.0, 5.0));
    }
}
