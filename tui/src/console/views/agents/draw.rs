//! The picture of the agents: the list at the left, memory above the log at its right where that is wide
//! enough; else the list on top and one of the two below.

use ratatui::Frame;
use ratatui::layout::Rect;

use codegod_protocol::agent::AgentStatus;

use super::super::show;
use super::{Agents, Part};
use crate::console::store::Store;
use crate::console::theme::{Focus, Look};
use crate::console::widgets::{Cell, Column, Table, rule};
use crate::output::Meaning;

/// The width from which on memory and log stand beside the list.
const SIDE_BY_SIDE: u16 = 110;

/// Draws it.
pub(super) fn draw(view: &Agents, frame: &mut Frame<'_>, area: Rect, look: &Look, store: &Store) {
    let places = share(view, area);
    for (part, area) in &places {
        draw_part(view, *part, frame, *area, look, store);
    }
    *view.places.borrow_mut() = places;
}

/// Shares the area out.
fn share(view: &Agents, area: Rect) -> Vec<(Part, Rect)> {
    if view.zoomed {
        return vec![(view.focus, area)];
    }
    if area.width < SIDE_BY_SIDE {
        let rows = u16::try_from(view.shown.len().max(1)).unwrap_or(u16::MAX).saturating_add(2);
        let most = if view.focus == Part::List { area.height * 2 / 5 } else { area.height / 4 };
        let list = rows.min(most.max(3));
        let below = Rect { y: area.y + list, height: area.height - list, ..area };
        return vec![(Part::List, Rect { height: list, ..area }), (view.beside, below)];
    }
    let list = Rect { width: (area.width * 2 / 5).min(76), ..area };
    let x = list.right() + 1;
    let height = area.height * 3 / 5;
    let memory = Rect { x, width: area.right() - x, height, ..area };
    let log = Rect { y: memory.bottom(), height: area.height - height, ..memory };
    vec![(Part::List, list), (Part::Memory, memory), (Part::Log, log)]
}

fn draw_part(view: &Agents, part: Part, frame: &mut Frame<'_>, area: Rect, look: &Look, store: &Store) {
    let focus = if part == view.focus { Focus::Here } else { Focus::Elsewhere };
    let body = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    match part {
        Part::List => {
            rule(frame, area, look, &list_title(view, look, store), focus);
            draw_list(view, frame, body, look, store, focus);
        }
        Part::Memory => {
            rule(frame, area, look, &memory_title(view), focus);
            if view.memory_of.is_some() {
                view.memory.draw(frame, body, look);
            } else {
                show::nothing(frame, body, look, "choose an agent: what it knows stands here");
            }
        }
        Part::Log if view.memory_of.is_some() => view.log.draw(frame, area, look, focus),
        Part::Log => {
            rule(frame, area, look, "its log", focus);
            show::nothing(frame, body, look, "choose an agent: what it says stands here");
        }
    }
}

fn list_title(view: &Agents, look: &Look, store: &Store) -> String {
    let agents = &store.fleet.agents;
    let count = |is: &dyn Fn(&AgentStatus) -> bool| agents.iter().filter(|agent| is(agent)).count();
    let silent = count(&|agent| !agent.is_alive(look.now_ms));
    let working = count(&|agent| agent.is_alive(look.now_ms) && agent.current_task.is_some());
    let mut title = format!("Agents {}", view.shown.len());
    if let Some(text) = &view.looked_for {
        title += &format!(" of {} with \"{text}\" (esc: all)", agents.len());
    }
    for (count, word) in [(working, "at work"), (silent, "silent")] {
        if count > 0 {
            title += &format!("  {count} {word}");
        }
    }
    title
}

fn memory_title(view: &Agents) -> String {
    let Some(agent) = &view.memory_of else { return "memory".to_owned() };
    let mut title = format!("{agent}: memory");
    if let Some((text, found)) = view.memory.search_state() {
        title += &format!("  \"{text}\" in {found} lines (n: next)");
    }
    let (above, all) = view.memory.progress();
    let height = usize::from(view.memory.area().height);
    if all > height && height > 0 {
        title += &format!("  {}%", 100 * above / (all - height).max(1));
    }
    title
}

const COLUMNS: [Column; 8] = [
    Column::left("", 1, 0),
    Column::left("agent", 16, 0),
    Column::left("phase", 7, 0),
    Column::right("for", 7, 0),
    Column::right("good", 4, 64),
    Column::rest("task"),
    Column::right("cpu", 5, 72),
    Column::left("host", 12, 70),
];

fn draw_list(view: &Agents, frame: &mut Frame<'_>, area: Rect, look: &Look, store: &Store, focus: Focus) {
    if view.shown.is_empty() {
        let text = match &view.looked_for {
            Some(_) => "no agent has that; esc shows all",
            None => "none: ./start-agents.sh starts them, 7 shows the fleet",
        };
        return show::nothing(frame, area, look, text);
    }
    let table = Table { columns: &COLUMNS, head: area.height > 3, focus };
    let paused = store.fleet.paused_ms.is_some();
    table.draw(frame, area, look, &view.list, view.shown.len(), |row| {
        view.status(row, store).map_or_else(Vec::new, |agent| cells(agent, paused, look))
    });
}

fn cells(of: &AgentStatus, paused: bool, look: &Look) -> Vec<Cell> {
    let (glyph, meaning) = show::agent(of, look);
    let (cpu, _) = show::container(of);
    let rate = of.success_rate().map_or_else(String::new, |rate| format!("{:.0}%", rate * 100.0));
    let phase = if of.is_alive(look.now_ms) {
        Cell::new(meaning, show::phase(of.phase))
    } else {
        Cell::new(Meaning::Bad, "silent")
    };
    vec![
        Cell::new(meaning, glyph),
        Cell::plain(of.id.to_string()),
        phase,
        Cell::faint(show::since(of.phase_since_ms, look)),
        Cell::plain(rate),
        show::doing(of, paused, look.now_ms),
        Cell::plain(cpu),
        Cell::faint(crate::sanitize::line(&of.host)),
    ]
}
