//! Looking: files, searches, syntax, and the causes that a failing command's output names.

use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::time::Duration;

use regex::Regex;

use super::{Outcome, run};
use crate::bench::Bench;
use crate::bench::files::{clean_path, quote};
use crate::error::Error;
use codegod_docker::CommandSpec;

/// Parses every source file below a path; runs in the sandbox, where the project's own interpreters are.
const CHECK_SYNTAX: &str = include_str!("check_syntax.py");
/// How long a look may take.
const LOOK: Duration = Duration::from_secs(60);

pub(super) async fn read_file(bench: &mut Bench<'_>, path: &str) -> Result<Outcome, Error> {
    let what = format!("read {path}");
    Ok(match bench.read(path).await? {
        Some(content) => Outcome::said(what, true, String::from_utf8_lossy(&content)),
        None => Outcome::said(what, false, "there is no such file"),
    })
}

pub(super) async fn check_file_exists(bench: &mut Bench<'_>, path: &str) -> Result<Outcome, Error> {
    let path = clean_path(path)?;
    run::command(bench, &CommandSpec::new(format!("ls -ld {}", quote(&path)), LOOK)).await
}

pub(super) async fn search(bench: &mut Bench<'_>, pattern: &str, path: &str) -> Result<Outcome, Error> {
    let path = clean_path(path)?;
    let place = if path.is_empty() { "." } else { &path };
    let run = format!(
        "grep -rnIE --exclude-dir=node_modules --exclude-dir=.venv --exclude-dir=.git -e {} {}",
        quote(pattern),
        quote(place)
    );
    run::command(bench, &CommandSpec::new(run, LOOK)).await
}

pub(super) async fn check_syntax(bench: &mut Bench<'_>, path: &str) -> Result<Outcome, Error> {
    let path = clean_path(path)?;
    let place = if path.is_empty() { "." } else { &path };
    bench.upload_aside("codegod-check-syntax.py", CHECK_SYNTAX.as_bytes()).await?;
    let run = format!("python3 /tmp/codegod-check-syntax.py {}", quote(place));
    let mut outcome = run::command(bench, &CommandSpec::new(run, Duration::from_secs(180))).await?;
    outcome.evidence.command = format!("check the syntax of every source file in {place}");
    Ok(outcome)
}

/// Runs a failing command again and says what its output names as causes.
pub(super) async fn debug_error(
    bench: &mut Bench<'_>,
    command: &str,
    workdir: &str,
) -> Result<Outcome, Error> {
    let mut outcome = run::command(bench, &run::spec(command, workdir, &BTreeMap::new(), 600)).await?;
    let code = outcome.evidence.exit_code;
    let causes = causes(&outcome.evidence.output);
    let mut said = format!("exit code {code}\n");
    for cause in &causes {
        said.push_str(&format!("cause: {cause}\n"));
    }
    if causes.is_empty() && code != 0 {
        said.push_str("the output names no cause that is known here\n");
    }
    outcome.evidence.output = format!("{said}{}", outcome.evidence.output);
    // The look succeeded when the command could be run; what it gave is the finding.
    outcome.evidence.exit_code = 0;
    Ok(outcome)
}

/// How failures name their cause: the pattern, and the sentence that its groups fill.
static CAUSES: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    let known = [
        (
            r"(?m)^\s*(?:E\s+)?ModuleNotFoundError: No module named '([^']+)'",
            "the Python module $1 is not installed",
        ),
        (r"(?m)^\s*(?:E\s+)?ImportError: cannot import name '([^']+)' from '([^']+)'", "$2 has no $1"),
        (r#"(?m)^\s*File "([^"]+)", line (\d+)\n(?:.*\n){1,3}?\s*SyntaxError: (.+)$"#, "$1 line $2: $3"),
        (r"(?m)^\s*(?:E\s+)?(\w+(?:\.\w+)*(?:Error|Exception)): (.+)$", "$1: $2"),
        (r"(?m)(?:Cannot find module|Cannot find package) '([^']+)'", "the Node module $1 is not there"),
        (r"(?m)Could not resolve \W?([^\s'`]+)\W? from \W?([^\s'`]+)", "$2 refers to $1, which is not there"),
        (r#"(?m)npm (?:ERR!|error) Missing script: "([^"]+)""#, "package.json has no script $1"),
        (
            r"(?m)^(?:sh|bash|/bin/sh): (?:\d+: |line \d+: )?([^:\s]+): (?:command )?not found",
            "the program $1 is not installed",
        ),
    ];
    known.into_iter().filter_map(|(pattern, text)| Some((Regex::new(pattern).ok()?, text))).collect()
});

/// The causes that an output names, each once, at most ten.
fn causes(output: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for (pattern, text) in CAUSES.iter() {
        for captures in pattern.captures_iter(output) {
            let mut cause = String::new();
            captures.expand(text, &mut cause);
            if found.len() < 10 && !found.contains(&cause) {
                found.push(cause);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_pattern_compiles() {
        assert_eq!(CAUSES.len(), 8);
    }

    #[test]
    fn outputs_name_their_causes() {
        assert_eq!(
            causes("Traceback\nModuleNotFoundError: No module named 'flask'\n")[0],
            "the Python module flask is not installed"
        );
        assert_eq!(causes("sh: 1: vite: not found"), ["the program vite is not installed"]);
        assert_eq!(causes("npm error Missing script: \"test\""), ["package.json has no script test"]);
        assert_eq!(causes("all is well"), Vec::<String>::new());
    }
}
