//! How agents, hosts, sizes and times are put into words, alike in every view.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use codegod_protocol::agent::{AgentStatus, Phase};
use codegod_protocol::host::{HostStatus, Room};

use crate::console::store::{Target, waits_for};
use crate::console::theme::Look;
use crate::console::widgets::Cell;
use crate::output::Meaning;
use crate::text::{fit, pad, width};

/// Where in observe, reason, plan, act, validate an agent is: its letter stands in brackets. Readable
/// without colour, and of one width.
pub(crate) fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Observing => "[O]rpav",
        Phase::Reasoning => "o[R]pav",
        Phase::Planning => "or[P]av",
        Phase::Acting => "orp[A]v",
        Phase::Validating => "orpa[V]",
        Phase::Starting => "start",
        Phase::Idle => "idle",
        Phase::Preparing => "prepare",
        Phase::Publishing => "publish",
        Phase::Draining => "drain",
        Phase::Stopped => "stopped",
    }
}

/// The glyph of an agent and what it means.
pub(crate) fn agent(of: &AgentStatus, look: &Look) -> (&'static str, Meaning) {
    use codegod_protocol::task::TaskState;
    if !of.is_alive(look.now_ms) {
        return look.glyphs.task(TaskState::Failed);
    }
    match of.phase {
        Phase::Idle | Phase::Stopped => look.glyphs.task(TaskState::Waiting),
        Phase::Starting | Phase::Draining => look.glyphs.task(TaskState::Ready),
        Phase::Preparing
        | Phase::Observing
        | Phase::Reasoning
        | Phase::Planning
        | Phase::Acting
        | Phase::Validating
        | Phase::Publishing => look.glyphs.task(TaskState::Running),
    }
}

/// What an agent does, or what it waits for.
pub(crate) fn doing(of: &AgentStatus, paused: bool, now_ms: u64) -> Cell {
    let dead = !of.is_alive(now_ms);
    match (waits_for(of, paused, now_ms), &of.current_task) {
        _ if dead => {
            let silent = crate::text::clock(of.heartbeat_ms, now_ms);
            Cell::new(Meaning::Bad, format!("not heard of for {silent}"))
        }
        (_, Some(task)) => {
            let title = of.title.as_deref().unwrap_or("");
            Cell::plain(format!("{task} {}", crate::sanitize::line(title)))
        }
        (Some(what), None) => Cell::faint(format!("waits for {}", crate::sanitize::line(&what))),
        (None, None) => Cell::faint(""),
    }
}

/// The processor and memory that an agent's container takes now.
pub(crate) fn container(of: &AgentStatus) -> (String, String) {
    of.container.as_ref().map_or_else(Default::default, |container| {
        (format!("{:.0}%", container.cpu_percent), bytes(container.memory_bytes))
    })
}

/// How long something goes on; nothing when nobody knows since when.
pub(crate) fn since(ms: u64, look: &Look) -> String {
    if ms == 0 { String::new() } else { crate::text::clock(ms, look.now_ms) }
}

/// The time of day on the wall.
pub(crate) fn time_of_day(ms: u64, look: &Look) -> String {
    crate::text::time_of_day(ms, look.utc_offset_seconds)
}

/// What needs a person, by name, before what is the matter with it.
pub(crate) fn about(target: &Target) -> String {
    match target {
        Target::Goal(goal) => format!("{goal} "),
        Target::Task(task) => format!("{task} "),
        Target::Agent(agent) => format!("{agent} "),
        Target::Redis | Target::Fleet | Target::Host(_) | Target::DeadLetters | Target::Quarantine => {
            String::new()
        }
    }
}

/// A number of bytes in at most five characters.
pub(crate) fn bytes(bytes: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    let mut amount = bytes as f64;
    for unit in ["B", "K", "M", "G"] {
        if amount < 1000.0 {
            return if amount < 10.0 && unit != "B" {
                format!("{amount:.1}{unit}")
            } else {
                format!("{amount:.0}{unit}")
            };
        }
        amount /= 1024.0;
    }
    format!("{amount:.1}T")
}

/// A duration in at most six characters: `42s`, `3m12`, `2h05`, `4d`.
pub(crate) fn short(seconds: f64) -> String {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "never negative, and small")]
    let whole = seconds.max(0.0).round() as u64;
    match whole {
        0..=59 => format!("{whole}s"),
        60..=3599 => format!("{}m{:02}", whole / 60, whole % 60),
        3600..=86_399 => format!("{}h{:02}", whole / 3600, whole % 3600 / 60),
        _ => format!("{}d", whole / 86_400),
    }
}

/// A host in one line.
fn host(host: &HostStatus, now_ms: u64) -> String {
    let mut words = vec![crate::sanitize::line(&host.host)];
    if !host.is_heard(now_ms) {
        words.push(format!("silent for {}", crate::text::clock(host.heartbeat_ms, now_ms)));
        return words.join("  ");
    }
    if let (Some(cpus), Some(load)) = (host.cpus, host.load) {
        words.push(format!("load {load:.1}/{cpus}"));
    }
    words.extend(host.memory.map(|room| format!("mem {}", used(room))));
    words.extend(host.disk.map(|room| format!("disk {} free", bytes(room.free))));
    match &host.docker {
        Some(docker) => words.push(format!("docker {} up", docker.running)),
        None => words.push("docker does not answer".to_owned()),
    }
    words.extend(host.gpus.iter().map(|gpu| {
        let busy = gpu.busy_percent.map_or_else(|| "?".to_owned(), |busy| format!("{busy:.0}%"));
        format!("{} {busy} {}", crate::sanitize::line(&gpu.name), gpu.memory.map(used).unwrap_or_default())
    }));
    words.join("  ")
}

/// A host's model server in one line.
fn model(host: &HostStatus) -> Option<String> {
    let model = host.model.as_ref()?;
    let mut words =
        vec![format!("model {}", crate::sanitize::line(model.name.as_deref().unwrap_or(&model.url)))];
    words.extend(model.running.map(|count| format!("{count} running")));
    words.extend(model.waiting.map(|count| format!("{count} waiting")));
    words.extend(model.tokens_per_second.map(|rate| format!("{rate:.0} tokens/s")));
    words.extend(model.cache_percent.map(|share| format!("cache {share:.0}%")));
    Some(words.join("  "))
}

/// So many hosts.
pub(crate) fn hosts_in_words(count: usize) -> String {
    if count == 1 { "1 host".to_owned() } else { format!("{count} hosts") }
}

/// Hosts and their model servers, line by line; what there is no room for is counted.
pub(crate) fn hosts(frame: &mut Frame<'_>, area: Rect, look: &Look, hosts: &[HostStatus]) {
    let mut rows = area.y..area.bottom();
    for (at, one) in hosts.iter().enumerate() {
        let left = hosts.len() - at;
        let Some(y) = rows.next() else { return };
        let is_last_row = rows.is_empty() && left > 1;
        let more = if is_last_row { format!("  +{}", hosts_in_words(left - 1)) } else { String::new() };
        let columns = usize::from(area.width).saturating_sub(width(&more));
        let meaning = if one.is_heard(look.now_ms) { Meaning::Plain } else { Meaning::Bad };
        let line = Line::from(vec![
            Span::styled(pad(&host(one, look.now_ms), columns), look.style(meaning)),
            Span::styled(more, look.style(Meaning::Faint)),
        ]);
        frame.render_widget(line, Rect { y, height: 1, ..area });
        if let Some(text) = model(one)
            && rows.len() >= left
            && let Some(y) = rows.next()
        {
            let text = fit(&format!("  {text}"), usize::from(area.width));
            frame
                .render_widget(Line::styled(text, look.style(Meaning::Faint)), Rect { y, height: 1, ..area });
        }
    }
}

/// What stands where rows would stand, when there are none.
pub(crate) fn nothing(frame: &mut Frame<'_>, area: Rect, look: &Look, why: &str) {
    let text = fit(why, usize::from(area.width));
    frame.render_widget(
        Line::styled(text, look.style(Meaning::Faint)),
        Rect { height: area.height.min(1), ..area },
    );
}

fn used(room: Room) -> String {
    format!("{}/{}", bytes(room.total.saturating_sub(room.free)), bytes(room.total))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_times_are_short() {
        let sizes = [0, 999, 1_500, 10_240, 1 << 30, 5 << 40].map(bytes);
        assert_eq!(sizes, ["0B", "999B", "1.5K", "10K", "1.0G", "5.0T"].map(str::to_owned));
        let times = [0.4, 59.4, 72.0, 3_900.0, 200_000.0].map(short);
        assert_eq!(times, ["0s", "59s", "1m12", "1h05", "2d"].map(str::to_owned));
    }
}
