//! What was measured, as a table for people.

use std::fmt::Write;

use serde::{Deserialize, Serialize};

/// The sentence that is measured.
pub(crate) const SENTENCE: &str = "Build a Flask + React app";
/// The first goal may take so many times what the script takes.
const BAR_FIRST: f64 = 1.25;
/// A second identical goal may take so much of the first.
const BAR_SECOND: f64 = 0.4;

/// A stretch of time.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Span {
    /// Where it was done: a lane of the script, a role or a task.
    pub(crate) lane: String,
    /// Its start, Unix milliseconds.
    pub(crate) start_ms: u64,
    /// Its end, Unix milliseconds.
    pub(crate) end_ms: u64,
    /// What was done.
    pub(crate) what: String,
}

/// A run: how long it took, and what it did when.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Timed {
    /// Wall time.
    pub(crate) seconds: f64,
    /// Its parts.
    pub(crate) spans: Vec<Span>,
}

/// All that is measured in one run.
pub(crate) struct Measured {
    /// The script.
    pub(crate) by_hand: Timed,
    /// The goal, with no environment made yet.
    pub(crate) first: Timed,
    /// The same goal again.
    pub(crate) second: Timed,
}

/// A timeline: start, end and length of each part in seconds from the first start.
#[must_use]
pub(crate) fn timeline(title: &str, spans: &[Span]) -> String {
    let zero = spans.iter().map(|span| span.start_ms).min().unwrap_or_default();
    let seconds = |ms: u64| ms.saturating_sub(zero) as f64 / 1000.0;
    let mut text = format!("{title}\n   start     end  seconds\n");
    for span in spans {
        let (start, end) = (seconds(span.start_ms), seconds(span.end_ms));
        let line = format!("{start:8.2}{end:8.2}{:9.2}  {:<16} {}", end - start, span.lane, span.what);
        let _infallible = writeln!(text, "{line}");
    }
    text
}

/// The table of all runs with their medians and the bars; and whether both bars are met.
#[must_use]
pub(crate) fn table(runs: &[Measured]) -> (String, bool) {
    let column = |of: fn(&Measured) -> f64| median(runs.iter().map(of).collect());
    let mut text = String::from("run      by hand    first   second   first/hand   second/first\n");
    for (number, run) in runs.iter().enumerate() {
        text.push_str(&row(&(number + 1).to_string(), run));
    }
    let ratio_first = column(|run| run.first.seconds / run.by_hand.seconds);
    let ratio_second = column(|run| run.second.seconds / run.first.seconds);
    let line = format!(
        "median {:9.1}{:9.1}{:9.1}{ratio_first:13.2}{ratio_second:15.2}",
        column(|run| run.by_hand.seconds),
        column(|run| run.first.seconds),
        column(|run| run.second.seconds),
    );
    let bars = format!("bar                                  ≤{BAR_FIRST:12.2}≤{BAR_SECOND:14.2}");
    let met = ratio_first <= BAR_FIRST && ratio_second <= BAR_SECOND;
    let verdict = if met { "both bars are met" } else { "a bar is missed" };
    let _infallible = writeln!(text, "{line}\n{bars}\n{verdict}");
    (text, met)
}

fn row(name: &str, run: &Measured) -> String {
    let (hand, first, second) = (run.by_hand.seconds, run.first.seconds, run.second.seconds);
    format!("{name:<7}{hand:9.1}{first:9.1}{second:9.1}{:13.2}{:15.2}\n", first / hand, second / first)
}

/// The middle of several values.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        length if length % 2 == 1 => values[length / 2],
        length => (values[length / 2 - 1] + values[length / 2]) / 2.0,
    }
}
