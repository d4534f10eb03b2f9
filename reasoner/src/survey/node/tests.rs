//! Small trees and the setups that follow from them.

use codegod_protocol::setup::Toolchain;

use super::super::{Entry, EntryKind};
use super::*;

/// A tree of these files.
pub(super) fn tree(files: &[(&str, &str)]) -> Tree {
    let entry = |text: &str| Entry { kind: EntryKind::File, bytes: text.len() as u64 };
    let mut tree = Tree::of_paths(files.iter().map(|(path, text)| (path.into(), entry(text))));
    for (path, text) in files {
        tree.add(path, text.as_bytes());
    }
    tree
}

/// The first project of a tree of these manifests.
pub(super) fn place(manifests: &[(&str, serde_json::Value)]) -> Place {
    let texts: Vec<(&str, String)> =
        manifests.iter().map(|(path, value)| (*path, value.to_string())).collect();
    let files: Vec<(&str, &str)> = texts.iter().map(|(path, text)| (*path, text.as_str())).collect();
    places::places(&tree(&files)).remove(0)
}

/// What a person would want to know of the parts of a tree, a line for each thing.
fn shown(files: &[(&str, &str)]) -> Vec<String> {
    let mut remarks = Vec::new();
    let mut lines = Vec::new();
    for part in parts(&tree(files), &mut remarks) {
        let setup = part.setup;
        let Toolchain::Node(node) = &setup.toolchain else { continue };
        let manager = part.seen.first().cloned().unwrap_or_default();
        let lock = if node.locked { "locked" } else { "free" };
        let version = node.manager_version.clone().unwrap_or_else(|| "any".into());
        lines.push(format!("{}: node {}, {manager} {version}, {lock}", setup.part, node.version));
        let plain = |run: &str| {
            let run = run.split_once("PATH\"; ").map_or(run, |(_, run)| run);
            let run = run.split_once("\n); code").map_or(run, |(run, _)| run);
            let run = run.split_once(" || {").map_or(run, |(run, _)| run);
            run.replace("\"$CODEGOD_REPORT\"", "REPORT")
        };
        lines.extend(setup.prepare.iter().map(|one| format!("prepare {}: {}", one.workdir, plain(&one.run))));
        lines.extend(setup.tests.iter().map(|one| format!("test {}: {}", one.workdir, plain(&one.run))));
        lines.extend(setup.notes.iter().map(|note| format!("note: {note}")));
    }
    lines.extend(remarks.into_iter().map(|remark| format!("remark: {remark}")));
    lines
}

/// A package.json with one script for its tests and packages to develop with.
fn manifest(test: &str, packages: &str) -> String {
    let packages: serde_json::Map<String, serde_json::Value> = packages
        .split_whitespace()
        .filter_map(|package| package.rsplit_once('@'))
        .map(|(name, version)| (name.to_owned(), version.into()))
        .collect();
    serde_json::json!({ "name": "x", "scripts": { "test": test }, "devDependencies": packages }).to_string()
}

#[test]
fn each_runner_is_made_to_leave_a_report_and_linters_are_left_out() {
    let junit_of_node = "--test-reporter=spec --test-reporter-destination=stdout --test-reporter=junit --test-reporter-destination=REPORT";
    let json_of_vitest =
        "--reporter=default --reporter=json --outputFile.json=REPORT --coverage.enabled=false";
    let printed = " > REPORT; code=$?; cat REPORT; exit $code";
    let table = [
        ("xo && c8 --100 ava --verbose && tsd", "ava@6", format!("ava --tap{printed}")),
        (
            "cross-env NODE_ENV=test nyc mocha -R dot \"test/**/*.js\"",
            "mocha@^10",
            "NODE_ENV=test mocha \"test/**/*.js\" --reporter xunit --reporter-options output=REPORT --exit"
                .into(),
        ),
        ("mocha", "mocha@^3.1", "mocha --reporter xunit --reporter-options output=REPORT".into()),
        ("vitest --coverage", "vitest@^3", format!("vitest run {json_of_vitest}")),
        ("vitest run --typecheck --ui", "vitest@^3", format!("vitest run --typecheck {json_of_vitest}")),
        (
            "node --test --experimental-test-coverage 'test/*.js'",
            "x@1",
            format!("node --test {junit_of_node} 'test/*.js'"),
        ),
        ("borp --coverage", "borp@1", "borp --reporter spec --reporter \"junit:$CODEGOD_REPORT\"".into()),
        ("tape test/*.js | tap-spec", "tape@5", format!("tape test/*.js{printed}")),
        (
            "standard; tap --100 test/*.js",
            "tap@^16",
            format!("tap test/*.js --reporter=tap --no-coverage{printed}"),
        ),
        ("tap", "tap@^21", format!("tap --reporter=tap --disable-coverage{printed}")),
        (
            "lab -t 100 -L -a @hapi/code",
            "@hapi/lab@26",
            "lab -a @hapi/code -r console -o stdout -r junit -o REPORT".into(),
        ),
        (
            "jest --watch",
            "jest@^20",
            "jest --ci --coverage=false --forceExit --json --outputFile=REPORT".into(),
        ),
    ];
    for (script, packages, run) in table {
        assert_eq!(
            shown(&[("package.json", &manifest(script, packages))]),
            ["node: node 22, npm any, free".to_owned(), format!("test : {run}")]
        );
    }
}

#[test]
fn jest_gets_a_reporter_of_ours_also_behind_other_programs() {
    let ends = |script: &str, end: &str| {
        let lines = shown(&[("package.json", &manifest(script, "jest@^29"))]);
        assert!(lines[1].ends_with(end), "{}", lines[1]);
    };
    let ours = "--ci --coverage=false --forceExit --reporters=default --reporters=/tmp/codegod-jest.cjs";
    ends("jest --coverage -i", &format!("&& jest -i {ours}"));
    ends("react-scripts test --watchAll=false", &format!("&& react-scripts test {ours}"));
    ends("vue-cli-service test:unit", &format!("&& vue-cli-service test:unit {ours}"));
    ends(
        "NODE_OPTIONS=--experimental-vm-modules npx jest",
        &format!("&& NODE_OPTIONS=--experimental-vm-modules npx jest {ours}").replace("npx ", ""),
    );
    ends(
        "node --expose-gc node_modules/jest/bin/jest.js",
        &format!("&& node --expose-gc node_modules/jest/bin/jest.js {ours}"),
    );
}

#[test]
fn package_managers_follow_from_what_the_project_says() {
    let named = |name: &str| {
        serde_json::json!({ "packageManager": name, "scripts": { "test": "mocha" } }).to_string()
    };
    let plain = manifest("mocha", "mocha@10");
    let first = |files: &[(&str, &str)]| shown(files).remove(0);
    assert_eq!(
        first(&[("package.json", &plain), ("package-lock.json", "{}")]),
        "node: node 22, npm any, locked"
    );
    assert_eq!(
        first(&[("package.json", &plain), ("yarn.lock", "# yarn lockfile v1\n")]),
        "node: node 22, yarn 1 any, locked"
    );
    assert_eq!(
        first(&[("package.json", &plain), ("yarn.lock", "__metadata:\n  version: 8\n")]),
        "node: node 22, yarn any, locked"
    );
    assert_eq!(
        first(&[("package.json", &plain), ("yarn.lock", "__metadata:\n  version: 6\n")]),
        "node: node 22, yarn 3, locked"
    );
    assert_eq!(
        first(&[("package.json", &plain), ("pnpm-lock.yaml", "lockfileVersion: '6.0'\n")]),
        "node: node 22, pnpm 8, locked"
    );
    assert_eq!(
        first(&[("package.json", &named("pnpm@9.4.0+sha512.abc")), ("package-lock.json", "{}")]),
        "node: node 22, pnpm 9.4.0, free"
    );
    assert_eq!(first(&[("package.json", &named("yarn@4.1.0"))]), "node: node 22, yarn 4.1.0, free");
    assert_eq!(
        first(&[("package.json", &named("yarn@1.22.22")), ("yarn.lock", "")]),
        "node: node 22, yarn 1 1.22.22, locked"
    );
    assert_eq!(
        first(&[("package.json", &named("yarn@$(id)")), ("yarn.lock", "")]),
        "node: node 22, yarn 1 any, locked"
    );
}

#[test]
fn what_comes_before_the_tests_is_prepared() {
    let manifest = r#"{"scripts":{
        "postinstall":"husky install && prisma generate","prepare":"npm run build",
        "build":"rimraf dist && tsc","typecheck":"tsc -p tsconfig.test.json",
        "pretest":"npm run typecheck && node scripts/fixtures.js","test":"mocha && karma start"},"devDependencies":{"mocha":"^10"}}"#;
    let lines = shown(&[
        ("package.json", manifest),
        ("tsconfig.test.json", "{ \"compilerOptions\": { \"noEmit\" : true } }"),
    ]);
    let anyway = "|| echo '[this failed; the tests are run all the same]'";
    assert_eq!(
        lines[1..6],
        [
            format!("prepare : prisma generate {anyway}"),
            format!("prepare : rimraf dist {anyway}"),
            format!("prepare : tsc {anyway}"),
            "prepare : node scripts/fixtures.js".to_owned(),
            "test : mocha --reporter xunit --reporter-options output=REPORT --exit".to_owned(),
        ]
    );
    assert_eq!(lines[6], "note: `karma start` needs a browser and is not run.");
}

#[test]
fn workspaces_are_one_part_and_what_they_import_is_built() {
    let files = [
        ("package.json", r#"{"private":true,"workspaces":["packages/*"]}"#),
        ("yarn.lock", ""),
        (
            "packages/core/package.json",
            r#"{"name":"@x/core","main":"dist/index.js","scripts":{"build":"tsc","test":"vitest"},"devDependencies":{"vitest":"3"}}"#,
        ),
        (
            "packages/app/package.json",
            r#"{"name":"app","dependencies":{"@x/core":"1"},"scripts":{"test":"vitest run"}}"#,
        ),
        ("examples/one/package.json", r#"{"scripts":{"test":"jest"}}"#),
    ];
    let lines = shown(&files);
    assert_eq!(lines.len(), 4, "{lines:?}");
    assert_eq!(lines[0], "node: node 22, yarn 1 any, locked");
    assert!(lines[1].starts_with("prepare packages/core: "), "{}", lines[1]);
    assert!(
        lines[2].starts_with("test packages/app: vitest run")
            && lines[3].starts_with("test packages/core: vitest run")
    );
    // Where the runner finds the sources nothing is built, but for those who say that it comes first.
    let alias = ("packages/app/vitest.config.ts", "export default { resolve: { alias: {} } }");
    let order = ("turbo.json", r#"{"tasks":{"test":{"dependsOn":["^build"]},"build":{}}}"#);
    assert_eq!(shown(&[&files[..], &[alias]].concat()).len(), 3);
    assert_eq!(shown(&[&files[..], &[alias, order]].concat()).len(), 4);
}

#[test]
fn a_package_is_built_when_its_tests_use_what_is_built() {
    let manifest = |test: &str| {
        serde_json::json!({ "name": "lib", "main": "./dist/index.js", "scripts": { "build": "tsc", "test": test }, "devDependencies": { "mocha": "10" } })
            .to_string()
    };
    let built = |test: &str, text: &str| {
        shown(&[("package.json", &manifest(test)), ("test/a.js", text), ("src/index.ts", "")]).len() == 3
    };
    assert!(built("mocha", "const lib = require('../dist');"));
    assert!(built("mocha", "import lib from 'lib/sub';"));
    assert!(built("mocha dist/test/*.js", ""));
    assert!(!built("mocha", "import lib from '../src'; // distant lib"));
}

#[test]
fn folders_with_manifests_of_their_own_are_parts_of_their_own() {
    let react =
        r#"{"dependencies":{"react":"19"},"scripts":{"test":"vitest"},"devDependencies":{"vitest":"3"}}"#;
    let files = [
        ("pyproject.toml", ""),
        ("package.json", r#"{"devDependencies":{"prettier":"3"}}"#),
        ("frontend/package.json", react),
        ("docs/package.json", react),
    ];
    let lines = shown(&files);
    assert_eq!(lines[0], "node-frontend: node 22, npm any, free");
    assert!(lines[1].starts_with("test frontend: vitest run "));
    assert_eq!(
        lines[2],
        "remark: package.json only names tools beside a Python project; nothing is done with it."
    );
}

#[test]
fn what_has_no_tests_says_so() {
    let none = r#"{"dependencies":{"express":"5"},"scripts":{"test":"echo \"Error: no test specified\" && exit 1","start":"node ."}}"#;
    assert_eq!(
        shown(&[("package.json", none)]),
        ["node: node 22, npm any, free", "note: It has no tests that can be run here."]
    );
    let e2e = r#"{"dependencies":{"express":"5"},"scripts":{"test":"playwright test"}}"#;
    assert_eq!(shown(&[("package.json", e2e)])[1], "note: `playwright test` needs a browser and is not run.");
    let loose = r#"{"devDependencies":{"vitest":"3"}}"#;
    let lines = shown(&[("package.json", loose), ("src/a.test.ts", "")]);
    assert!(lines[1].starts_with("test : vitest run "), "{lines:?}");
}

proptest::proptest! {
    #[test]
    fn any_project_is_surveyed(text in "\\PC{0,300}", script in "\\PC{0,120}", version in "[ -~]{0,20}") {
        let manifest = serde_json::json!({ "scripts": { "test": script, "prepare": text }, "engines": { "node": version },
            "packageManager": version, "workspaces": [script, text], "dependencies": { "a": version } }).to_string();
        for path in ["package.json", "pnpm-workspace.yaml", "yarn.lock", ".nvmrc", ".github/workflows/a.yml", "tsconfig.json"] {
            let files = [("package.json", manifest.as_str()), (path, text.as_str()), ("a/package.json", manifest.as_str())];
            for part in parts(&tree(&files), &mut Vec::new()) {
                assert!(!crate::setup::recipe(&part.setup).steps.is_empty());
            }
        }
    }
}

#[test]
fn a_script_that_is_not_there_is_called_so_that_the_run_does_not_end_well() {
    let text =
        r#"{"scripts":{"test":"npm run unti && mocha","unit":"mocha"},"devDependencies":{"mocha":"^10"}}"#;
    let lines = shown(&[("package.json", text)]);
    let calls = |line: &String| line.starts_with("prepare : ") && line.contains("npm run unti");
    assert!(lines.iter().any(calls), "{lines:?}");
    assert!(lines.iter().any(|line| line.starts_with("test : mocha")), "{lines:?}");
}

#[test]
fn a_manifest_that_is_not_json_is_named_with_its_line() {
    let text = "{\n  \"name\": \"a\",\n}\n";
    let tree = tree(&[("web/package.json", text)]);
    let mut remarks = Vec::new();
    assert!(parts(&tree, &mut remarks).is_empty());
    let [remark] = remarks.as_slice() else { panic!("{remarks:?}") };
    assert!(remark.starts_with("web/package.json can't be read: it is not JSON:"), "{remark}");
    assert!(remark.contains("line 3"), "{remark}");
}

#[test]
fn a_lone_manifest_without_tests_is_a_part_all_the_same() {
    let text = r#"{ "name": "a", "engines": { "node": "<=18" } }"#;
    assert_eq!(parts(&tree(&[("package.json", text)]), &mut Vec::new()).len(), 1);
}
