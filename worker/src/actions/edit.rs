//! Changing files: writing, patching, settings files, and joining both sides of a conflict.

use std::collections::BTreeMap;
use std::time::Duration;

use codegod_protocol::action::MergeStrategy;
use codegod_source::Merge;
use rand::Rng;
use sha2::{Digest, Sha256};

use super::{Outcome, run};
use crate::bench::Bench;
use crate::bench::files::{Overlay, Written};
use crate::error::Error;
use codegod_docker::CommandSpec;

/// How many random bytes a generated secret has.
const SECRET_BYTES: usize = 32;

pub(super) async fn write_file(
    bench: &mut Bench<'_>,
    path: &str,
    content: &str,
    executable: bool,
) -> Result<Outcome, Error> {
    let written = Written { content: content.as_bytes().to_vec(), executable };
    let read_back = bench.write(Overlay::from([(path.to_owned(), written)])).await?;
    let same = read_back.iter().all(|(_, same)| *same);
    let sum: String = Sha256::digest(content).iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    let said = if same {
        format!("{} bytes, sha256 {sum}…, read back the same", content.len())
    } else {
        "what was read back differs from what was written".to_owned()
    };
    Ok(Outcome::said(format!("write {path}"), same, said))
}

/// Applies a unified diff; `git apply` changes nothing when any part does not fit.
pub(super) async fn apply_patch(bench: &mut Bench<'_>, patch: &str) -> Result<Outcome, Error> {
    bench.upload_aside("codegod.patch", patch.as_bytes()).await?;
    let spec = CommandSpec::new("git apply --verbose /tmp/codegod.patch", Duration::from_secs(60));
    run::command(bench, &spec).await
}

/// Makes a settings file from an example: every `NAME=value` line of it, with the given values.
pub(super) async fn setup_env(
    bench: &mut Bench<'_>,
    example: &str,
    path: &str,
    values: &BTreeMap<String, String>,
) -> Result<Outcome, Error> {
    let what = format!("make {path} from {example}");
    let Some(text) = bench.read(example).await? else {
        return Ok(Outcome::said(what, false, format!("there is no {example}")));
    };
    let filled = fill_settings(&String::from_utf8_lossy(&text), values, random_secret);
    bench.write_private(path, filled.as_bytes()).await?;
    let names: Vec<&str> =
        filled.lines().filter_map(|line| line.split_once('=').map(|(name, _)| name)).collect();
    // Names only: a settings file holds secrets, and evidence is public.
    Ok(Outcome::said(what, true, format!("sets {}", names.join(", "))))
}

fn fill_settings(
    example: &str,
    values: &BTreeMap<String, String>,
    mut secret: impl FnMut() -> String,
) -> String {
    let mut value_of = |value: &str| if value == "generate" { secret() } else { value.to_owned() };
    let mut left = values.clone();
    let mut filled = String::new();
    for line in example.lines() {
        let name = line.split_once('=').map(|(name, _)| name.trim()).filter(|name| !name.starts_with('#'));
        match name.and_then(|name| left.remove_entry(name)) {
            Some((name, value)) => filled.push_str(&format!("{name}={}\n", value_of(&value))),
            None => filled.push_str(&format!("{line}\n")),
        }
    }
    for (name, value) in left {
        filled.push_str(&format!("{name}={}\n", value_of(&value)));
    }
    filled
}

fn random_secret() -> String {
    let bytes: [u8; SECRET_BYTES] = rand::rng().random();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Joins the commits that the task starts from where git could not: the lines of both sides are kept.
pub(super) async fn resolve_conflict(
    bench: &mut Bench<'_>,
    strategy: MergeStrategy,
) -> Result<Outcome, Error> {
    let MergeStrategy::Union = strategy;
    let mut commits = bench.context.inputs.clone();
    let mut joined_files = Vec::new();
    // Each round joins two of the commits for good, so there are fewer rounds than commits.
    for _ in 0..=commits.len() {
        let inputs: Vec<&str> = commits.iter().map(String::as_str).collect();
        match bench.context.repository.merge(&inputs).await? {
            Merge::Clean(commit) => {
                bench.rebase(commit.clone())?;
                let said = match joined_files.as_slice() {
                    [] => "git joins them without a conflict".to_owned(),
                    files => format!("the lines of both sides are kept in {}", files.join(", ")),
                };
                return Ok(Outcome::said("join both sides", true, format!("{said}; commit {commit}")));
            }
            Merge::Conflict { ours, theirs, files } => {
                match bench.context.repository.union(&ours, &theirs).await {
                    Ok(union) => {
                        joined_files.extend(union.files);
                        commits.insert(0, union.commit);
                    }
                    Err(codegod_source::Error::NotMergeable { files }) => {
                        let said = format!(
                            "{} can't be joined line by line: binary, deleted on one side, or of another kind",
                            files.join(", ")
                        );
                        return Ok(Outcome::said("join both sides", false, said));
                    }
                    Err(error) => return Err(error.into()),
                }
                bench.context.journal.say(&format!("kept both sides of {}", files.join(", ")));
            }
        }
    }
    Ok(Outcome::said("join both sides", false, "the commits still conflict after all were joined"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_take_the_examples_lines_and_the_given_values() {
        let values = BTreeMap::from([
            ("SECRET".into(), "generate".into()),
            ("PORT".into(), "9".into()),
            ("NEW".into(), "x".into()),
        ]);
        let filled =
            fill_settings("# PORT=1 is the default\nPORT=1\nSECRET=\nKEPT=a=b\n", &values, || "s".into());
        assert_eq!(filled, "# PORT=1 is the default\nPORT=9\nSECRET=s\nKEPT=a=b\nNEW=x\n");
    }
}
