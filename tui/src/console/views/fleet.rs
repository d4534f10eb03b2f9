//! How many agents of each role are wanted and how many there are, by host; below, the hosts themselves.

use std::collections::{BTreeMap, BTreeSet};

use ratatui::Frame;
use ratatui::layout::{Position, Rect};

use codegod_protocol::id::Role;

use super::{View, commands, show};
use crate::console::effect::Request;
use crate::console::feed::Scope;
use crate::console::keys::{Action, Context};
use crate::console::store::Store;
use crate::console::target::{LogTarget, Target};
use crate::console::theme::{Focus, Look};
use crate::console::widgets::{Align, Cell, Column, List, Table, rule};
use crate::output::Meaning;

/// The view.
#[derive(Debug, Default)]
pub(crate) struct Fleet {
    roles: List<Role>,
}

/// What is known of a role's agents.
#[derive(Debug, Default)]
struct Count {
    wanted: u32,
    alive: usize,
    busy: usize,
    silent: usize,
    by_host: BTreeMap<String, usize>,
}

fn count(store: &Store, role: Role, now_ms: u64) -> Count {
    let mut count =
        Count { wanted: store.fleet.desired.get(&role).copied().unwrap_or(0), ..Count::default() };
    for agent in store.fleet.of(role) {
        if agent.is_alive(now_ms) {
            count.alive += 1;
            count.busy += usize::from(agent.current_task.is_some());
            *count.by_host.entry(crate::sanitize::line(&agent.host)).or_default() += 1;
        } else {
            count.silent += 1;
        }
    }
    count
}

impl Fleet {
    fn chosen(&self) -> commands::Chosen {
        commands::Chosen::role(Role::ALL.get(self.roles.cursor()))
    }
}

fn role(row: usize) -> Role {
    Role::ALL[row.min(Role::ALL.len() - 1)]
}

impl View for Fleet {
    fn contexts(&self, _store: &Store) -> Vec<Context> {
        vec![Context::Role, Context::Rows]
    }

    fn settle(&mut self, _store: &Store) {
        self.roles.settle(Role::ALL.len(), role);
    }

    fn act(&mut self, action: Action, store: &Store) -> Option<Vec<Request>> {
        match action {
            Action::Move(motion) => {
                self.roles.go(motion, Role::ALL.len(), role);
                Some(Vec::new())
            }
            Action::Open => Some(vec![Request::Go(Target::Queue(role(self.roles.cursor())))]),
            Action::Logs => Some(vec![Request::Go(Target::Logs(LogTarget::Role(role(self.roles.cursor()))))]),
            other => commands::run(other, &self.chosen(), store),
        }
    }

    fn click(&mut self, at: Position, _store: &Store) -> Vec<Request> {
        self.roles.click(at, Role::ALL.len(), role);
        Vec::new()
    }

    fn wheel(&mut self, _at: Position, _rows: i16, _store: &Store) {}

    fn search(&mut self, text: Option<&str>, _store: &Store) {
        let text = text.unwrap_or_default().to_lowercase();
        let found = Role::ALL.into_iter().find(|role| !text.is_empty() && role.name().contains(&text));
        if let Some(found) = found {
            self.roles.hold(found);
            self.roles.settle(Role::ALL.len(), role);
        }
    }

    fn scope(&self, _scope: &mut Scope) {}

    fn copied(&self, _store: &Store) -> Option<String> {
        Some(role(self.roles.cursor()).to_string())
    }

    fn text(&self, _store: &Store) -> Option<(String, String)> {
        None
    }

    fn draw(&self, frame: &mut Frame<'_>, area: Rect, look: &Look, store: &Store) {
        let roles = u16::try_from(Role::ALL.len()).unwrap_or(u16::MAX) + 2;
        let top = Rect { height: roles.min(area.height), ..area };
        rule(frame, top, look, &title(store, look.now_ms), Focus::Here);
        let body = Rect { y: top.y + 1, height: top.height.saturating_sub(1), ..top };
        draw_roles(&self.roles, frame, body, look, store);
        let below = Rect { y: top.bottom(), height: area.height - top.height, ..area };
        draw_hosts(frame, below, look, store);
    }
}

fn title(store: &Store, now_ms: u64) -> String {
    let alive = store.fleet.agents.iter().filter(|agent| agent.is_alive(now_ms)).count();
    let wanted: u32 = store.fleet.desired.values().sum();
    let paused = if store.fleet.paused_ms.is_some() { "  paused (:resume lets it go on)" } else { "" };
    format!("Fleet  {alive} there, {wanted} wanted{paused}")
}

/// The room that is kept for what is to be said of a role.
const NOTE_WIDE: u16 = 14;

/// The columns of hosts, as many as there is room for.
fn columns(hosts: &BTreeSet<String>, width: u16) -> (Vec<Column>, Vec<String>) {
    let mut columns = vec![
        Column::left("role", 14, 0),
        Column::right("wanted", 7, 0),
        Column::right("there", 6, 0),
        Column::right("busy", 5, 0),
        Column::right("silent", 7, 0),
    ];
    let fits = usize::from(width.saturating_sub(46 + NOTE_WIDE)) / 13;
    let shown: Vec<String> = hosts.iter().take(fits).cloned().collect();
    columns.extend(shown.iter().map(|_| Column { title: "", width: 12, from: 0, align: Align::Right }));
    columns.push(Column::rest(""));
    (columns, shown)
}

fn draw_roles(list: &List<Role>, frame: &mut Frame<'_>, area: Rect, look: &Look, store: &Store) {
    let counts: Vec<Count> = Role::ALL.iter().map(|role| count(store, *role, look.now_ms)).collect();
    let hosts: BTreeSet<String> = counts.iter().flat_map(|count| count.by_host.keys().cloned()).collect();
    let (columns, shown) = columns(&hosts, area.width);
    let left_out = hosts.len() - shown.len();
    let more = if left_out > 0 { format!("+{}", show::hosts_in_words(left_out)) } else { String::new() };
    let heads = columns.iter().take(5).map(|column| Cell::faint(column.title));
    let heads = heads.chain(shown.iter().map(|host| Cell::faint(host.as_str()))).chain([Cell::faint(more)]);
    let table = Table { columns: &columns, head: false, focus: Focus::Here };
    table.heading(frame, area, look, heads.collect());
    let body = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    table.draw(frame, body, look, list, Role::ALL.len(), |row| {
        let of = &counts[row];
        let there = if of.alive == of.wanted as usize { Meaning::Plain } else { Meaning::Attention };
        let mut cells = vec![
            Cell::plain(role(row).name()),
            Cell::plain(of.wanted.to_string()),
            Cell::new(there, of.alive.to_string()),
            Cell::new(if of.busy > 0 { Meaning::Busy } else { Meaning::Faint }, of.busy.to_string()),
            Cell::new(if of.silent > 0 { Meaning::Bad } else { Meaning::Faint }, of.silent.to_string()),
        ];
        cells.extend(shown.iter().map(|host| match of.by_host.get(host) {
            Some(count) => Cell::plain(count.to_string()),
            None => Cell::faint("."),
        }));
        cells.push(Cell::faint(note(of)));
        cells
    });
}

/// What is to be said of a role whose agents are not as wanted.
fn note(of: &Count) -> String {
    let wanted = of.wanted as usize;
    match of.alive.cmp(&wanted) {
        std::cmp::Ordering::Less => format!("{} missing", wanted - of.alive),
        std::cmp::Ordering::Equal => String::new(),
        std::cmp::Ordering::Greater => format!("{} too many", of.alive - wanted),
    }
}

fn draw_hosts(frame: &mut Frame<'_>, area: Rect, look: &Look, store: &Store) {
    rule(frame, area, look, &format!("Hosts {}", store.fleet.hosts.len()), Focus::Elsewhere);
    let body = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    if store.fleet.hosts.is_empty() {
        return show::nothing(frame, body, look, "no host was told of yet: its master does that");
    }
    show::hosts(frame, body, look, &store.fleet.hosts);
}
