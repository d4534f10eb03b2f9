//! `gc`: clears up in Redis, and in Docker on this host; says what went, what stays and why, and what all of
//! it takes. Masters and agents do the same by themselves, every few minutes.

use codegod_docker::budget::{self, Budget, Kept, Request};
use codegod_docker::host::Size;
use codegod_docker::{Engine, Settings};
use codegod_protocol::client::{Client, Collected, Depth, Gauge, Group, Mode, Retention};
use serde_json::{Value, json};

use super::{Place, counted};
use crate::error::{EXIT_FAILED, EXIT_UNAVAILABLE, Error};
use crate::output::{Line, Meaning, Out};
use crate::text::{duration, table};

/// How many of each list are shown; JSON has all.
const SHOWN: usize = 10;

/// What one side of clearing up says: lines, JSON, what did not work, and the exit code.
#[derive(Default)]
struct Told {
    lines: Vec<Line>,
    json: Value,
    failures: Vec<String>,
    code: u8,
}

/// Clears up, or only says what would go. Returns 69 when Docker does not answer, 1 when something could
/// not be removed.
pub(super) async fn gc(at: &Place, mode: Mode, out: &Out) -> Result<u8, Error> {
    let redis = in_redis(&at.client().await?, mode, out.columns()).await?;
    say(&redis, out);
    let docker = in_docker(mode, out.columns()).await.unwrap_or_else(|error| Told {
        json: json!({ "error": error.to_string() }),
        failures: vec![format!("Docker was left as it is: {error}")],
        code: EXIT_UNAVAILABLE,
        ..Told::default()
    });
    if !docker.lines.is_empty() {
        out.data(&[Line::new(Meaning::Plain, "")]);
    }
    say(&docker, out);
    out.json(&json!({ "dry_run": mode == Mode::DryRun, "redis": redis.json, "docker": docker.json }));
    Ok(redis.code.max(docker.code))
}

fn say(told: &Told, out: &Out) {
    out.data(&told.lines);
    for failure in &told.failures {
        out.say(&Line::new(Meaning::Bad, failure));
    }
}

/// The code of a side on which some things did not work.
fn code(failures: &[String]) -> u8 {
    if failures.is_empty() { 0 } else { EXIT_FAILED }
}

fn verb(mode: Mode) -> &'static str {
    match mode {
        Mode::Remove => "removed",
        Mode::DryRun => "would remove",
    }
}

async fn in_redis(client: &Client, mode: Mode, columns: usize) -> Result<Told, Error> {
    let retention = Retention::from_env()?;
    let collected = client.collect(mode, Depth::Everything, &retention).await?;
    let gauge = client.gauge().await?;
    let failures = collected.problems.iter().map(|problem| format!("left as it is: {problem}"));
    let failures: Vec<String> = failures.collect();
    Ok(Told {
        lines: [redis_lines(&collected, &gauge, &retention, mode), families(&gauge, columns)].concat(),
        json: json!({ "collected": collected, "freed_bytes": collected.bytes, "holds": gauge }),
        code: code(&failures),
        failures,
    })
}

fn redis_lines(collected: &Collected, gauge: &Gauge, retention: &Retention, mode: Mode) -> Vec<Line> {
    let went = [
        (collected.goals, "ended goal"),
        (collected.bundles, "bundle"),
        (collected.entries, "old entry"),
        (collected.keys, "stray key"),
        (collected.gone, "departed worker"),
    ];
    let went: Vec<String> =
        went.iter().filter(|(count, _)| *count > 0).map(|(count, what)| counted(*count, what)).collect();
    let went = if went.is_empty() { "nothing".to_owned() } else { went.join(", ") };
    let text = format!("Redis: {} {went}; {} of goals and bundles", verb(mode), Size(collected.bytes));
    let mut lines = vec![Line::new(Meaning::Strong, text)];
    if collected.aside > 0 {
        let text = format!("  put aside: {} (codegod quarantine)", counted(collected.aside, "entry"));
        lines.push(Line::new(Meaning::Attention, text));
    }
    let days = retention.age.as_secs() / 86_400;
    let text = format!(
        "  what stays: {} ended goals and {} events, for {}; of older goals a summary",
        retention.goals,
        retention.events,
        counted(days, "day")
    );
    lines.push(Line::new(Meaning::Faint, text));
    lines.extend(collected.held.iter().map(|held| Line::new(Meaning::Attention, format!("  held: {held}"))));
    lines.extend(gauge.groups.iter().filter_map(group_line));
    lines.push(Line::new(Meaning::Plain, ""));
    lines
}

/// A group that keeps its stream from being trimmed because it is behind.
fn group_line(group: &Group) -> Option<Line> {
    let behind = group.pending + group.unread.unwrap_or(0);
    if behind == 0 {
        return None;
    }
    #[expect(clippy::cast_precision_loss, reason = "idle times stay far below 2^52 ms")]
    let idle = group.idle_ms.map_or_else(
        || ", and has no reader".to_owned(),
        |ms| format!(", last heard of {} ago", duration(ms as f64 / 1000.0)),
    );
    let text = format!("  {}: {behind} entries wait for the group {}{idle}", group.stream, group.name);
    Some(Line::new(Meaning::Faint, text))
}

fn families(gauge: &Gauge, columns: usize) -> Vec<Line> {
    let rows: Vec<Vec<String>> = gauge
        .families
        .iter()
        .map(|of| {
            vec![of.name.clone(), of.keys.to_string(), of.entries.to_string(), Size(of.bytes).to_string()]
        })
        .collect();
    let mut lines = headed(&["IN REDIS", "KEYS", "ENTRIES", "SIZE"], &rows, columns);
    let limit = gauge.max_bytes.map_or_else(|| "no limit".to_owned(), |bytes| Size(bytes).to_string());
    lines.push(Line::new(
        Meaning::Faint,
        format!("the whole server takes {} ({limit})", Size(gauge.used_bytes)),
    ));
    if !gauge.complete {
        lines.push(Line::new(Meaning::Attention, "there was not enough time to look at every key"));
    }
    lines
}

async fn in_docker(mode: Mode, columns: usize) -> Result<Told, codegod_docker::Error> {
    let settings = Settings::from_env().map_err(|error| codegod_docker::Error::Invalid(error.to_string()))?;
    let engine = Engine::connect(settings).await?;
    let docker_mode = match mode {
        Mode::Remove => budget::Mode::Remove,
        Mode::DryRun => budget::Mode::DryRun,
    };
    let request = Request::within(Budget::of(&engine).await?, docker_mode);
    let collected = budget::collect(&engine, &request).await?;
    let holds = budget::holdings(&engine).await?;
    let failures: Vec<String> =
        collected.failures.iter().map(|failure| format!("not removed: {failure}")).collect();
    Ok(Told {
        lines: [docker_lines(&collected, mode), held(&holds, columns)].concat(),
        json: json!({ "collected": collected, "freed_bytes": collected.freed_bytes(), "holds": holds }),
        code: code(&failures),
        failures,
    })
}

fn docker_lines(collected: &budget::Collected, mode: Mode) -> Vec<Line> {
    let (images, caches) = (&collected.images, &collected.caches);
    let text = format!(
        "Docker: {} {} and old files of {}; {}",
        verb(mode),
        counted(images.len() as u64, "image"),
        counted(caches.len() as u64, "cache"),
        Size(collected.freed_bytes())
    );
    let mut lines = vec![Line::new(Meaning::Strong, text)];
    let size = |bytes: u64| format!("{:>9}", Size(bytes).to_string());
    let went =
        images.iter().chain(caches).map(|removed| format!("  {}  {}", size(removed.bytes), removed.name));
    lines.extend(shown(went.collect(), Meaning::Plain));
    let mut largest: Vec<&Kept> = collected.kept.iter().collect();
    largest.sort_by_key(|kept| std::cmp::Reverse(kept.bytes));
    let stays =
        largest.iter().map(|kept| format!("  {}  {} stays: {}", size(kept.bytes), kept.name, kept.why));
    lines.extend(shown(stays.collect(), Meaning::Faint));
    lines.push(Line::new(Meaning::Plain, ""));
    lines
}

fn held(holds: &[budget::Family], columns: usize) -> Vec<Line> {
    let row = |family: &budget::Family| {
        let budget = family.budget.map_or_else(|| "-".to_owned(), |bytes| Size(bytes).to_string());
        vec![family.name.to_owned(), family.count.to_string(), Size(family.bytes).to_string(), budget]
    };
    let rows: Vec<Vec<String>> = holds.iter().map(row).collect();
    headed(&["ON THIS HOST", "COUNT", "SIZE", "BUDGET"], &rows, columns)
}

/// The first few, and how many more there are.
fn shown(mut all: Vec<String>, meaning: Meaning) -> Vec<Line> {
    let more = all.len().saturating_sub(SHOWN);
    all.truncate(SHOWN);
    let more = (more > 0).then(|| format!("  and {more} more (--json has all)"));
    all.into_iter().chain(more).map(|text| Line::new(meaning, text)).collect()
}

fn headed(head: &[&str], rows: &[Vec<String>], columns: usize) -> Vec<Line> {
    let look = |i: usize| if i == 0 { Meaning::Strong } else { Meaning::Plain };
    let table = table(head, rows, 0, columns);
    table.into_iter().enumerate().map(|(i, text)| Line::new(look(i), text)).collect()
}

#[cfg(test)]
mod tests {
    use codegod_docker::budget::Removed;
    use codegod_protocol::client::Family;

    use super::*;

    fn text(lines: &[Line]) -> String {
        lines.iter().map(|line| line.text.as_str()).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn what_went_from_redis_what_stays_and_what_is_held_is_told() {
        let collected = Collected {
            goals: 3,
            bundles: 1,
            bytes: 5 << 20,
            entries: 1_200,
            aside: 2,
            held: vec!["events: 300000 entries, for the group audit".to_owned()],
            ..Collected::default()
        };
        let group = Group {
            stream: "events".to_owned(),
            name: "audit".to_owned(),
            pending: 4,
            unread: Some(299_996),
            idle_ms: Some(7_200_000),
        };
        let family =
            |name: &str, keys, entries, bytes| Family { name: name.to_owned(), keys, entries, bytes };
        let gauge = Gauge {
            families: vec![family("blobs:*", 12, 80, 9 << 20), family("events", 1, 300_000, 4 << 20)],
            groups: vec![group.clone(), Group { pending: 0, unread: Some(0), ..group }],
            used_bytes: 20 << 20,
            max_bytes: Some(1 << 30),
            complete: false,
        };
        insta::assert_snapshot!(
            "redis",
            text(
                &[
                    redis_lines(&collected, &gauge, &Retention::default(), Mode::Remove),
                    families(&gauge, 100)
                ]
                .concat()
            )
        );
        let nothing =
            redis_lines(&Collected::default(), &Gauge::default(), &Retention::default(), Mode::DryRun);
        assert_eq!(nothing[0].text, "Redis: would remove nothing; 0 bytes of goals and bundles");
    }

    #[test]
    fn what_went_from_docker_what_stays_and_why_is_told() {
        let kept = |number: u64| Kept {
            name: format!("codegod-env:{number}"),
            bytes: number << 20,
            why: "a container was made from it".to_owned(),
        };
        let collected = budget::Collected {
            images: vec![Removed { name: "codegod-env:old".to_owned(), bytes: 300 << 20 }],
            caches: vec![Removed { name: "codegod-cache-npm".to_owned(), bytes: 40 << 20 }],
            kept: (1..=12).map(kept).collect(),
            ..budget::Collected::default()
        };
        let holds = [
            budget::Family { name: "environments", count: 12, bytes: 78 << 20, budget: Some(20 << 30) },
            budget::Family { name: "containers", count: 1, bytes: 900, budget: None },
        ];
        insta::assert_snapshot!(
            "docker",
            text(&[docker_lines(&collected, Mode::DryRun), held(&holds, 100)].concat())
        );
    }
}
