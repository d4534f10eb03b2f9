//! The picture of the overview: parts share the height by what they hold; queues stand beside agents where
//! that is wide enough, else below them.

use ratatui::Frame;
use ratatui::layout::Rect;

use codegod_protocol::agent::AgentStatus;
use codegod_protocol::goal::GoalState;

use super::super::show;
use super::{Overview, Pane};
use crate::console::store::{Attention, GoalRow, QueueRow, Severity, Store};
use crate::console::theme::{Focus, Look};
use crate::console::widgets::{Cell, Column, Table, rule, rule_keys, spark};
use crate::output::Meaning;
use crate::text::clock;

/// The width from which on queues stand beside agents.
const SIDE_BY_SIDE: u16 = 110;
/// How wide the queues are then.
const QUEUES_WIDE: u16 = 46;

/// Draws it.
pub(super) fn draw(view: &Overview, frame: &mut Frame<'_>, area: Rect, look: &Look, store: &Store) {
    if view.zoomed {
        return part(view, view.focus, frame, area, look, store);
    }
    for (pane, area) in share(view.focus, area, store) {
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

/// The height from which on hosts are a part of their own.
const ROOMY: u16 = 30;
/// The height below which queues stand in one line while the keys go elsewhere, and hosts nowhere.
const TIGHT: u16 = 18;

/// Shares the area out; each part has a rule above it.
fn share(focus: Pane, area: Rect, store: &Store) -> Vec<(Place, Rect)> {
    let rows = |count: usize| u16::try_from(count).unwrap_or(u16::MAX);
    let side_by_side = area.width >= SIDE_BY_SIDE;
    let hosts = match area.height {
        ROOMY.. => rows(store.fleet.hosts.len() * 2).min(6) + u16::from(!store.fleet.hosts.is_empty()),
        TIGHT.. => rows(store.fleet.hosts.len()).min(1),
        _ => 0,
    };
    let mut room = area.height.saturating_sub(hosts);
    let mut places = Vec::new();
    let mut y = area.y;
    let mut take = |pane: Pane, height: u16, y: &mut u16| {
        places.push((Place::Part(pane), Rect { y: *y, height, ..area }));
        *y += height;
    };
    if !store.attention.is_empty() {
        let most = if focus == Pane::Attention { room / 3 } else { room / 6 };
        let height = rows(store.attention.len()).min(most.max(1)) + 1;
        take(Pane::Attention, height, &mut y);
        room -= height;
    }
    let queues = if side_by_side {
        0
    } else if area.height < TIGHT && focus != Pane::Queues {
        1
    } else {
        1 + queue_rows(store) + u16::from(area.height >= ROOMY)
    };
    let agents_wanted =
        2 + rows(store.fleet.agents.len()).max(if side_by_side { queue_rows(store) } else { 1 });
    let goals_wanted = 2 + rows(store.goals.rows.len()).max(1);
    let rest = room.saturating_sub(queues);
    let goals = goals_wanted.min(rest / 2).max(rest.saturating_sub(agents_wanted)).max(2);
    take(Pane::Goals, goals, &mut y);
    let agents = rest.saturating_sub(goals);
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
        Pane::Queues => queues_title(area.height, store),
    };
    let keys = pane.context().filter(|_| pane != view.focus);
    rule_keys(frame, area, look, &title, focus, keys);
    let body = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    match pane {
        Pane::Attention => attention(view, frame, body, look, store, focus),
        Pane::Goals => goals(view, frame, body, look, store, focus),
        Pane::Agents => agents(view, frame, body, look, store, focus),
        Pane::Queues => queues(view, frame, body, look, store, focus),
    }
}

/// Without rows of their own, all queues stand in the title; without a heading, it says what the columns are.
fn queues_title(height: u16, store: &Store) -> String {
    let all = queue_rows(store);
    if height > all + 1 {
        return "Queues".to_owned();
    }
    if height > 1 {
        return "Queues: ready, running, oldest, done in the last minute".to_owned();
    }
    let counts = store.queues.rows.iter().map(|row| format!(" {} {}+{}", row.role, row.ready, row.in_flight));
    format!("Queues{}", counts.collect::<String>())
}

/// Whether there is room for headings.
fn head(area: Rect) -> bool {
    area.height > 3
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
    Column::right("tasks", 10, 0),
    Column::right("time", 7, 0),
    Column::right("left", 7, 90),
    Column::rest("what"),
];

fn goals(view: &Overview, frame: &mut Frame<'_>, area: Rect, look: &Look, store: &Store, focus: Focus) {
    if store.goals.rows.is_empty() {
        return show::nothing(frame, area, look, "none yet: press b and say what is to be built or mended");
    }
    let table = Table { columns: &GOALS, head: head(area), focus };
    table.draw(frame, area, look, &view.goals, store.goals.rows.len(), |row| {
        goal(&store.goals.rows[row], look)
    });
}

fn goal(row: &GoalRow, look: &Look) -> Vec<Cell> {
    let paused = row.paused_ms.is_some() && !row.state.is_final();
    let state = if paused { GoalState::Paused } else { row.state };
    let (glyph, meaning) = look.glyphs.goal(state);
    let tasks = if row.total == 0 { String::new() } else { format!("{}/{}", row.succeeded, row.total) };
    let left =
        row.time_left(look.now_ms).map_or_else(String::new, |left| format!("~{}", show::short(left.seconds)));
    vec![
        Cell::new(meaning, glyph),
        Cell::plain(row.id.to_string()),
        Cell::new(meaning, state.name()),
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
    Column::right("cpu", 5, 72),
    Column::right("mem", 6, 72),
    Column::rest("task"),
];

fn agents(view: &Overview, frame: &mut Frame<'_>, area: Rect, look: &Look, store: &Store, focus: Focus) {
    if store.fleet.agents.is_empty() {
        return show::nothing(frame, area, look, "none: ./start-agents.sh starts them, 7 shows the fleet");
    }
    let table = Table { columns: &AGENTS, head: head(area), focus };
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
    Column::rest("last minute"),
];

fn queues(view: &Overview, frame: &mut Frame<'_>, area: Rect, look: &Look, store: &Store, focus: Focus) {
    if store.queues.rows.is_empty() {
        return show::nothing(frame, area, look, "not read yet");
    }
    let table = Table { columns: &QUEUES, head: area.height > queue_rows(store), focus };
    let wide = usize::from(area.width.saturating_sub(34));
    table.draw(frame, area, look, &view.queues, store.queues.rows.len(), |row| {
        queue(&store.queues.rows[row], wide, look, store)
    });
}

fn queue(row: &QueueRow, wide: usize, look: &Look, store: &Store) -> Vec<Cell> {
    let line = store
        .queues
        .finished(row.role)
        .map_or_else(String::new, |history| last_minute(&history.series(look.now_ms, 60), wide, look));
    let oldest = row.oldest_ms.map_or_else(String::new, |since| clock(since, look.now_ms));
    vec![
        Cell::plain(row.role.name()),
        Cell::new(if row.ready > 0 { Meaning::Strong } else { Meaning::Faint }, row.ready.to_string()),
        Cell::new(if row.in_flight > 0 { Meaning::Busy } else { Meaning::Faint }, row.in_flight.to_string()),
        Cell::faint(oldest),
        Cell::new(Meaning::Busy, line),
    ]
}

/// A minute's counts in at most `columns` columns; nothing when all are zero.
fn last_minute(counts: &[u64], columns: usize, look: &Look) -> String {
    if counts.iter().all(|count| *count == 0) {
        return String::new();
    }
    let each = counts.len().div_ceil(columns.max(1));
    let sums: Vec<u64> = counts.chunks(each).map(|chunk| chunk.iter().sum()).collect();
    spark(sums.iter().copied(), sums.len(), &look.glyphs)
}

fn hosts(frame: &mut Frame<'_>, area: Rect, look: &Look, store: &Store) {
    let mut area = area;
    if area.height > 1 {
        rule(frame, area, look, "Hosts", Focus::Elsewhere);
        area = Rect { y: area.y + 1, height: area.height - 1, ..area };
    }
    show::hosts(frame, area, look, &store.fleet.hosts);
}
