//! Node: a package.json's packages, scripts, values, and the production build.

mod manifest;
mod versions;

use std::collections::BTreeMap;
use std::time::Duration;

use codegod_protocol::environment::SetupStep;
use serde_json::{Map, Value};

use super::{Outcome, run};
use crate::bench::Bench;
use crate::bench::files::{Overlay, Written, clean_path, join, quote};
use crate::error::Error;
use codegod_docker::CommandSpec;

/// Quiet and repeatable: no advertising, no advice, no network beyond the packages.
const NPM_FLAGS: &str = "--no-audit --no-fund --no-update-notifier";

pub(super) async fn npm_install(bench: &mut Bench<'_>, workdir: &str) -> Result<Outcome, Error> {
    let workdir = clean_path(workdir)?;
    let manifest = join(&workdir, "package.json");
    let lock = join(&workdir, "package-lock.json");
    if bench.read(&manifest).await?.is_none() {
        return Ok(Outcome::said(format!("install {manifest}"), false, format!("there is no {manifest}")));
    }
    let mut reads = vec![manifest];
    let npmrc = join(&workdir, ".npmrc");
    if bench.read(&npmrc).await?.is_some() {
        reads.push(npmrc);
    }
    let locked = SetupStep {
        run: format!("npm ci {NPM_FLAGS}"),
        workdir: workdir.clone(),
        reads: reads.iter().cloned().chain([lock.clone()]).collect(),
        root: false,
    };
    let has_lock = bench.read(&lock).await?.is_some();
    let step = if has_lock {
        locked.clone()
    } else {
        SetupStep { run: format!("npm install {NPM_FLAGS}"), workdir: workdir.clone(), reads, root: false }
    };
    let what = format!("cd {} && {}", quote(&workdir), step.run);
    let made = bench.install(step).await?;
    // Seen to work: every package that the manifest asks for is there, in a version that it allows.
    let check = CommandSpec {
        workdir: workdir.clone(),
        ..CommandSpec::new("npm ls --depth=0", Duration::from_secs(60))
    };
    let mut outcome = run::command(bench, &check).await?;
    if !has_lock && outcome.succeeded() {
        if bench.read(&lock).await?.is_none() {
            return Ok(Outcome::said(what, false, format!("npm install left no {lock}")));
        }
        bench.rename_last_step(locked).await?;
    }
    let steps: String =
        made.iter().map(|step| format!("$ {}\n{}\n", step.command, step.output.trim_end())).collect();
    let found =
        if made.is_empty() { "[the environment was found, nothing had to be installed]\n" } else { "" };
    outcome.evidence.output = format!("{found}{steps}$ npm ls --depth=0\n{}", outcome.evidence.output);
    outcome.evidence.command = what;
    Ok(outcome)
}

pub(super) async fn npm_run(
    bench: &mut Bench<'_>,
    workdir: &str,
    script: &str,
    args: &[String],
    deadline_seconds: u64,
) -> Result<Outcome, Error> {
    let mut command = format!("npm run {}", quote(script));
    if !args.is_empty() {
        command.push_str(" --");
        for arg in args {
            command.push_str(&format!(" {}", quote(arg)));
        }
    }
    run::run_command(bench, &command, workdir, &BTreeMap::new(), deadline_seconds).await
}

pub(super) async fn build_frontend(
    bench: &mut Bench<'_>,
    workdir: &str,
    output: &str,
) -> Result<Outcome, Error> {
    let index = join(output, "index.html");
    // An output folder that was there before proves nothing.
    let command = format!("rm -rf {} && npm run build && ls -l {}", quote(output), quote(&index));
    run::run_command(bench, &command, workdir, &BTreeMap::new(), 600).await
}

pub(super) async fn update_package_json(
    bench: &mut Bench<'_>,
    workdir: &str,
    set: &BTreeMap<String, Value>,
) -> Result<Outcome, Error> {
    let workdir = clean_path(workdir)?;
    let path = join(&workdir, "package.json");
    let what = format!("set {} in {path}", set.keys().cloned().collect::<Vec<_>>().join(", "));
    let Some(content) = bench.read(&path).await? else {
        return Ok(Outcome::said(what, false, format!("there is no {path}")));
    };
    let mut manifest: Value = match serde_json::from_slice(&content) {
        Ok(manifest) => manifest,
        Err(error) => return Ok(Outcome::said(what, false, format!("{path} is not JSON: {error}"))),
    };
    let set = versions::chosen(bench, &workdir, set).await?;
    for (pointer, value) in &set {
        if let Err(reason) = set_pointer(&mut manifest, pointer, value) {
            return Ok(Outcome::said(what, false, reason));
        }
    }
    let text = manifest::written(&manifest, &content)
        .map_err(|error| Error::Invalid(format!("write {path}: {error}")))?;
    let written = Written { content: text, executable: false };
    let same = bench.write(Overlay::from([(path.clone(), written)])).await?.iter().all(|(_, same)| *same);
    let mut said = "the other values stay as they were".to_owned();
    if same && set.keys().any(|pointer| versions::package(pointer).is_some()) {
        said.push_str(&versions::lock(bench, &workdir).await?);
    }
    Ok(Outcome::said(what, same, said))
}

/// Sets a value by JSON pointer (RFC 6901), making objects on the way; null removes.
fn set_pointer(root: &mut Value, pointer: &str, value: &Value) -> Result<(), String> {
    let mut parts: Vec<String> =
        pointer.split('/').skip(1).map(|part| part.replace("~1", "/").replace("~0", "~")).collect();
    let Some(last) = parts.pop().filter(|_| pointer.starts_with('/')) else {
        return Err(format!("{pointer:?} is not a JSON pointer"));
    };
    let mut place = root;
    for part in parts {
        let Value::Object(object) = place else { return Err(format!("{pointer}: not inside an object")) };
        place = object.entry(part).or_insert_with(|| Value::Object(Map::new()));
    }
    let Value::Object(object) = place else { return Err(format!("{pointer}: not inside an object")) };
    if value.is_null() {
        object.shift_remove(&last);
    } else {
        object.insert(last, value.clone());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_set_in_place_and_null_removes() {
        let mut root = json!({ "name": "x", "scripts": { "a": "1", "b": "2" }, "main": "old.js" });
        set_pointer(&mut root, "/main", &json!("src/main.jsx")).unwrap();
        set_pointer(&mut root, "/scripts/b", &Value::Null).unwrap();
        set_pointer(&mut root, "/config/deep", &json!(1)).unwrap();
        assert_eq!(
            serde_json::to_string(&root).unwrap(),
            r#"{"name":"x","scripts":{"a":"1"},"main":"src/main.jsx","config":{"deep":1}}"#
        );
        assert!(set_pointer(&mut root, "/name/x", &json!(1)).is_err());
        assert!(set_pointer(&mut root, "main", &json!(1)).is_err());
    }
}
