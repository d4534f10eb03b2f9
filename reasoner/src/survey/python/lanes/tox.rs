//! Environments of tox: `tox.ini`, `setup.cfg`, `tox.toml` and the tables of `pyproject.toml`.

use std::collections::BTreeMap;

use toml::{Table, Value};

use super::super::manifest::Manifest;
use super::super::needs::Needs;
use super::{Recipe, factors};
use crate::survey::ini::Ini;

/// The environments that may run tests, the base first.
pub(super) fn recipes(manifest: &Manifest<'_>) -> Vec<Recipe> {
    let mut recipes = Vec::new();
    for (from, ini) in &manifest.tox {
        recipes.extend(of_ini(from, ini, &manifest.folder));
    }
    for (from, table) in &manifest.tox_tables {
        recipes.extend(of_table(from, table, &manifest.folder));
    }
    recipes
}

fn of_ini(from: &str, ini: &Ini, folder: &str) -> Vec<Recipe> {
    let mut names: Vec<&str> =
        ini.sections().map(|(name, _)| name).filter(|name| name.starts_with("testenv")).collect();
    names.sort_unstable();
    names.into_iter().map(|name| environment(from, ini, name, folder)).collect()
}

fn environment(from: &str, ini: &Ini, section: &str, folder: &str) -> Recipe {
    let base = "testenv";
    let raw = |key: &str| ini.get(section, key).or_else(|| ini.get(base, key)).unwrap_or_default();
    let value = |keys: &[&str]| {
        let text = keys.iter().map(|key| raw(key)).find(|text| !text.is_empty()).unwrap_or_default();
        substituted(text, ini, section, 4)
    };
    let mut needs = Needs { project: true, ..Needs::default() };
    let environments = factors::environments(ini, section);
    let meant = |factors: Option<&str>| factors.is_none_or(|factors| factors::holds(factors, &environments));
    // Of a matrix one environment is made, the last that is named: the newest, as a rule.
    let one = environments.last().map_or(&[][..], std::slice::from_ref);
    for (factors, line) in factored(&value(&["deps"])).into_iter().filter(|(factors, _)| meant(*factors)) {
        let in_matrix = factors.is_some_and(|factors| one.is_empty() || !factors::holds(factors, one));
        let words: Vec<&str> = line.split_whitespace().collect();
        let more = Needs::of_pip(&if line.starts_with('-') { words } else { vec![line] });
        // What other environments pin, or read from files of theirs, contradicts this one's.
        if in_matrix {
            let files = if one.is_empty() { more.files } else { Vec::new() };
            needs.join(Needs { lines: unpinned(more.lines), files, ..more });
        } else {
            needs.join(more);
        }
    }
    let names = |keys: &[&str]| {
        let lines = value(keys);
        let lines = factored(&lines);
        // Many names of which factors choose one are a matrix: what the project says by itself holds.
        let matrix = lines.iter().filter(|(factors, _)| factors.is_some()).count() > 1;
        let lines = lines.into_iter().filter(|(factors, _)| factors.is_none() || !matrix);
        let all = lines.flat_map(|(_, line)| line.split([',', ' ']).collect::<Vec<_>>());
        all.map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect::<Vec<_>>()
    };
    needs.extras.extend(names(&["extras"]));
    needs.groups.extend(names(&["dependency_groups"]));
    let commands = value(&["commands"]);
    let commands = factored(&commands);
    let lines = |chosen: &dyn Fn(Option<&str>) -> bool| {
        let lines = commands.iter().filter(|(factors, _)| chosen(*factors));
        lines.map(|(_, line)| *line).collect::<Vec<&str>>()
    };
    let (plain, suited) = (lines(&|factors| factors.is_none()), lines(&meant));
    let all = if suited.is_empty() { lines(&|_| true) } else { suited };
    let before = value(&["commands_pre"]);
    let changed = value(&["changedir", "change_dir"]);
    let enter = if changed.is_empty() || changed.contains(['{', '\n']) {
        String::new()
    } else {
        format!("cd {changed}\n")
    };
    let script = |lines: &[&str]| format!("{enter}{}", lines.join("\n"));
    let steps = vec![
        (folder.to_owned(), script(&factored(&before).iter().map(|(_, line)| *line).collect::<Vec<_>>())),
        (
            folder.to_owned(),
            script(if plain.iter().any(|line| line.contains("test")) { &plain } else { &all }),
        ),
    ];
    let env = value(&["setenv", "set_env"]);
    let env = factored(&env).into_iter().filter(|(factors, _)| factors.is_none());
    let env = env
        .filter_map(|(_, line)| line.split_once('='))
        .map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()));
    let name = section.rsplit_once(':').filter(|_| section != base).map_or("tox", |(_, name)| name);
    Recipe {
        from: from.to_owned(),
        name: name.to_owned(),
        env: env.collect(),
        needs,
        services: Vec::new(),
        steps,
    }
}

fn unpinned(lines: Vec<String>) -> Vec<String> {
    lines.into_iter().filter(|line| !line.contains(['=', '<', '>', '~'])).collect()
}

/// The lines of a value, each with the factors that condition it.
fn factored(text: &str) -> Vec<(Option<&str>, &str)> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines
        .map(|line| match line.split_once(": ").or_else(|| line.split_once(":-")) {
            Some((factors, _)) if is_factors(factors) => (Some(factors), line[factors.len() + 1..].trim()),
            _ => (None, line.trim_start_matches("- ")),
        })
        .collect()
}

fn is_factors(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|char| char.is_ascii_alphanumeric() || "-_,{}!.".contains(char))
}

/// A value with tox's own braces resolved as far as they can be.
fn substituted(text: &str, ini: &Ini, section: &str, depth: usize) -> String {
    let (mut plain, mut rest) = (String::with_capacity(text.len()), text);
    while let Some((before, after)) = rest.split_once('{') {
        plain.push_str(before);
        let Some((inside, behind)) = matched(after) else {
            plain.push('{');
            rest = after;
            continue;
        };
        plain.push_str(&resolved(inside, ini, section, depth));
        rest = behind;
    }
    plain.push_str(rest);
    plain
}

/// What stands before the brace that closes, and what comes behind it.
fn matched(text: &str) -> Option<(&str, &str)> {
    let mut open = 1_usize;
    for (at, char) in text.char_indices() {
        match char {
            '{' => open += 1,
            '}' => open -= 1,
            '\n' if open > 0 => return None,
            _ => {}
        }
        if open == 0 {
            return Some((&text[..at], &text[at + 1..]));
        }
    }
    None
}

fn resolved(inside: &str, ini: &Ini, section: &str, depth: usize) -> String {
    if depth == 0 {
        return String::new();
    }
    if let Some((other, key)) = inside.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        let text = ini.get(other, key.trim()).unwrap_or_default();
        return substituted(text, ini, other, depth - 1);
    }
    let (kind, rest) = inside.split_once(':').unwrap_or((inside, ""));
    match kind {
        "posargs" => substituted(rest, ini, section, depth - 1),
        "env" => {
            substituted(rest.split_once(':').map_or("", |(_, default)| default), ini, section, depth - 1)
        }
        "toxinidir" | "tox_root" => format!(".{rest}"),
        "envpython" => "python".to_owned(),
        "/" => "/".to_owned(),
        // Factors stay what they are: `py{310,311}: pytest`.
        _ => format!("{{{inside}}}"),
    }
}

fn of_table(from: &str, table: &Table, folder: &str) -> Vec<Recipe> {
    let base = table.get("env_run_base").and_then(Value::as_table).cloned().unwrap_or_default();
    let named = table.get("env").and_then(Value::as_table).into_iter().flatten();
    let named = named.filter_map(|(name, value)| Some((name.clone(), value.as_table()?.clone())));
    std::iter::once(("tox".to_owned(), Table::new()))
        .chain(named)
        .map(|(name, own)| {
            let get = |key: &str| own.get(key).or_else(|| base.get(key));
            let words = |key: &str| get(key).map(strings).unwrap_or_default();
            let mut needs = Needs { project: true, ..Needs::default() };
            for line in words("deps") {
                let parts: Vec<&str> = line.split_whitespace().collect();
                needs.join(Needs::of_pip(&if line.starts_with('-') { parts } else { vec![line.as_str()] }));
            }
            needs.extras.extend(words("extras"));
            needs.groups.extend(words("dependency_groups"));
            let steps = [get("commands_pre"), get("commands")].map(|commands| {
                let lines = commands.and_then(Value::as_array).into_iter().flatten();
                (
                    folder.to_owned(),
                    lines.map(|line| shell_line(&strings(line))).collect::<Vec<_>>().join("\n"),
                )
            });
            let env = get("set_env").and_then(Value::as_table).into_iter().flatten();
            let env: BTreeMap<_, _> = env
                .filter_map(|(name, value)| {
                    Some((name.clone(), value.as_str()?.replace("{tox_root}", ".").replace("{/}", "/")))
                })
                .collect();
            Recipe { from: from.to_owned(), name, env, needs, services: Vec::new(), steps: steps.to_vec() }
        })
        .collect()
}

/// The strings of a value; a replacement stands for its default.
fn strings(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => {
            text.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect()
        }
        Value::Array(values) => values.iter().flat_map(strings).collect(),
        Value::Table(table) => table.get("default").map(strings).unwrap_or_default(),
        _ => Vec::new(),
    }
}

fn shell_line(words: &[String]) -> String {
    let quoted = words.iter().map(|word| {
        let word = word.replace("{tox_root}", ".").replace("{/}", "/");
        if word.chars().any(|char| " '\"#;&|()".contains(char)) {
            format!("'{}'", word.replace('\'', ""))
        } else {
            word
        }
    });
    quoted.collect::<Vec<_>>().join(" ")
}
