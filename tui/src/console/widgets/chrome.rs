//! The frame around a view: rules with titles, the lines of head and foot, and the sentence for a
//! terminal that is too small.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::console::keys::{Binding, Context, Hint, in_force};
use crate::console::target::ViewName;
use crate::console::theme::{Focus, Look};
use crate::output::Meaning;
use crate::text::{fit, width};

/// The smallest terminal that shows anything but a sentence.
pub(crate) const SMALLEST: (u16, u16) = (60, 16);

/// How a frame is shared out: head, names of the views, the view, what was said last, keys.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Chrome {
    /// Connection, counts, clock.
    pub(crate) head: Rect,
    /// The names of the views.
    pub(crate) tabs: Rect,
    /// The view.
    pub(crate) body: Rect,
    /// What was said last, or what is typed.
    pub(crate) said: Rect,
    /// The keys of this view.
    pub(crate) keys: Rect,
}

impl Chrome {
    /// Shares `area` out.
    pub(crate) fn of(area: Rect) -> Self {
        let row = |y: u16| Rect { y: area.y + y, height: 1, ..area };
        let last = area.height.saturating_sub(1);
        Self {
            head: row(0),
            tabs: row(1),
            body: Rect { y: area.y + 2, height: area.height.saturating_sub(4), ..area },
            said: row(last.saturating_sub(1)),
            keys: row(last),
        }
    }

    /// Which view's name stands at that column of the tabs.
    pub(crate) fn tab_at(&self, column: u16) -> Option<ViewName> {
        let mut x = self.tabs.x;
        for view in ViewName::ALL {
            let end = x + u16::try_from(width(&tab(view, self.tabs.width))).unwrap_or(u16::MAX);
            if (x..end).contains(&column) {
                return Some(view);
            }
            x = end;
        }
        None
    }
}

/// A name with its key; closer together where the names would not fit otherwise.
fn tab(view: ViewName, columns: u16) -> String {
    let roomy = columns >= 68;
    format!("{}{} {} ", if roomy { " " } else { "" }, view.digit(), view.title())
}

/// The names of the views with their keys.
pub(crate) fn tabs(current: ViewName, columns: u16, look: &Look) -> Line<'static> {
    let one = |view: ViewName| {
        if view == current {
            Span::styled(tab(view, columns), look.theme.selected(Focus::Here))
        } else {
            Span::styled(tab(view, columns), look.theme.furniture())
        }
    };
    Line::from(ViewName::ALL.map(one).to_vec())
}

/// A rule across `area` that begins with a title: `─ Goals ────`. The title of the part that has the keys is
/// strong and has a mark.
pub(crate) fn rule(frame: &mut Frame<'_>, area: Rect, look: &Look, title: &str, focus: Focus) {
    rule_titled(frame, area, look, vec![Span::raw(title.to_owned())], focus);
}

/// The same for a part in which these keys will mean something: they stand at the right where there is room,
/// so that a person sees what can be done there before going there.
pub(crate) fn rule_keys(
    frame: &mut Frame<'_>,
    area: Rect,
    look: &Look,
    title: &str,
    focus: Focus,
    context: Option<Context>,
) {
    rule(frame, area, look, title, focus);
    let Some(context) = context else { return };
    let context = [context];
    let keys = in_force(&context).filter(|binding| binding.hint == Hint::First);
    let keys: Vec<_> = keys.map(|binding| format!("{} {}", binding.keys[0].name(), binding.label)).collect();
    let text = format!(" {} ", keys.join("  "));
    let wide = u16::try_from(width(&text)).unwrap_or(u16::MAX);
    let taken = u16::try_from(width(title)).unwrap_or(u16::MAX).saturating_add(6);
    if area.height > 0 && taken.saturating_add(wide) < area.width {
        let place = Rect { x: area.right() - wide - 1, width: wide, height: 1, ..area };
        frame.render_widget(Line::styled(text, look.theme.furniture()), place);
    }
}

/// The same, with a title of several looks.
pub(crate) fn rule_titled(
    frame: &mut Frame<'_>,
    area: Rect,
    look: &Look,
    title: Vec<Span<'static>>,
    focus: Focus,
) {
    if area.height == 0 || area.width < 4 {
        return;
    }
    let dash = look.glyphs.dash();
    let mark = match focus {
        Focus::Here => look.glyphs.here(),
        Focus::Elsewhere => dash,
    };
    let mut spans = vec![Span::styled(format!("{mark} "), look.style(focus_meaning(focus)))];
    let room = usize::from(area.width).saturating_sub(4);
    let mut used = 0;
    for span in title {
        let text = fit(&span.content, room.saturating_sub(used));
        used += width(&text);
        let style = look.style(focus_meaning(focus)).patch(span.style);
        spans.push(Span::styled(text, style));
    }
    let rest = usize::from(area.width).saturating_sub(used + 3);
    spans.push(Span::styled(format!(" {}", dash.repeat(rest)), look.theme.furniture()));
    frame.render_widget(Line::from(spans), Rect { height: 1, ..area });
}

fn focus_meaning(focus: Focus) -> Meaning {
    match focus {
        Focus::Here => Meaning::Strong,
        Focus::Elsewhere => Meaning::Plain,
    }
}

/// The keys that hold here, as many as fit: what is worth most stays, in the order of the table.
pub(crate) fn hints(contexts: &[Context], columns: u16, look: &Look) -> Line<'static> {
    let all: Vec<_> = in_force(contexts).filter(|binding| binding.hint != Hint::Never).collect();
    let text = |binding: &Binding| (binding.keys[0].name(), binding.label);
    let mut room = usize::from(columns);
    let mut chosen = vec![false; all.len()];
    for worth in [Hint::Always, Hint::First, Hint::Second] {
        for (i, binding) in all.iter().enumerate().filter(|(_, binding)| binding.hint == worth) {
            let (key, label) = text(binding);
            let wide = width(&key) + 1 + width(label) + 2;
            if wide <= room {
                room -= wide;
                chosen[i] = true;
            }
        }
    }
    let mut spans = Vec::new();
    for (binding, _) in all.iter().zip(&chosen).filter(|(_, chosen)| **chosen) {
        let (key, label) = text(binding);
        spans.push(Span::styled(key, look.style(Meaning::Strong)));
        spans.push(Span::styled(format!(" {label}  "), look.theme.furniture()));
    }
    Line::from(spans)
}

/// A line of text at the left and, as far as there is room, at the right; the last of it stays longest.
pub(crate) fn foot(left: Vec<Span<'static>>, right: Vec<Span<'static>>, columns: u16) -> Line<'static> {
    let wide = |spans: &[Span<'_>]| spans.iter().map(|span| width(&span.content)).sum::<usize>();
    let room = usize::from(columns).saturating_sub(wide(&left));
    let fits = (0..right.len()).find(|from| wide(&right[*from..]) < room);
    let mut spans = left;
    if let Some(from) = fits {
        spans.push(Span::raw(" ".repeat(room - wide(&right[from..]))));
        spans.extend(right.into_iter().skip(from));
    }
    Line::from(spans)
}

/// What a terminal that is too small shows.
pub(crate) fn small(frame: &mut Frame<'_>, area: Rect) {
    let (columns, rows) = SMALLEST;
    let sentence = format!("codegod needs {columns}×{rows}, this is {}×{}", area.width, area.height);
    let lines = [sentence, "make it larger; q quits".to_owned()];
    for (y, line) in (area.y..area.bottom()).zip(lines) {
        let text = fit(&line, usize::from(area.width));
        frame.render_widget(Line::from(text), Rect { y, height: 1, ..area });
    }
}
