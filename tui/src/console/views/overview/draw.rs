//! The picture of the overview: parts share the height by what they hold; queues stand beside agents where
//! that is wide enough, else below them.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use codegod_protocol::agent::AgentStatus;
use codegod_protocol::goal::GoalState;

use super::super::show;
use super::{Overview, Pane};
use crate::console::store::{Attention, GoalRow, QueueRow, Severity, Store};
use crate::console::theme::{Focus, Look};
use crate::console::widgets::{Cell, Column, Table, rule, spark};
use crate::output::Meaning;
use crate::text::{clock, fit};

/// The width from which on queues stand beside agents.
const SIDE_BY_SIDE: u16 = 110;
/// How wide the queues are then.
const QUEUES_WIDE: u16 = 46;

/// Draws it.
pub(super) fn draw(view: &Overview, frame: &mut Frame<'_>, area: Rect, look: &Look, store: &Store) {
    if view.zoomed {
        return part(view, view.focus, frame, area, look, store);
    }
    for (pane, area) in share(area, store) {
        match pane {
            Place::Part(pane) => part(view, pane, frame, area, look, store),
            Place::Hosts => hosts(frame, area, look, store),
        }
    }
}

/// What stands somewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Part(Pane),
    Hosts,
}

/// Shares the area out; each part has a rule above it.
fn share(area: Rect, store: &Store) -> Vec<(Place, Rect)> {
    let rows = |count: usize| u16::try_from(count).unwrap_or(u16::MAX);
    let side_by_side = area.width >= SIDE_BY_SIDE;
    let hosts = rows(store.fleet.hosts.len()).min(if area.height >= 30 { 6 } else { 1 });
    let hosts = if hosts == 0 { 0 } else { hosts + u16::from(area.height >= 30) };
    let mut room = area.height.saturating_sub(hosts);
    let mut places = Vec::new();
    let mut y = area.y;
    let mut take = |pane: Pane, height: u16, y: &mut u16| {
        places.push((Place::Part(pane), Rect { y: *y, height, ..area }));
        *y += height;
    };
    let attention = rows(store.attention.len()).min(room / 5).max(u16::from(!store.attention.is_empty()));
    if attention > 0 {
        take(Pane::Attention, attention + 1, &mut y);
        room -= attention + 1;
    }
    let queues = if side_by_side { 0 } else { 2 + queue_rows(store).min(room / 4) };
    let agents_wanted =
        2 + rows(store.fleet.agents.len()).max(if side_by_side { queue_rows(store) } else { 1 });
    let goals_wanted = 2 + rows(store.goals.rows.len()).max(1);
    let goals =
        goals_wanted.min((room - queues) / 2).max((room - queues).saturating_sub(agents_wanted)).max(3);
    take(Pane::Goals, goals, &mut y);
    let agents = room.saturating_sub(goals + queues);
    if side_by_side {
        let left = Rect { y, height: agents, width: area.width - QUEUES_WIDE - 1, ..area };
        places.push((Place::Part(Pane::Agents), left));
        let right = Rect { x: area.right() - QUEUES_WIDE, y, height: agents, width: QUEUES_WIDE };
        places.push((Place::Part(Pane::Queues), right));
        y += agents;
    } else {
        take(Pane::Agents, agents, &mut y);
        take(Pane::Queues, queues, &mut y);
    }
    if hosts > 0 {
        places.push((Place::Hosts, Rect { y, height: hosts, ..area }));
    }
    places
}

fn queue_rows(store: &Store) -> u16 {
    u16::try_from(store.queues.rows.len()).unwrap_or(0).max(1)
}

fn part(view: &Overview, pane: Pane, frame: &mut Frame<'_>, area: Rect, look: &Look, store: &Store) {
    let focus = if pane == view.focus { Focus::Here } else { Focus::Elsewhere };
    let title = match pane {
        Pane::Attention => format!("Needs you {}", store.attention.len()),
        Pane::Goals => format!("Goals {}", store.goals.rows.len()),
        Pane::Agents => format!("Agents {}", store.fleet.agents.len()),
        Pane::Queues => "Queues".to_owned(),
    };
    rule(frame, area, look, &title, focus);
    let body = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    match pane {
        Pane::Attention => attention(view, frame, body, look, store, focus),
        Pane::Goals => goals(view, frame, body, look, store, focus),
        Pane::Agents => agents(view, frame, body, look, store, focus),
        Pane::Queues => queues(view, frame, body, look, store, focus),
    }
}

/// What stands in a part without rows.
fn empty(frame: &mut Frame<'_>, area: Rect, look: &Look, text: &str) {
    let text = fit(text, usize::from(area.width));
    frame.render_widget(
        Line::styled(text, look.style(Meaning::Faint)),
        Rect { height: area.height.min(1), ..area },
    );
}

const ATTENTION: [Column; 4] =
    [Column::left("", 1, 0), Column::rest("what"), Column::right("since", 7, 0), Column::left("do", 22, 90)];

fn attention(view: &Overview, frame: &mut Frame<'_>, area: Rect, look: &Look, store: &Store, focus: Focus) {
    let table = Table { columns: &ATTENTION, head: false, focus };
    table.draw(frame, area, look, &view.attention, store.attention.len(), |row| {
        let one: &Attention = &store.attention[row];
        let (mark, meaning) = match one.severity {
            Severity::Urgent => ("!", Meaning::Attention),
            Severity::Warning => ("x", Meaning::Bad),
            Severity::Notice => ("-", Meaning::Plain),
        };
        let since = show::since(one.since_ms, look);
        let command = one.command.as_deref().map_or_else(String::new, |command| format!(":{command}"));
        vec![
            Cell::new(meaning, mark),
            Cell::new(meaning, format!("{}{}", show::about(&one.target), one.sentence)),
            Cell::faint(since),
            Cell::faint(command),
        ]
    });
}

const GOALS: [Column; 7] = [
    Column::left("", 1, 0),
    Column::left("goal", 10, 0),
    Column::left("state", 9, 0),
    Column::right("tasks", 9, 0),
    Column::right("time", 7, 0),
    Column::right("left", 7, 90),
    Column::rest("what"),
];

fn goals(view: &Overview, frame: &mut Frame<'_>, area: Rect, look: &Look, store: &Store, focus: Focus) {
    if store.goals.rows.is_empty() {
        return empty(frame, area, look, "none yet: press b and say what is to be built or mended");
    }
    let table = Table { columns: &GOALS, head: true, focus };
    table.draw(frame, area, look, &view.goals, store.goals.rows.len(), |row| {
        goal(&store.goals.rows[row], look)
    });
}

fn goal(row: &GoalRow, look: &Look) -> Vec<Cell> {
    let (glyph, meaning) = look.glyphs.goal(row.state);
    let paused = row.paused_ms.is_some() && !row.state.is_final();
    let state = if paused { GoalState::Paused.name() } else { row.state.name() };
    let tasks = if row.total == 0 { String::new() } else { format!("{}/{}", row.succeeded, row.total) };
    let left =
        row.time_left(look.now_ms).map_or_else(String::new, |left| format!("~{}", show::short(left.seconds)));
    vec![
        Cell::new(meaning, glyph),
        Cell::plain(row.id.to_string()),
        Cell::new(meaning, state),
        Cell::plain(tasks),
        Cell::faint(clock(row.submitted_ms, row.ended_ms.unwrap_or(look.now_ms))),
        Cell::faint(left),
        Cell::plain(row.text.as_ref()),
    ]
}

const AGENTS: [Column; 7] = [
    Column::left("", 1, 0),
    Column::left("agent", 16, 0),
    Column::left("phase", 7, 0),
    Column::right("for", 6, 0),
    Column::right("cpu", 5, 76),
    Column::right("mem", 6, 76),
    Column::rest("task"),
];

fn agents(view: &Overview, frame: &mut Frame<'_>, area: Rect, look: &Look, store: &Store, focus: Focus) {
    if store.fleet.agents.is_empty() {
        return empty(frame, area, look, "none: ./start-agents.sh starts them, 7 says how many are wanted");
    }
    let table = Table { columns: &AGENTS, head: true, focus };
    let paused = store.fleet.paused_ms.is_some();
    table.draw(frame, area, look, &view.agents, store.fleet.agents.len(), |row| {
        agent(&store.fleet.agents[row], paused, look)
    });
}

fn agent(of: &AgentStatus, paused: bool, look: &Look) -> Vec<Cell> {
    let (glyph, meaning) = show::agent(of, look);
    let since = show::since(of.phase_since_ms, look);
    let (cpu, memory) = show::container(of);
    vec![
        Cell::new(meaning, glyph),
        Cell::plain(of.id.to_string()),
        Cell::new(meaning, show::phase(of.phase)),
        Cell::faint(since),
        Cell::plain(cpu),
        Cell::plain(memory),
        show::doing(of, paused, look.now_ms),
    ]
}

const QUEUES: [Column; 5] = [
    Column::left("role", 13, 0),
    Column::right("ready", 6, 0),
    Column::right("run", 4, 0),
    Column::right("oldest", 7, 0),
    Column::rest("done, last minute"),
];

fn queues(view: &Overview, frame: &mut Frame<'_>, area: Rect, look: &Look, store: &Store, focus: Focus) {
    if store.queues.rows.is_empty() {
        return empty(frame, area, look, "not read yet");
    }
    let table = Table { columns: &QUEUES, head: true, focus };
    let wide = usize::from(area.width.saturating_sub(34));
    table.draw(frame, area, look, &view.queues, store.queues.rows.len(), |row| {
        queue(&store.queues.rows[row], wide, look, store)
    });
}

fn queue(row: &QueueRow, wide: usize, look: &Look, store: &Store) -> Vec<Cell> {
    let samples = store.queues.finished(row.role).map(|history| history.series(look.now_ms, wide.min(60)));
    let line = samples.filter(|samples| samples.iter().any(|count| *count > 0));
    let line =
        line.map_or_else(String::new, |samples| spark(samples.into_iter(), wide.min(60), &look.glyphs));
    let oldest = row.oldest_ms.map_or_else(String::new, |since| clock(since, look.now_ms));
    vec![
        Cell::plain(row.role.name()),
        Cell::new(if row.ready > 0 { Meaning::Strong } else { Meaning::Faint }, row.ready.to_string()),
        Cell::new(if row.in_flight > 0 { Meaning::Busy } else { Meaning::Faint }, row.in_flight.to_string()),
        Cell::faint(oldest),
        Cell::new(Meaning::Busy, line),
    ]
}

fn hosts(frame: &mut Frame<'_>, area: Rect, look: &Look, store: &Store) {
    let mut area = area;
    if area.height > 1 {
        rule(frame, area, look, "Hosts", Focus::Elsewhere);
        area = Rect { y: area.y + 1, height: area.height - 1, ..area };
    }
    for (y, host) in (area.y..area.bottom()).zip(&store.fleet.hosts) {
        let text = fit(&show::host(host, look.now_ms), usize::from(area.width));
        let meaning = if host.is_heard(look.now_ms) { Meaning::Plain } else { Meaning::Bad };
        let line = Line::from(Span::styled(text, look.style(meaning)));
        frame.render_widget(line, Rect { y, height: 1, ..area });
    }
}
