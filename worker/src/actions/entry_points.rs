//! Entry points: what a package.json and its index.html name must be there.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use super::Outcome;
use crate::bench::Bench;
use crate::bench::files::{clean_path, join};
use crate::error::Error;

/// Fields of a package.json that name a file.
const FIELDS: [&str; 4] = ["main", "module", "source", "browser"];
/// Folders that a build makes: what points there need not be there before.
const BUILT: [&str; 4] = ["dist/", "build/", "lib/", "out/"];

static SCRIPT: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"(?is)<script\b[^>]*\bsrc\s*=\s*["']([^"']+)["']"#).ok());

pub(super) async fn check(bench: &mut Bench<'_>, workdir: &str) -> Result<Outcome, Error> {
    let workdir = clean_path(workdir)?;
    let path = join(&workdir, "package.json");
    let what = format!("check the entry points of {path}");
    let Some(content) = bench.read(&path).await? else {
        return Ok(Outcome::said(what, false, format!("there is no {path}")));
    };
    let manifest: Value = match serde_json::from_slice(&content) {
        Ok(manifest) => manifest,
        Err(error) => return Ok(Outcome::said(what, false, format!("{path} is not JSON: {error}"))),
    };
    let page = bench.read(&join(&workdir, "index.html")).await?.unwrap_or_default();
    let named: Vec<(String, String)> =
        from_manifest(&manifest).into_iter().chain(from_page(&String::from_utf8_lossy(&page))).collect();
    let mut said = String::new();
    let mut missing = named.is_empty();
    for (place, entry) in &named {
        let there = bench.read(&join(&workdir, entry)).await?.is_some();
        missing |= !there;
        said.push_str(&format!("{place} names {entry}: {}\n", if there { "there" } else { "missing" }));
    }
    if named.is_empty() {
        said.push_str("neither package.json nor index.html names an entry point\n");
    }
    Ok(Outcome::said(what, !missing, said))
}

/// The files that a package.json names, but for those that a build makes.
fn from_manifest(manifest: &Value) -> Vec<(String, String)> {
    FIELDS
        .iter()
        .filter_map(|field| {
            Some((format!("package.json {field}"), manifest.get(field)?.as_str()?.to_owned()))
        })
        .map(|(place, entry)| (place, entry.trim_start_matches("./").to_owned()))
        .filter(|(_, entry)| !BUILT.iter().any(|folder| entry.starts_with(folder)))
        .collect()
}

/// The local scripts of a page.
fn from_page(page: &str) -> Vec<(String, String)> {
    let Some(script) = SCRIPT.as_ref() else { return Vec::new() };
    script
        .captures_iter(page)
        .map(|found| found[1].to_owned())
        .filter(|source| !source.contains("://") && !source.starts_with("//") && !source.contains('%'))
        .map(|source| {
            let path = source.split(['?', '#']).next().unwrap_or_default();
            ("index.html".to_owned(), path.trim_start_matches("./").trim_start_matches('/').to_owned())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn named_files_are_found_and_built_ones_left_out() {
        let manifest = json!({ "main": "./src/index.js", "module": "dist/x.mjs", "browser": { "a": "b" } });
        assert_eq!(from_manifest(&manifest), [("package.json main".into(), "src/index.js".into())]);
        let page = r#"<script src="https://cdn/x.js"></script><script type=module
            src='/src/main.jsx?v=1'></script>"#;
        assert_eq!(from_page(page), [("index.html".into(), "src/main.jsx".into())]);
    }
}
