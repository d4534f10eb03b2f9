//! What was measured, as rows of ratios with their bars: a table for people, JSON for programs.

use std::fmt::Write;

use serde::Serialize;

/// What a row must keep to.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Bar {
    /// Our own value is at most this.
    AtMost(f64),
    /// Ours divided by the limit is at most this.
    RatioAtMost(f64),
    /// Ours divided by the limit is at least this.
    RatioAtLeast(f64),
}

/// One line: a quantity, what we take, and what the limit takes in the same run.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Row {
    /// What was measured.
    pub(crate) what: String,
    /// Of both values.
    pub(crate) unit: &'static str,
    /// The median of ours.
    pub(crate) ours: f64,
    /// The median of the limit's; none when there is nothing to measure it against.
    pub(crate) limit: Option<f64>,
    /// The median of ours divided by the limit's, run by run.
    pub(crate) ratio: Option<f64>,
    /// What it must keep to; none when it is shown only.
    pub(crate) bar: Option<Bar>,
    /// Whether it does.
    pub(crate) met: Option<bool>,
    /// What the limit is, and whatever else must be known.
    pub(crate) note: String,
    /// Each run's value of ours.
    pub(crate) samples: Vec<f64>,
    /// Each run's value of the limit's.
    pub(crate) limit_samples: Vec<f64>,
}

impl Row {
    /// A row without a limit. `samples` must not be empty.
    pub(crate) fn alone(what: impl Into<String>, unit: &'static str, samples: Vec<f64>) -> Self {
        Self {
            what: what.into(),
            unit,
            ours: median(samples.clone()),
            limit: None,
            ratio: None,
            bar: None,
            met: None,
            note: String::new(),
            samples,
            limit_samples: Vec::new(),
        }
    }

    /// A row against a limit; `pairs` are ours and the limit's of each run.
    pub(crate) fn against(what: impl Into<String>, unit: &'static str, pairs: &[(f64, f64)]) -> Self {
        let (ours, limits) = pairs.iter().copied().unzip();
        let mut row = Self::alone(what, unit, ours);
        row.limit_samples = limits;
        row.limit = Some(median(row.limit_samples.clone()));
        row.ratio = Some(median(pairs.iter().map(|(ours, limit)| ours / limit).collect()));
        row
    }

    /// With a bar. Values are compared as the table shows them, to two decimals; one that is no number
    /// misses every bar.
    pub(crate) fn bar(mut self, bar: Bar) -> Self {
        let ratio = self.ratio.unwrap_or(f64::NAN);
        let shown = |value: f64| (value * 100.0).round() / 100.0;
        self.bar = Some(bar);
        self.met = Some(match bar {
            Bar::AtMost(most) => shown(self.ours) <= most,
            Bar::RatioAtMost(most) => shown(ratio) <= most,
            Bar::RatioAtLeast(least) => shown(ratio) >= least,
        });
        self
    }

    /// With a note.
    pub(crate) fn note(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }
}

/// Rows that were measured together.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Group {
    /// What they are about.
    pub(crate) title: String,
    /// The rows.
    pub(crate) rows: Vec<Row>,
}

/// Everything that one run measured.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Report {
    /// The machine and its load, before and after, and the Redis.
    pub(crate) setting: Vec<String>,
    /// What was measured.
    pub(crate) groups: Vec<Group>,
    /// Every bar is met.
    pub(crate) met: bool,
}

impl Report {
    /// All of it.
    pub(crate) fn new(setting: Vec<String>, groups: Vec<Group>) -> Self {
        let met = groups.iter().flat_map(|group| &group.rows).all(|row| row.met != Some(false));
        Self { setting, groups, met }
    }

    /// As a table.
    pub(crate) fn table(&self) -> String {
        let mut text = String::new();
        for group in &self.groups {
            let _infallible = write!(text, "{}", group.table());
        }
        for line in &self.setting {
            let _infallible = writeln!(text, "{line}");
        }
        text.push_str(if self.met { "every bar is met\n" } else { "a bar is missed\n" });
        text
    }
}

impl Group {
    /// As a part of the table.
    pub(crate) fn table(&self) -> String {
        let columns = ["ours", "limit", "ratio", "bar", "met"];
        let mut text = format!(
            "\n{:<58}{:>10}{:>10}{:>8}{:>14}{:>6}\n",
            self.title, columns[0], columns[1], columns[2], columns[3], columns[4]
        );
        for row in &self.rows {
            let what = format!("  {} ({})", row.what, row.unit);
            let line = format!(
                "{what:<58}{:>10}{:>10}{:>8}{:>14}{:>6}  {}",
                figure(row.ours),
                row.limit.map_or_else(|| "–".to_owned(), figure),
                row.ratio.map_or_else(|| "–".to_owned(), |ratio| format!("{ratio:.2}")),
                row.bar.map_or_else(|| "–".to_owned(), Bar::words),
                row.met.map_or("–", |met| if met { "yes" } else { "NO" }),
                row.note
            );
            let _infallible = writeln!(text, "{}", line.trim_end());
        }
        text
    }
}

impl Bar {
    fn words(self) -> String {
        match self {
            Bar::AtMost(most) => format!("≤ {most}"),
            Bar::RatioAtMost(most) => format!("ratio ≤ {most}"),
            Bar::RatioAtLeast(least) => format!("ratio ≥ {least}"),
        }
    }
}

/// A value with as many decimals as mean something.
fn figure(value: f64) -> String {
    if value.abs() >= 1000.0 { format!("{value:.0}") } else { format!("{value:.2}") }
}

/// The middle of several values; no number when there is none.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        length if length % 2 == 1 => values[length / 2],
        length => (values[length / 2 - 1] + values[length / 2]) / 2.0,
    }
}

/// The value that this share (0 to 1) of them does not exceed; no number when there is none.
pub(crate) fn percentile(mut values: Vec<f64>, share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let rank = (share * values.len() as f64).ceil() as usize;
    values.get(rank.max(1) - 1).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_of_an_even_number_of_values_lies_between_the_two_in_the_middle() {
        assert_eq!(median(vec![9.0, 1.0, 3.0]), 3.0);
        assert_eq!(median(vec![9.0, 1.0, 3.0, 4.0]), 3.5);
        assert!(median(vec![]).is_nan());
    }

    #[test]
    fn a_percentile_is_a_value_that_was_measured() {
        let values: Vec<f64> = (1..=200).rev().map(f64::from).collect();
        assert_eq!(percentile(values.clone(), 0.5), 100.0);
        assert_eq!(percentile(values.clone(), 0.99), 198.0);
        assert_eq!(percentile(values.clone(), 0.0), 1.0);
        assert_eq!(percentile(values, 1.0), 200.0);
        assert!(percentile(vec![], 0.5).is_nan());
    }

    #[test]
    fn a_ratio_is_the_median_of_each_runs_own_ratio() {
        // A machine that slows down halfway slows both of a pair: the ratios stay.
        let row = Row::against("speed", "tasks/s", &[(60.0, 100.0), (6.0, 10.0), (7.0, 10.0)]);
        assert_eq!((row.ours, row.limit, row.ratio), (7.0, Some(10.0), Some(0.6)));
    }

    #[test]
    fn a_bar_is_met_at_its_value_and_missed_beyond() {
        let met = |ours: f64, limit: f64, bar: Bar| Row::against("", "", &[(ours, limit)]).bar(bar).met;
        assert_eq!(met(40.0, 1.0, Bar::AtMost(40.0)), Some(true));
        assert_eq!(met(40.01, 1.0, Bar::AtMost(40.0)), Some(false));
        assert_eq!(met(6.0, 10.0, Bar::RatioAtLeast(0.6)), Some(true));
        assert_eq!(met(5.9, 10.0, Bar::RatioAtLeast(0.6)), Some(false));
        assert_eq!(met(12.0, 10.0, Bar::RatioAtMost(1.2)), Some(true));
        assert_eq!(met(12.1, 10.0, Bar::RatioAtMost(1.2)), Some(false));
    }

    #[test]
    fn what_could_not_be_measured_misses_its_bar() {
        assert_eq!(Row::alone("", "", vec![f64::NAN]).bar(Bar::AtMost(1.0)).met, Some(false));
        assert_eq!(Row::alone("", "", vec![1.0]).bar(Bar::RatioAtMost(1.0)).met, Some(false));
    }

    #[test]
    fn one_missed_bar_misses_them_all_and_the_table_says_which() {
        let good = Row::against("good", "µs", &[(1.0, 2.0)]).bar(Bar::RatioAtMost(1.0));
        let shown = Row::alone("shown", "ms", vec![1234.5]);
        let bad = Row::alone("bad", "MB", vec![41.0]).bar(Bar::AtMost(40.0)).note("a note");
        let group = |rows| vec![Group { title: "Group".into(), rows }];
        assert!(Report::new(vec![], group(vec![good.clone(), shown.clone()])).met);
        let report = Report::new(vec!["a machine".into()], group(vec![good, shown, bad]));
        assert!(!report.met);
        let table = report.table();
        let lines: Vec<Vec<&str>> =
            table.lines().skip(2).map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(lines[0], ["good", "(µs)", "1.00", "2.00", "0.50", "ratio", "≤", "1", "yes"]);
        assert_eq!(lines[1], ["shown", "(ms)", "1234", "–", "–", "–", "–"]);
        assert_eq!(lines[2], ["bad", "(MB)", "41.00", "–", "–", "≤", "40", "NO", "a", "note"]);
        assert!(table.ends_with("a machine\na bar is missed\n"));
    }
}
