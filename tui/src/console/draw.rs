//! The whole picture: head, names of the views, the view, what lies over it, what was said, keys. A pure
//! function of the state.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Clear;

use codegod_protocol::goal::GoalState;

use super::app::{Access, App};
use super::store::{Connection, Severity, Store};
use super::theme::Look;
use super::widgets::{Chrome, foot, hints, small, tabs};
use crate::output::Meaning;
use crate::text::{clock, fit, width, wrapped};

/// How many rows what was said takes at most.
const SAID_ROWS: usize = 3;

/// Draws the console.
pub(crate) fn draw(app: &App, frame: &mut Frame<'_>) {
    draw_all(app, frame);
    if !app.look.glyphs.is_unicode() {
        for cell in &mut frame.buffer_mut().content {
            let shown = app.look.glyphs.shown(cell.symbol()).to_owned();
            cell.set_symbol(&shown);
        }
    }
}

fn draw_all(app: &App, frame: &mut Frame<'_>) {
    let area = frame.area();
    if app.is_small() {
        return small(frame, area);
    }
    let chrome = Chrome::of(area);
    frame.render_widget(head(app, chrome.head), chrome.head);
    frame.render_widget(tabs(app.current, chrome.tabs.width, &app.look), chrome.tabs);
    app.views.get(app.current).draw(frame, chrome.body, &app.look, &app.store);
    if is_stale(&app.store.connection) {
        // What is shown is the last that was known.
        frame.buffer_mut().set_style(chrome.body, app.look.theme.furniture());
    }
    said(app, frame, chrome.said);
    frame.render_widget(hints(&app.contexts(), chrome.keys.width, &app.look), chrome.keys);
    if let Some(overlay) = &app.overlay {
        overlay.draw(frame, &chrome, &app.look);
    }
}

/// `codegod ● redis 1ms   2 running · 1 blocked   frozen   12:41`.
fn head(app: &App, area: Rect) -> Line<'static> {
    let look = &app.look;
    let mut right = Vec::new();
    if is_stale(&app.store.connection) {
        // The rest of the line is needed for what went wrong.
    } else {
        right.extend(counts(app));
    }
    if app.frozen {
        right.push(Span::styled("frozen  ", look.style(Meaning::Attention)));
    }
    if app.access == Access::ReadOnly {
        right.push(Span::styled("read-only  ", look.style(Meaning::Attention)));
    }
    right.push(Span::raw(wall_clock(look)));
    let mut left = vec![Span::styled("codegod ", look.style(Meaning::Strong))];
    let taken: usize = left.iter().chain(&right).map(|span| width(&span.content)).sum();
    let room = usize::from(area.width).saturating_sub(taken + 1);
    left.extend(connection(&app.store, look, room));
    foot(left, right, area.width)
}

fn connection(store: &Store, look: &Look, columns: usize) -> Vec<Span<'static>> {
    let dot = look.glyphs.dot();
    match &store.connection {
        Connection::Connecting => {
            let text = fit(&format!("connecting to {} …", store.url), columns);
            vec![Span::styled(text, look.style(Meaning::Busy))]
        }
        Connection::Connected { round_trip_ms } => {
            vec![Span::styled(dot, look.style(Meaning::Good)), Span::raw(format!(" redis {round_trip_ms}ms"))]
        }
        Connection::Lost { why, since_ms, .. } => {
            let text = format!("! redis away {}: {why}", clock(*since_ms, look.now_ms));
            vec![Span::styled(fit(&text, columns), look.style(Meaning::Bad))]
        }
    }
}

/// Whether what is shown is the last that was known.
fn is_stale(connection: &Connection) -> bool {
    matches!(connection, Connection::Lost { .. })
}

/// How many goals run and how many need a person.
fn counts(app: &App) -> Vec<Span<'static>> {
    let look = &app.look;
    let goals = || app.store.goals.rows.iter().filter(|row| row.paused_ms.is_none());
    let running = goals().filter(|row| row.state == GoalState::Running).count();
    let waiting = goals().filter(|row| matches!(row.state, GoalState::Queued | GoalState::Planning)).count();
    let waits_for_you = app.store.attention.iter().filter(|one| one.severity < Severity::Notice).count();
    let mut spans = Vec::new();
    let mut add = |count: usize, word: &str, meaning: Meaning| {
        if count > 0 {
            spans.push(Span::styled(format!("{count} {word}  "), look.style(meaning)));
        }
    };
    add(running, "running", Meaning::Busy);
    add(waiting, "waiting", Meaning::Plain);
    add(waits_for_you, "need you", Meaning::Attention);
    if app.store.fleet.paused_ms.is_some() {
        spans.push(Span::styled("fleet paused  ", look.style(Meaning::Attention)));
    }
    spans
}

fn wall_clock(look: &Look) -> String {
    crate::text::time_of_day(look.now_ms, look.utc_offset_seconds).chars().take(5).collect()
}

/// What was said last; what does not fit in a row takes a few of the view.
fn said(app: &App, frame: &mut Frame<'_>, area: Rect) {
    let Some((meaning, text)) = app.said.line() else { return };
    let columns = usize::from(area.width);
    let mut lines = wrapped(text, columns);
    if lines.len() > SAID_ROWS {
        let rest = lines.split_off(SAID_ROWS - 1).join(" ");
        lines.push(fit(&rest, columns));
    }
    let mut row = area;
    for line in lines.into_iter().rev() {
        frame.render_widget(Clear, row);
        frame.render_widget(Line::styled(line, app.look.style(meaning)), row);
        row.y = row.y.saturating_sub(1);
    }
}
