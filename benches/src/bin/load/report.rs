//! What was measured: for each figure the values of all repetitions, printed as a table.

use std::fmt;

use comfy_table::{CellAlignment, Table, presets::ASCII_MARKDOWN};

/// Something that is measured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Figure {
    pub(crate) name: &'static str,
    pub(crate) unit: Unit,
    pub(crate) aim: Aim,
}

/// What a figure counts in.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Unit {
    Seconds,
    Milliseconds,
    Microseconds,
    PerSecond,
    Bytes,
    Kibibytes,
    Mebibytes,
    /// A part of another figure.
    Ratio,
    Count,
}

/// What a figure should be.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Aim {
    AtMost(f64),
    AtLeast(f64),
    /// There is none: the figure explains others.
    None,
}

/// The values of all figures, in the order in which they were first recorded.
#[derive(Debug, Default)]
pub(crate) struct Report {
    rows: Vec<(Figure, Vec<f64>)>,
}

impl Report {
    /// Adds a figure's value in one repetition.
    pub(crate) fn record(&mut self, figure: Figure, value: f64) {
        match self.rows.iter_mut().find(|(known, _)| known.name == figure.name) {
            Some((_, values)) => values.push(value),
            None => self.rows.push((figure, vec![value])),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new();
        table.load_style(ASCII_MARKDOWN);
        table.set_header(["work", "median", "least", "most", "times", "aim", ""]);
        for (figure, values) in &self.rows {
            let mut sorted = values.clone();
            sorted.sort_by(f64::total_cmp);
            let median = percentile(&sorted, 50);
            let shown = |value: Option<&f64>| value.map_or(String::new(), |value| figure.unit.show(*value));
            table.add_row([
                figure.name.to_owned(),
                figure.unit.show(median),
                shown(sorted.first()),
                shown(sorted.last()),
                sorted.len().to_string(),
                figure.aim.show(figure.unit),
                figure.aim.verdict(median).to_owned(),
            ]);
        }
        for column in table.column_iter_mut().skip(1).take(4) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        write!(f, "{table}")
    }
}

/// The value below which that many of a hundred are; 0 where there is none. The values are in order.
pub(crate) fn percentile(sorted: &[f64], percent: usize) -> f64 {
    let index = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted.get(index).copied().unwrap_or_default()
}

/// The median of values in any order.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    percentile(&values, 50)
}

impl Unit {
    fn show(self, value: f64) -> String {
        let decimals = match value.abs() {
            ..10.0 => 2,
            ..100.0 => 1,
            _ => 0,
        };
        match self {
            Self::Seconds => format!("{value:.3} s"),
            Self::Milliseconds => format!("{value:.2} ms"),
            Self::Microseconds => format!("{value:.1} µs"),
            Self::PerSecond => format!("{value:.0} /s"),
            Self::Bytes => format!("{value:.0} B"),
            Self::Kibibytes => format!("{value:.decimals$} KiB"),
            Self::Mebibytes => format!("{value:.decimals$} MiB"),
            Self::Ratio => format!("{value:.3}"),
            Self::Count => format!("{value:.0}"),
        }
    }
}

impl Aim {
    fn show(self, unit: Unit) -> String {
        match self {
            Self::AtMost(value) => format!("≤ {}", unit.show(value)),
            Self::AtLeast(value) => format!("≥ {}", unit.show(value)),
            Self::None => String::new(),
        }
    }

    fn verdict(self, median: f64) -> &'static str {
        match self {
            Self::AtMost(value) if median > value => "missed",
            Self::AtLeast(value) if median < value => "missed",
            Self::AtMost(_) | Self::AtLeast(_) => "met",
            Self::None => "",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_has_one_row_with_its_median_and_spread() {
        let figure = Figure {
            name: "chain",
            unit: Unit::Milliseconds,
            aim: Aim::AtMost(2.8),
        };
        let mut report = Report::default();
        for value in [3.0, 1.0, 2.0] {
            report.record(figure, value);
        }
        let printed = report.to_string();
        let row = printed.lines().last().unwrap_or_default();
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let expected = [
            "",
            "chain",
            "2.00 ms",
            "1.00 ms",
            "3.00 ms",
            "3",
            "≤ 2.80 ms",
            "met",
            "",
        ];
        assert_eq!(cells, expected);
    }

    #[test]
    fn an_aim_is_met_at_its_bound() {
        for (aim, value, verdict) in [
            (Aim::AtMost(2.0), 2.0, "met"),
            (Aim::AtMost(2.0), 2.1, "missed"),
            (Aim::AtLeast(2.0), 2.0, "met"),
            (Aim::AtLeast(2.0), 1.9, "missed"),
            (Aim::None, 9.0, ""),
        ] {
            assert_eq!(aim.verdict(value), verdict, "{aim:?} {value}");
        }
    }

    #[test]
    fn a_percentile_is_one_of_the_values() {
        let values: Vec<f64> = (1..=5).map(f64::from).collect();
        for (percent, expected) in [(0, 1.0), (50, 3.0), (99, 5.0), (100, 5.0)] {
            assert!(
                (percentile(&values, percent) - expected).abs() < f64::EPSILON,
                "{percent}"
            );
        }
        assert!(percentile(&[], 50).abs() < f64::EPSILON);
    }
}
