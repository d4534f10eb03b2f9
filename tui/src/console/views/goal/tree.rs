//! How the plan looks: a tree with rails, the critical path marked, and columns that give way.

use codegod_protocol::task::TaskState;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::branches::{Branches, Shown};
use crate::console::store::{OpenGoal, Place, TaskRow};
use crate::console::theme::{Focus, Look};
use crate::console::views::show;
use crate::output::Meaning;
use crate::text::{fit, pad, seconds_between, width};

/// From how many columns on attempts are told.
const TRIES: usize = 70;
/// From how many columns on the role is told.
const ROLES: usize = 50;
/// What stands beside a title has room from here on.
const ASIDE: usize = 16;

/// Draws the rows around the cursor.
pub(super) fn draw(
    branches: &Branches,
    frame: &mut Frame<'_>,
    area: Rect,
    look: &Look,
    goal: &OpenGoal,
    focus: Focus,
) {
    for (y, row) in (area.y..area.bottom()).zip(branches.list.window(area, branches.len())) {
        let Some(shown) = branches.row(row, goal) else { continue };
        let line = line(goal, shown, usize::from(area.width), look);
        let here = (row == branches.list.cursor()).then(|| look.theme.selected(focus));
        let line = match here {
            Some(style) => line.style(style),
            None => line,
        };
        frame.render_widget(line, Rect { y, height: 1, ..area });
    }
}

/// One row: `◆ ├ ▶ install what it needs: resolving      backend  orp[A]v  2/3  0:12`.
pub(super) fn line(goal: &OpenGoal, shown: Shown, columns: usize, look: &Look) -> Line<'static> {
    let Some((place, row)) = at(goal, shown.place) else { return Line::default() };
    let right = right(row, columns, look);
    let taken: usize = right.iter().map(|span| width(&span.content)).sum();
    let room = columns.saturating_sub(taken + 1);
    let mut spans = vec![critical(goal, place, look)];
    let rails = rails(place, columns / 5, look);
    let used = 2 + width(&rails);
    spans.push(Span::styled(rails, look.theme.furniture()));
    spans.extend(title(row, shown.hidden, room.saturating_sub(used), look));
    spans.push(Span::raw(" "));
    spans.extend(right);
    Line::from(spans)
}

/// A place of the tree and the task that stands there.
fn at(goal: &OpenGoal, place: usize) -> Option<(&Place, &TaskRow)> {
    let place = goal.tree().get(place)?;
    Some((place, goal.rows().get(place.row)?))
}

fn critical(goal: &OpenGoal, place: &Place, look: &Look) -> Span<'static> {
    let mark = if goal.is_critical(place.row) { look.glyphs.critical() } else { " " };
    Span::styled(format!("{mark} "), look.style(Meaning::Strong))
}

/// The rails that lead to a task, in about so many columns: of a very deep one only the last.
fn rails(place: &Place, columns: usize, look: &Look) -> String {
    let [child, last, past, blank] = look.glyphs.rails();
    let levels = u32::try_from((columns / width(child)).max(2)).unwrap_or(u32::MAX);
    let mut rails = String::new();
    if place.depth > levels {
        rails.push_str(&pad("…", width(child)));
    }
    for level in place.depth.saturating_sub(levels).max(1)..place.depth {
        rails.push_str(if place.has_rail(level) { past } else { blank });
    }
    if place.depth > 0 {
        rails.push_str(if place.is_last { last } else { child });
    }
    rails
}

/// The glyph, the title, how many tasks are hidden below, and, where there is room, what is the matter.
fn title(row: &TaskRow, hidden: usize, columns: usize, look: &Look) -> Vec<Span<'static>> {
    let (glyph, meaning) = look.glyphs.task(row.state);
    let more = if hidden > 0 { format!(" [+{hidden}]") } else { String::new() };
    let room = columns.saturating_sub(2 + width(&more));
    let text = fit(&row.title, room);
    let left = room.saturating_sub(width(&text));
    let title = match row.state {
        TaskState::Waiting | TaskState::Cancelled => Meaning::Faint,
        TaskState::Failed | TaskState::Blocked => meaning,
        TaskState::Ready | TaskState::Running | TaskState::Succeeded => Meaning::Plain,
    };
    let mut spans = vec![
        Span::styled(format!("{glyph} "), look.style(meaning)),
        Span::styled(text, look.style(title)),
        Span::styled(more, look.style(Meaning::Strong)),
    ];
    match aside(row).filter(|_| left > ASIDE) {
        Some((meaning, text)) => {
            let text = pad(&format!("  {text}"), left);
            spans.push(Span::styled(text, look.style(meaning)));
        }
        None => spans.push(Span::raw(" ".repeat(left))),
    }
    spans
}

/// What a running task does, or why one is in its state.
fn aside(row: &TaskRow) -> Option<(Meaning, &str)> {
    match row.state {
        TaskState::Running => row.doing.as_deref().map(|text| (Meaning::Faint, text)),
        TaskState::Failed => row.error.as_deref().map(|text| (Meaning::Bad, text)),
        TaskState::Blocked => row.error.as_deref().map(|text| (Meaning::Attention, text)),
        // What an attempt before this one failed of.
        TaskState::Ready | TaskState::Waiting => row.error.as_deref().map(|text| (Meaning::Faint, text)),
        TaskState::Succeeded | TaskState::Cancelled => None,
    }
}

fn right(row: &TaskRow, columns: usize, look: &Look) -> Vec<Span<'static>> {
    let (_, meaning) = look.glyphs.task(row.state);
    let mut spans = Vec::new();
    let mut add = |text: String, style: Style| spans.push(Span::styled(text, style));
    if columns >= ROLES {
        add(pad(row.role.name(), 9), look.theme.furniture());
    }
    add(pad(state(row), 10), look.style(meaning));
    if columns >= TRIES {
        let tries =
            if row.attempts > 1 { format!("{}/{}", row.attempts, row.max_attempts) } else { String::new() };
        add(pad(&tries, 4), look.style(Meaning::Attention));
    }
    add(format!("{:>6}", time(row, look)), look.theme.furniture());
    spans
}

/// The word for how far a task is: where its agent is, while one works on it.
pub(super) fn state(row: &TaskRow) -> &'static str {
    match (row.state, row.phase) {
        (TaskState::Running, Some(phase)) => show::phase(phase),
        (state, _) => state.name(),
    }
}

/// How long it runs, or took.
pub(super) fn time(row: &TaskRow, look: &Look) -> String {
    match (row.state, row.started_ms, row.seconds) {
        (TaskState::Running, Some(started), _) => show::short(seconds_between(started, look.now_ms)),
        (TaskState::Running, None, _) | (TaskState::Waiting | TaskState::Ready, ..) | (_, _, None) => {
            String::new()
        }
        (_, _, Some(seconds)) => took(seconds),
    }
}

/// A time that something took, in at most six characters.
pub(super) fn took(seconds: f64) -> String {
    if seconds < 10.0 { format!("{:.1}s", seconds.max(0.0)) } else { show::short(seconds) }
}

/// The whole plan as text, one line a task.
pub(super) fn plain(goal: &OpenGoal) -> String {
    let mut text = String::new();
    for (place, row) in goal.tree().iter().filter_map(|place| Some((place, goal.rows().get(place.row)?))) {
        let indent = "  ".repeat(usize::try_from(place.depth.min(20)).unwrap_or_default());
        let mut words =
            vec![format!("{indent}{} {}", row.id.number(), row.title), row.role.name().to_owned()];
        words.push(row.state.name().to_owned());
        words.extend(row.seconds.map(took));
        words.extend(row.error.as_ref().map(ToString::to_string));
        words.extend(goal.is_critical(place.row).then(|| "on the critical path".to_owned()));
        text.push_str(&words.join("  "));
        text.push('\n');
    }
    text
}
