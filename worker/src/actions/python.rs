//! Python: the environment's interpreter, its packages, and requirements files.

use std::collections::BTreeSet;
use std::time::Duration;

use codegod_protocol::environment::SetupStep;
use codegod_protocol::evidence::Evidence;
use serde_json::Value;

use super::{Outcome, run};
use crate::bench::Bench;
use crate::bench::files::{Overlay, Written, clean_path, quote};
use crate::error::Error;
use codegod_docker::CommandSpec;

/// Where the environment's Python is.
const VENV: &str = "/env/venv";
/// How deep requirements files may include one another.
const MAX_INCLUDES: usize = 50;

fn venv_step(python: &str) -> SetupStep {
    SetupStep {
        run: format!("{} -m venv {VENV}", quote(python)),
        workdir: String::new(),
        reads: vec![],
        root: false,
    }
}

pub(super) async fn create_venv(bench: &mut Bench<'_>, python: &str) -> Result<Outcome, Error> {
    let step = venv_step(python);
    let what = step.run.clone();
    let made = bench.install(step).await?;
    // Seen to work: the interpreter runs and is the environment's own.
    let check = format!(
        "{VENV}/bin/python -c 'import sys; print(sys.version); sys.exit(sys.prefix == sys.base_prefix)'"
    );
    let mut outcome = run::command(bench, &CommandSpec::new(check, Duration::from_secs(60))).await?;
    outcome.evidence = told(&what, &made, outcome.evidence);
    Ok(outcome)
}

pub(super) async fn install_dependency(
    bench: &mut Bench<'_>,
    requirements: &str,
    imports: &[String],
) -> Result<Outcome, Error> {
    let requirements = clean_path(requirements)?;
    let mut reads = vec![];
    if let Err(missing) = included_files(bench, &requirements, &mut reads).await? {
        return Ok(Outcome::said(format!("install {requirements}"), false, format!("there is no {missing}")));
    }
    let has_venv = bench.recipe().steps.iter().any(|step| step.run.contains(VENV));
    if !has_venv {
        bench.add_step(venv_step("python3"));
    }
    let run = format!("{VENV}/bin/pip install -r {}", quote(&requirements));
    let what = run.clone();
    let made = bench.install(SetupStep { run, workdir: String::new(), reads, root: false }).await?;
    // Seen to work: what was installed fits together, and imports.
    let statements: String = imports.iter().map(|module| format!("import {module}; ")).collect();
    let check = format!(
        "{VENV}/bin/pip check && {VENV}/bin/python -c {}",
        quote(&format!("{statements}print('imports work')"))
    );
    let mut outcome = run::command(bench, &CommandSpec::new(check, Duration::from_secs(120))).await?;
    outcome.evidence = told(&what, &made, outcome.evidence);
    Ok(outcome)
}

/// The evidence of an installation: what the steps printed when the environment was built (nothing
/// when it was found), then the check that it works.
fn told(what: &str, steps: &[Evidence], check: Evidence) -> Evidence {
    let mut output = String::new();
    if steps.is_empty() {
        output.push_str("[the environment was found, nothing had to be installed]\n");
    }
    for step in steps {
        output.push_str(&format!("$ {}\n{}\n", step.command, step.output.trim_end()));
    }
    output.push_str(&format!("$ {}\n{}", check.command, check.output));
    Evidence {
        command: what.to_owned(),
        output: codegod_protocol::evidence::cap_output(output.as_bytes()),
        ..check
    }
}

/// A requirements file and all that it includes (`-r`, `-c`), each once. Inner `Err`: the first that is
/// not there.
async fn included_files(
    bench: &mut Bench<'_>,
    first: &str,
    found: &mut Vec<String>,
) -> Result<Result<(), String>, Error> {
    let mut todo = vec![first.to_owned()];
    let mut seen = BTreeSet::new();
    while let Some(path) = todo.pop() {
        if !seen.insert(path.clone()) || seen.len() > MAX_INCLUDES {
            continue;
        }
        let Some(content) = bench.read(&path).await? else { return Ok(Err(path)) };
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
        for included in includes(&String::from_utf8_lossy(&content)) {
            todo.push(normalised(&folder, &included)?);
        }
        found.push(path);
    }
    found.sort();
    Ok(Ok(()))
}

/// The files that a requirements file includes, as written.
fn includes(text: &str) -> Vec<String> {
    let options = ["-r", "-c", "--requirement", "--constraint"];
    text.lines()
        .filter_map(|line| {
            let line = line.split(" #").next()?.trim();
            let option = options.into_iter().rev().find(|option| line.starts_with(option))?;
            let rest = line[option.len()..].trim_start_matches(['=', ' ', '\t']).trim();
            (!rest.is_empty() && !rest.contains("://")).then(|| rest.to_owned())
        })
        .collect()
}

/// A path relative to a folder of the workspace, with `..` resolved inside it.
fn normalised(folder: &str, path: &str) -> Result<String, Error> {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.pop().is_some() => {}
            ".." => {
                return Err(Error::Invalid(format!("requirements refer to {path:?}, outside the workspace")));
            }
            part => parts.push(part),
        }
    }
    clean_path(&parts.join("/"))
}

pub(super) async fn update_requirements(
    bench: &mut Bench<'_>,
    path: &str,
    add: &[String],
) -> Result<Outcome, Error> {
    let path = clean_path(path)?;
    let what = format!("add {} to {path}", add.join(", "));
    let known = bench.read(&path).await?.unwrap_or_default();
    let mut text = String::from_utf8_lossy(&known).into_owned();
    let names: BTreeSet<String> = text.lines().filter_map(requirement_name).collect();
    let mut added = Vec::new();
    for requirement in add {
        let Some(name) = requirement_name(requirement) else {
            return Ok(Outcome::said(what, false, format!("{requirement:?} is not a requirement")));
        };
        if names.contains(&name) {
            continue;
        }
        match pinned(bench, requirement).await? {
            Ok(line) => added.push(line),
            Err(evidence) => return Ok(Outcome::of(evidence)),
        }
    }
    if added.is_empty() {
        return Ok(Outcome::said(what, true, "everything was listed already; nothing was changed"));
    }
    let line_end = if text.contains("\r\n") { "\r\n" } else { "\n" };
    if !text.is_empty() && !text.ends_with('\n') {
        text.push_str(line_end);
    }
    for line in &added {
        text.push_str(line);
        text.push_str(line_end);
    }
    let written = Written { content: text.into_bytes(), executable: false };
    let same = bench.write(Overlay::from([(path.clone(), written)])).await?.iter().all(|(_, same)| *same);
    Ok(Outcome::said(what, same, format!("added {}", added.join(", "))))
}

/// A requirement with its version: a bare name is pinned to the newest release that resolves here.
async fn pinned(bench: &mut Bench<'_>, requirement: &str) -> Result<Result<String, Evidence>, Error> {
    if requirement.contains(['=', '<', '>', '~', '!', '@', ';']) {
        return Ok(Ok(requirement.to_owned()));
    }
    let run = format!(
        "python3 -m pip install --dry-run --quiet --no-deps --ignore-installed --break-system-packages --report - {}",
        quote(requirement)
    );
    let spec = CommandSpec::new(&run, Duration::from_secs(180));
    let raw = bench.run_raw(&spec, 8 << 20).await?;
    let version = serde_json::from_slice::<Value>(&raw.stdout)
        .ok()
        .and_then(|report| report.pointer("/install/0/metadata/version")?.as_str().map(str::to_owned));
    Ok(match version {
        Some(version) if raw.exit_code == 0 => Ok(format!("{requirement}=={version}")),
        _ => Err(Evidence {
            command: run,
            exit_code: raw.exit_code.max(1),
            output: codegod_protocol::evidence::cap_output(&raw.stderr),
            seconds: 0.0,
            environment: bench.image().map(str::to_owned),
        }),
    })
}

/// The normalised name (PEP 503) that a line of a requirements file asks for, if it asks for one.
fn requirement_name(line: &str) -> Option<String> {
    let line = line.trim();
    let end = line
        .find(|letter: char| !(letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | '_')))
        .unwrap_or(line.len());
    let name = &line[..end];
    if name.is_empty() || name.starts_with('-') {
        return None;
    }
    let mut normal = String::new();
    for letter in name.chars() {
        let letter = if matches!(letter, '.' | '_') { '-' } else { letter.to_ascii_lowercase() };
        if !(letter == '-' && normal.ends_with('-')) {
            normal.push(letter);
        }
    }
    Some(normal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requirement_names_are_compared_as_pip_does() {
        assert_eq!(requirement_name("Flask_SQLAlchemy>=3 # orm"), Some("flask-sqlalchemy".into()));
        assert_eq!(requirement_name("zope.interface[test]==1"), Some("zope-interface".into()));
        for line in ["# flask", "-r other.txt", "", "--hash=x"] {
            assert_eq!(requirement_name(line), None, "{line:?}");
        }
    }

    #[test]
    fn includes_are_followed_relative_to_their_file() {
        assert_eq!(
            includes("-r base.txt\n--constraint=../c.txt\nflask\n-r https://x/y\n"),
            ["base.txt", "../c.txt"]
        );
        assert_eq!(normalised("backend/requirements", "../c.txt").unwrap(), "backend/c.txt");
        assert!(normalised("backend", "../../x").is_err());
    }
}
