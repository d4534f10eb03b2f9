//! The goal's own lines: how far it is, its sentence, how it was understood, what is the matter with it.

use codegod_protocol::goal::GoalState;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::console::store::{GoalRow, OpenGoal, Store};
use crate::console::theme::Look;
use crate::console::views::show;
use crate::console::widgets::foot;
use crate::follow::understood;
use crate::output::Meaning;
use crate::sanitize;
use crate::text::{clock, fit, width, wrapped};

/// How important a line is; when there is no room for all, the last go first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Weight {
    State,
    Sentence,
    Trouble,
    NotCovered,
    Understood,
    Facts,
}

/// What a goal has that nobody gave another; it need not be told.
const DEFAULT_PRIORITY: u8 = 5;

/// The lines, at most `rows` of them; where there is little room, only what a person must know.
pub(super) fn lines(
    row: &GoalRow,
    open: Option<&OpenGoal>,
    columns: u16,
    rows: u16,
    look: &Look,
) -> Vec<Line<'static>> {
    let wide = usize::from(columns);
    let line = |meaning, text: &str| Line::styled(fit(&sanitize::line(text), wide), look.style(meaning));
    // Where nothing else is to be seen, what is the matter is told in full.
    let trouble = usize::from(rows).saturating_sub(4).max(1);
    let mut lines = vec![(Weight::State, state(row, open, columns, look))];
    let sentence = open.map(|open| open.text.join(" ")).filter(|text| !text.is_empty());
    lines.push((Weight::Sentence, line(Meaning::Strong, sentence.as_deref().unwrap_or(&row.text))));
    if let Some(intent) = open.and_then(|open| open.intent.as_ref()) {
        let text = format!("understood as {}", understood(intent));
        lines.push((Weight::Understood, line(Meaning::Plain, &text)));
        if !intent.not_covered.is_empty() {
            let text = format!("not covered: {}", intent.not_covered.join(", "));
            lines.push((Weight::NotCovered, line(Meaning::Attention, &text)));
        }
    }
    if let Some(error) = &row.error {
        let meaning = if row.state == GoalState::Failed { Meaning::Bad } else { Meaning::Attention };
        let said = wrapped(&sanitize::line(error), wide);
        // What does not fit the lines that it may have is cut in the last of them.
        let (whole, rest) = said.split_at(said.len().min(trouble.saturating_sub(1)));
        lines.extend(whole.iter().map(|text| (Weight::Trouble, line(meaning, text))));
        if !rest.is_empty() {
            lines.push((Weight::Trouble, line(meaning, &rest.join(" "))));
        }
    }
    let facts = facts(row, open, look);
    if !facts.is_empty() {
        lines.push((Weight::Facts, line(Meaning::Faint, &facts.join("  "))));
    }
    let mut weights: Vec<Weight> = lines.iter().map(|(weight, _)| *weight).collect();
    weights.sort_unstable();
    weights.retain(|weight| rows > 3 || *weight <= Weight::NotCovered);
    weights.truncate(usize::from(rows));
    lines.into_iter().filter(|(weight, _)| weights.contains(weight)).map(|(_, line)| line).collect()
}

/// `▶ running  ███▒░░░░ 5/9, 2 running, 1 failed  3m 12s, ~40s left      g-7f3k2`. Where that is too long it
/// has no bar, and if need be no times.
fn state(row: &GoalRow, open: Option<&OpenGoal>, columns: u16, look: &Look) -> Line<'static> {
    let paused = row.paused_ms.is_some() && !row.state.is_final();
    let state = if paused { GoalState::Paused } else { row.state };
    let (glyph, meaning) = look.glyphs.goal(state);
    let mut left = vec![Span::styled(format!("{glyph} {}  ", state.name()), look.style(meaning))];
    let (bar, counts, times) = match row.total {
        0 => (Vec::new(), Vec::new(), times(row, open, look)),
        _ => {
            (bar(row, usize::from(columns / 8).clamp(8, 24), look), counts(row, look), times(row, open, look))
        }
    };
    let wide = |spans: &[Span<'_>]| spans.iter().map(|span| width(&span.content)).sum::<usize>();
    let mut room = usize::from(columns).saturating_sub(wide(&left) + wide(&counts));
    let has_times = wide(&times) <= room;
    room -= if has_times { wide(&times) } else { 0 };
    if wide(&bar) <= room {
        left.extend(bar);
    }
    left.extend(counts);
    if has_times {
        left.extend(times);
    }
    foot(left, vec![Span::styled(row.id.to_string(), look.theme.furniture())], columns)
}

/// How long it goes on, and how long it will.
fn times(row: &GoalRow, open: Option<&OpenGoal>, look: &Look) -> Vec<Span<'static>> {
    let mut text = format!("  {}", clock(row.submitted_ms, row.ended_ms.unwrap_or(look.now_ms)));
    let estimate = open.and_then(|open| open.left).or_else(|| row.time_left(look.now_ms));
    if let Some(estimate) = estimate.filter(|_| !row.state.is_final() && row.paused_ms.is_none()) {
        text.push_str(&format!(", ~{} left", show::short(estimate.seconds)));
    }
    vec![Span::raw(text)]
}

/// A bar of what is done, what runs and what is left, in so many columns.
fn bar(row: &GoalRow, columns: usize, look: &Look) -> Vec<Span<'static>> {
    let [done, busy, rest] = look.glyphs.progress();
    let cells = |count: u64| {
        let cells = u128::from(count) * columns as u128 / u128::from(row.total.max(1));
        usize::try_from(cells).unwrap_or(columns).min(columns)
    };
    let full = cells(row.succeeded);
    // What runs is seen also among very many.
    let working = cells(row.running).max(usize::from(row.running > 0)).min(columns - full);
    vec![
        Span::styled(done.repeat(full), look.style(Meaning::Good)),
        Span::styled(busy.repeat(working), look.style(Meaning::Busy)),
        Span::styled(rest.repeat(columns - full - working), look.theme.furniture()),
        Span::raw(" "),
    ]
}

fn counts(row: &GoalRow, look: &Look) -> Vec<Span<'static>> {
    let all = [
        (row.running, "running", Meaning::Busy),
        (row.failed, "failed", Meaning::Bad),
        (row.blocked, "blocked", Meaning::Attention),
        (row.cancelled, "cancelled", Meaning::Faint),
    ];
    let some = all.into_iter().filter(|(count, ..)| *count > 0);
    let some =
        some.map(|(count, word, meaning)| Span::styled(format!(", {count} {word}"), look.style(meaning)));
    std::iter::once(Span::raw(format!("{}/{}", row.succeeded, row.total))).chain(some).collect()
}

/// What else there is to know.
fn facts(row: &GoalRow, open: Option<&OpenGoal>, look: &Look) -> Vec<String> {
    let mut facts = Vec::new();
    if let Some(since) = row.paused_ms.filter(|_| !row.state.is_final()) {
        facts.push(format!("paused for {} (p lets it go on)", clock(since, look.now_ms)));
    }
    if let Some(deadline) = row.deadline_ms.filter(|_| !row.state.is_final()) {
        facts.push(if deadline > look.now_ms {
            format!("deadline in {}", clock(look.now_ms, deadline))
        } else {
            format!("deadline over for {}", clock(deadline, look.now_ms))
        });
    }
    facts.extend(row.verifies.as_ref().map(|goal| format!("verifies {goal}")));
    facts.extend((row.priority != DEFAULT_PRIORITY).then(|| format!("priority {}", row.priority)));
    let commit = open.and_then(|open| open.commit.as_deref());
    facts.extend(commit.map(|commit| format!("commit {}", commit.get(..12).unwrap_or(commit))));
    facts
}

/// What stands in place of a plan that is not there.
pub(super) fn no_plan(row: Option<&GoalRow>, open: Option<&OpenGoal>, store: &Store) -> String {
    if let Some(why) = store.unreadable.get("the goal") {
        return why.clone();
    }
    let Some(row) = row else {
        return "no goal yet: press b and say what is to be built or mended".to_owned();
    };
    match (row.state, open) {
        (GoalState::Queued, _) => "it waits for a master to plan it".to_owned(),
        (GoalState::Planning, _) => "it is being planned".to_owned(),
        (_, None) => "its plan is being read".to_owned(),
        (state, Some(_)) if state.is_final() && row.total > 0 => {
            format!("its {} tasks were put away when it was archived", row.total)
        }
        (_, Some(_)) => "it has no tasks".to_owned(),
    }
}

/// Draws the lines at the top of `area`. Returns what is left of it.
pub(super) fn draw(lines: Vec<Line<'static>>, frame: &mut Frame<'_>, area: Rect) -> Rect {
    let height = u16::try_from(lines.len()).unwrap_or(u16::MAX).min(area.height);
    for (y, line) in (area.y..area.y + height).zip(lines) {
        frame.render_widget(line, Rect { y, height: 1, ..area });
    }
    Rect { y: area.y + height, height: area.height - height, ..area }
}
