//! Pictures of a followed goal: lines that fit a terminal's width and height. Pure.

use std::collections::{HashMap, HashSet};

use codegod_protocol::goal::GoalState;
use codegod_protocol::id::TaskId;
use codegod_protocol::intent::{Intent, ProjectType};
use codegod_protocol::task::TaskState;

use super::glyphs::Glyphs;
use super::state::{Follow, Row};
use crate::output::{Line, Meaning};
use crate::text::{clock, duration, fit, pad, width as columns_of};

/// The deepest indent, in levels, so that titles keep room.
const MAX_DEPTH: usize = 8;

/// What was understood, in a few words: `Flask backend · React frontend · SQLite · todos`.
pub(crate) fn understood(intent: &Intent) -> String {
    let mut words = Vec::new();
    if let Some(symptom) = &intent.symptom {
        words.push(format!("mend \"{symptom}\""));
    }
    let stack = &intent.stack;
    words.extend(stack.backend.iter().map(|name| format!("{} backend", named(name))));
    words.extend(stack.frontend.iter().map(|name| format!("{} frontend", named(name))));
    words.extend(stack.database.iter().map(|name| named(name)));
    words.extend(intent.resources.iter().map(|resource| resource.label_plural.to_lowercase()));
    words.extend(intent.features.iter().filter_map(|feature| {
        use codegod_protocol::intent::FeatureKind;
        match feature.kind {
            FeatureKind::Resources => None,
            FeatureKind::SignIn => Some("sign-in".to_owned()),
            FeatureKind::ContactForm => Some("contact form".to_owned()),
            FeatureKind::Docker => Some("Docker image".to_owned()),
            FeatureKind::Ci => Some("CI workflow".to_owned()),
        }
    }));
    words.extend(intent.constraints.iter().cloned());
    if words.is_empty() {
        return match intent.project {
            ProjectType::Unknown => "nothing that a playbook knows".to_owned(),
            _ => intent.title.clone(),
        };
    }
    words.join(" · ")
}

/// The way a technology writes its own name.
fn named(name: &str) -> String {
    match name {
        "fastapi" => "FastAPI".to_owned(),
        "sqlite" => "SQLite".to_owned(),
        "postgresql" => "PostgreSQL".to_owned(),
        _ => {
            let mut letters = name.chars();
            letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
        }
    }
}

/// Draws the goal on `width` columns and at most `height` lines.
pub(super) fn draw(follow: &Follow, glyphs: &Glyphs, width: usize, height: usize, now_ms: u64) -> Vec<Line> {
    let width = width.saturating_sub(1).max(10);
    let mut lines = head(follow, glyphs, now_ms);
    let foot = foot(follow);
    let room = height.saturating_sub(lines.len() + foot.len()).max(1);
    lines.extend(body(follow, glyphs, width, room, now_ms));
    lines.extend(foot);
    lines.truncate(height.max(1));
    lines.into_iter().map(|line| Line { text: fit(&line.text, width), ..line }).collect()
}

fn head(follow: &Follow, glyphs: &Glyphs, now_ms: u64) -> Vec<Line> {
    let (glyph, meaning) = glyphs.goal(follow.state);
    let elapsed = clock(follow.submitted_ms, follow.ended_ms.unwrap_or(now_ms));
    let done = follow.tasks.iter().filter(|row| row.state == TaskState::Succeeded).count();
    let counts =
        if follow.tasks.is_empty() { String::new() } else { format!(" {done}/{}", follow.tasks.len()) };
    let state = follow.state.name();
    let mut lines = vec![Line::new(
        meaning,
        format!("{glyph} {state}{counts} {elapsed}  {} {}", follow.goal, follow.text),
    )];
    if let Some(intent) = &follow.intent {
        lines.push(Line::new(Meaning::Plain, format!("understood: {}", understood(intent))));
        if !intent.not_covered.is_empty() {
            let phrases = intent.not_covered.join(", ");
            lines.push(Line::new(Meaning::Attention, format!("not covered: {phrases}")));
        }
    }
    lines
}

fn foot(follow: &Follow) -> Vec<Line> {
    let text = match (&follow.lost, follow.state) {
        (Some(why), _) => {
            return vec![Line::new(Meaning::Bad, format!("Redis is away, trying again: {why}"))];
        }
        (None, GoalState::Queued) => "waiting for a master to plan it",
        (None, GoalState::Paused) => "paused: codegod resume GOAL lets it go on; ctrl-C: detach or cancel",
        (None, state) if state.is_final() => return Vec::new(),
        (None, _) => "ctrl-C: detach or cancel",
    };
    vec![Line::new(Meaning::Faint, text)]
}

/// The plan as a tree. Where it is too long, what goes first is what needs nobody's eyes: tasks that
/// succeeded, then those that wait.
fn body(follow: &Follow, glyphs: &Glyphs, width: usize, room: usize, now_ms: u64) -> Vec<Line> {
    let tree = tree(&follow.tasks, glyphs);
    let (kept, left_out) = choose(&tree, room);
    let logs = room.saturating_sub(kept.len() + usize::from(left_out > 0));
    let mut lines = Vec::new();
    let mut logs_left = logs;
    for (row, rails, below) in kept {
        lines.push(task_line(row, rails, glyphs, width, now_ms));
        if let Some(log) = detail(row).filter(|_| logs_left > 0) {
            logs_left -= 1;
            lines.push(Line::new(Meaning::Faint, format!("{below}    {log}")));
        }
    }
    if left_out > 0 {
        lines.push(Line::new(Meaning::Faint, format!("… {left_out} more tasks, done or waiting")));
    }
    lines
}

/// What stands below a task when there is room: what its agent says, or why it failed.
fn detail(row: &Row) -> Option<String> {
    match row.state {
        TaskState::Running => row.log.clone().or_else(|| row.doing.clone()),
        TaskState::Succeeded | TaskState::Cancelled => None,
        _ => row.error.clone(),
    }
}

type Branch<'a> = (&'a Row, String, String);

fn choose<'a, 'b>(tree: &'b [Branch<'a>], room: usize) -> (Vec<(&'a Row, &'b str, &'b str)>, usize) {
    let whole = |(row, rails, below): &'b Branch<'a>| (*row, rails.as_str(), below.as_str());
    if tree.len() <= room {
        return (tree.iter().map(whole).collect(), 0);
    }
    let rank = |row: &Row| match row.state {
        TaskState::Failed | TaskState::Blocked => 0,
        TaskState::Running => 1,
        TaskState::Ready => 2,
        TaskState::Waiting => 3,
        TaskState::Succeeded | TaskState::Cancelled => 4,
    };
    let mut order: Vec<usize> = (0..tree.len()).collect();
    // Among those that are done the newest is the most telling.
    order.sort_by_key(|i| (rank(tree[*i].0), if rank(tree[*i].0) == 4 { usize::MAX - i } else { *i }));
    let kept: HashSet<usize> = order.into_iter().take(room.saturating_sub(1)).collect();
    let chosen: Vec<_> =
        tree.iter().enumerate().filter(|(i, _)| kept.contains(i)).map(|(_, b)| whole(b)).collect();
    let left_out = tree.len() - chosen.len();
    (chosen, left_out)
}

/// The tasks in the order of the tree, with the rails before each and before what stands below it. A
/// task stands under the one of its needs that comes last.
fn tree<'a>(tasks: &'a [Row], glyphs: &Glyphs) -> Vec<Branch<'a>> {
    let depths = depths(tasks);
    let depth = |id: &TaskId| depths.get(id).copied().unwrap_or(0);
    let mut children: HashMap<Option<&TaskId>, Vec<&'a Row>> = HashMap::new();
    for row in tasks {
        let known = row.needs.iter().filter(|need| depths.contains_key(need) && depth(need) < depth(&row.id));
        let parent = known.max_by_key(|need| (depth(need), need.number()));
        children.entry(parent).or_default().push(row);
    }
    let mut branches = Vec::with_capacity(tasks.len());
    // (row, rails of its ancestors, level, last of its siblings)
    let mut stack: Vec<(&'a Row, String, usize, bool)> = Vec::new();
    let push = |stack: &mut Vec<_>, parent: Option<&TaskId>, rails: &str, level: usize| {
        let siblings = children.get(&parent).map(Vec::as_slice).unwrap_or_default();
        for (i, row) in siblings.iter().enumerate().rev() {
            stack.push((*row, rails.to_owned(), level, i + 1 == siblings.len()));
        }
    };
    push(&mut stack, None, "", 0);
    let [child, last, past, blank] = glyphs.rails();
    while let Some((row, rails, level, is_last)) = stack.pop() {
        let (own, below) = match level {
            0 => (String::new(), String::new()),
            1..=MAX_DEPTH => (
                format!("{rails}{}", if is_last { last } else { child }),
                format!("{rails}{}", if is_last { blank } else { past }),
            ),
            _ => (format!("{rails}{last}"), rails.clone()),
        };
        push(&mut stack, Some(&row.id), &below, level + 1);
        branches.push((row, own, below));
    }
    branches
}

/// How many tasks stand one behind another before each; tasks in a circle are left at the top.
fn depths(tasks: &[Row]) -> HashMap<TaskId, usize> {
    let mut depths: HashMap<TaskId, usize> = tasks.iter().map(|row| (row.id.clone(), 0)).collect();
    for _ in 0..tasks.len() {
        let mut changed = false;
        for row in tasks {
            let below =
                row.needs.iter().filter_map(|need| depths.get(need)).max().map_or(0, |depth| depth + 1);
            if below <= tasks.len() && depths.get(&row.id) != Some(&below) {
                depths.insert(row.id.clone(), below);
                changed = true;
            }
        }
        if !changed {
            break;
        }
    }
    depths
}

fn task_line(row: &Row, rails: &str, glyphs: &Glyphs, width: usize, now_ms: u64) -> Line {
    let (glyph, meaning) = glyphs.task(row.state);
    let state = match (row.state, &row.phase) {
        (TaskState::Running, Some(phase)) => phase.as_str(),
        (state, _) => state.name(),
    };
    let time = match (row.state, row.seconds, row.started_ms) {
        (TaskState::Running, _, Some(started)) => clock(started, now_ms),
        (_, Some(seconds), _) => duration(seconds),
        _ => String::new(),
    };
    let attempt = if row.attempt > 1 { format!("attempt {} ", row.attempt) } else { String::new() };
    let right = format!("{attempt}{} {time:>7}", pad(state, 10));
    let left = format!("{rails}{glyph} {:<8} {}", row.role, crate::sanitize::line(&row.title));
    let room = width.saturating_sub(columns_of(&right) + 1);
    // On a very narrow terminal the title counts more than the clock.
    if room < 24 {
        Line::new(meaning, left)
    } else {
        Line::new(meaning, format!("{} {right}", pad(&left, room)))
    }
}
