//! Where the parts of the view stand, and their titles.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::{Goal, Part, head, tree};
use crate::console::store::{OpenGoal, Store};
use crate::console::theme::{Focus, Look};
use crate::console::widgets::rule_titled;
use crate::output::Meaning;
use crate::text::{fit, width};

/// From this width on the task stands beside the plan.
const WIDE: u16 = 110;

/// Draws the view.
pub(super) fn draw(view: &Goal, frame: &mut Frame<'_>, area: Rect, look: &Look, store: &Store) {
    let open = view.plan(store);
    let row = open.map(|open| &open.head).or_else(|| store.goals.get(view.goal.as_ref()?));
    let mut body = area;
    if let Some(row) = row {
        let most = match area.height {
            0..=13 => 3,
            14..=17 => 4,
            _ => 6,
        };
        let has_plan = open.is_some_and(|open| !open.rows().is_empty());
        let most = match (has_plan, view.zoomed) {
            (false, _) => area.height.saturating_sub(1),
            (true, true) => 1,
            (true, false) => most,
        };
        body = head::draw(head::lines(row, open, area.width, most, look), frame, area);
    }
    let Some(open) = open.filter(|open| !open.rows().is_empty()) else {
        view.side.set(Rect::default());
        let text = fit(&head::no_plan(row, open, store), usize::from(body.width));
        let line = Line::styled(text, look.style(Meaning::Faint));
        return frame.render_widget(line, Rect { height: body.height.min(1), ..body });
    };
    let (plan, side) = shared(view, body);
    view.side.set(side);
    if plan.height > 0 {
        draw_plan(view, frame, plan, look, open);
    }
    if side.height > 0 {
        draw_side(view, frame, side, look, open);
    }
    for y in side.y + 1..side.bottom().min(if plan.width < body.width { plan.bottom() } else { 0 }) {
        // Between parts that stand side by side.
        frame.buffer_mut().set_stringn(plan.right() + 1, y, look.glyphs.bar(), 1, look.theme.furniture());
    }
}

/// The places of the plan and of what stands beside it.
fn shared(view: &Goal, body: Rect) -> (Rect, Rect) {
    let nothing = Rect { height: 0, ..body };
    if view.zoomed {
        return if view.focus == Part::Plan { (body, nothing) } else { (nothing, body) };
    }
    if body.width >= WIDE {
        let width = body.width / 2;
        let side = Rect { x: body.x + width + 1, width: body.width - width - 1, ..body };
        return (Rect { width: width - 2, ..body }, side);
    }
    // Where they stand one above the other, the part that has the keys gets the larger share.
    let larger = body.height - body.height * 2 / 5;
    let height = if view.focus == Part::Plan { larger } else { body.height - larger };
    // A short plan leaves the rest to the task.
    let needed = u16::try_from(view.plan.len().max(1) + 1).unwrap_or(u16::MAX);
    let height = height.min(needed);
    let side = Rect { y: body.y + height, height: body.height - height, ..body };
    (Rect { height, ..body }, side)
}

fn focus(view: &Goal, part: Part) -> Focus {
    if view.focus == part { Focus::Here } else { Focus::Elsewhere }
}

fn below_rule(area: Rect) -> Rect {
    Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area }
}

fn draw_plan(view: &Goal, frame: &mut Frame<'_>, area: Rect, look: &Look, open: &OpenGoal) {
    let mut title = vec![Span::raw("Plan")];
    if let Some((typed, found)) = view.plan.filter() {
        title.push(Span::styled(
            format!("  /{typed}: {found} of {}", open.rows().len()),
            look.style(Meaning::Busy),
        ));
    }
    let path = open.critical_path().len();
    if path > 0 {
        let text = format!("  {} critical path, {path} left", look.glyphs.critical());
        title.push(Span::styled(text, look.style(Meaning::Faint)));
    }
    rule_titled(frame, area, look, title, focus(view, Part::Plan));
    let body = below_rule(area);
    if view.plan.len() == 0 {
        let line = Line::styled("no task has that; esc shows all", look.style(Meaning::Faint));
        return frame.render_widget(line, Rect { height: body.height.min(1), ..body });
    }
    tree::draw(&view.plan, frame, body, look, open, focus(view, Part::Plan));
}

fn draw_side(view: &Goal, frame: &mut Frame<'_>, area: Rect, look: &Look, open: &OpenGoal) {
    let here = if view.focus == Part::Plan { Focus::Elsewhere } else { Focus::Here };
    match view.beside {
        Part::Plan | Part::Task => {
            rule_titled(frame, area, look, task_title(view, area.width, look, open), here);
            view.page.draw(frame, below_rule(area), look);
        }
        Part::Changes => view.changes.draw(frame, area, look, "changes", here),
        Part::Log => match &view.log {
            Some(log) => log.draw(frame, area, look, here),
            None => rule_titled(frame, area, look, vec![Span::raw("log")], here),
        },
    }
}

/// `Task 3: install what it needs  /x: 3  40%  tab: changes, log`.
fn task_title(view: &Goal, columns: u16, look: &Look, open: &OpenGoal) -> Vec<Span<'static>> {
    let Some(row) = view.plan.chosen(open) else { return vec![Span::raw("Task")] };
    let mut title = vec![Span::raw(format!("Task {}: {}", row.id.number(), row.title))];
    let (above, rows) = view.page.progress();
    if let Some((typed, found)) = view.page.search_state() {
        title.push(Span::styled(format!("  /{typed}: {found}"), look.style(Meaning::Busy)));
    }
    let height = usize::from(view.page.area().height);
    if rows > height && above > 0 {
        let text = format!("  {}%", (above + height).min(rows) * 100 / rows);
        title.push(Span::styled(text, look.style(Meaning::Faint)));
    }
    let used: usize = title.iter().map(|span| width(&span.content)).sum();
    let others = "  tab: changes, log";
    if used + others.len() + 6 <= usize::from(columns) {
        title.push(Span::styled(others, look.theme.furniture()));
    }
    title
}

/// The goal and its plan as text.
pub(super) fn plain(open: &OpenGoal) -> String {
    let head = &open.head;
    let mut lines = vec![format!("{} {} {}/{}", head.id, head.state.name(), head.succeeded, head.total)];
    lines.extend(open.text.iter().cloned());
    if let Some(intent) = &open.intent {
        lines.push(format!("understood as {}", crate::follow::understood(intent)));
        lines.extend(intent.not_covered.iter().map(|phrase| format!("not covered: {phrase}")));
    }
    lines.extend(head.error.as_ref().map(ToString::to_string));
    lines.extend(open.commit.as_ref().map(|commit| format!("commit {commit}")));
    format!("{}\n\n{}", lines.join("\n"), tree::plain(open))
}
