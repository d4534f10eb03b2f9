//! What a project's workflows say: the versions of Node that it is tested with, and what is built before
//! its tests.

use std::collections::{BTreeMap, BTreeSet};

use codegod_protocol::setup::{NodeManager, Preparation, ServiceKind};

use super::super::Tree;
use super::super::outline::{Scalar, outline};
use super::super::servers::server;
use super::kind::{Kind, kind};
use super::launch::{Launch, launch};
use super::manifest::resolve;
use super::places::Place;
use super::script::line_steps;
use super::shell::split;
use super::{tests_anyway, with_path};

/// Keys that hold versions of Node.
const VERSIONS: [&str; 6] =
    ["node-version", "node", "node_version", "node-versions", "nodejs", "NODE_VERSION"];
/// How the names of scripts begin that make something.
const MAKING: [&str; 8] =
    ["build", "compile", "prepare", "generate", "codegen", "bootstrap", "bundle", "prebuild"];
/// Workflows that are about something else.
const OTHER: [&str; 8] = ["release", "publish", "deploy", "docs", "nightly", "bench", "e2e", "codeql"];
/// What is made for others than the tests.
const FOR_OTHERS: [&str; 8] = ["doc", "site", "storybook", "e2e", "example", "demo", "release", "size"];

/// How the names of variables begin that are for the workflow itself, or for services around it.
const OF_SERVICES: [&str; 22] = [
    "CI",
    "GITHUB_",
    "ACTIONS_",
    "RUNNER_",
    "NODE_VERSION",
    "FORCE_COLOR",
    "NO_COLOR",
    "NPM_",
    "PNPM_",
    "YARN_",
    "TURBO_",
    "NX_",
    "CODECOV",
    "COVERALLS",
    "SAUCE_",
    "BROWSERSTACK",
    "SENTRY",
    "PLAYWRIGHT",
    "PUPPETEER",
    "CYPRESS",
    "HUSKY",
    "PATH",
];

/// How the names of variables begin that say whom and what a server is to know.
const OF_SERVERS: [&str; 3] = ["POSTGRES_", "MYSQL_", "MARIADB_"];

/// What the names of variables contain that make the tests others than a person runs.
const OTHER_TESTS: [&str; 8] = ["DIST", "COVER", "BENCH", "RELEASE", "PUBLISH", "DEPLOY", "E2E", "PROD"];

fn workflows(tree: &Tree) -> impl Iterator<Item = (&str, Vec<Scalar>)> {
    let is_one = |path: &str| {
        let name = path.strip_prefix(".github/workflows/").unwrap_or_default();
        (name.ends_with(".yml") || name.ends_with(".yaml")) && !OTHER.iter().any(|word| name.contains(word))
    };
    tree.entries()
        .map(|(path, _)| path)
        .filter(move |path| is_one(path))
        .filter_map(|path| Some((path, outline(tree.text(path)?))))
}

/// Whether there are workflows at all.
pub(super) fn are_there(tree: &Tree) -> bool {
    workflows(tree).next().is_some()
}

/// The versions of Node that workflows name, as written.
pub(super) fn node_versions(tree: &Tree) -> Vec<String> {
    let mut versions = Vec::new();
    for (_, scalars) in workflows(tree) {
        for scalar in scalars {
            let named = scalar.path.iter().rev().find(|key| !key.starts_with('#'));
            if named.is_some_and(|key| VERSIONS.contains(&key.as_str())) && !scalar.value.contains("${{") {
                let items = scalar.value.split(['[', ']', ',']);
                let items = items.map(|item| item.trim().trim_matches(['"', '\'']).to_owned());
                versions.extend(items.filter(|item| !item.is_empty()));
            }
        }
    }
    versions
}

/// What the workflow that runs the tests makes before them, in the same job.
pub(super) fn builds(tree: &Tree, place: &Place, manager: NodeManager) -> Vec<Preparation> {
    for (path, scalars) in workflows(tree) {
        let mut jobs: Vec<(String, Vec<(String, String)>)> = Vec::new();
        for scalar in &scalars {
            let [jobs_key, job, steps, number, key] = scalar.path.as_slice() else { continue };
            if jobs_key != "jobs" || steps != "steps" || key != "run" {
                continue;
            }
            let folder = working_directory(&scalars, job, number);
            let Some(folder) = resolve("", folder.unwrap_or_default()) else { continue };
            match jobs.last_mut().filter(|(known, _)| known == job) {
                Some((_, lines)) => lines.push((folder, scalar.value.clone())),
                None => jobs.push((job.clone(), vec![(folder, scalar.value.clone())])),
            }
        }
        for (_, lines) in jobs {
            if let Some(found) = before_tests(tree, place, manager, path, &lines) {
                return found;
            }
        }
    }
    Vec::new()
}

/// The variables that workflows set wherever they run the tests, with the first such workflow.
pub(super) fn variables(
    tree: &Tree,
    place: &Place,
    manager: NodeManager,
) -> (String, BTreeMap<String, String>) {
    let mut found: Option<(String, BTreeMap<String, String>)> = None;
    for (path, scalars) in workflows(tree) {
        for scalar in &scalars {
            let [jobs_key, job, steps, number, key] = scalar.path.as_slice() else { continue };
            if jobs_key != "jobs" || steps != "steps" || key != "run" {
                continue;
            }
            let folder = resolve("", working_directory(&scalars, job, number).unwrap_or_default());
            if !folder.is_some_and(|folder| tests_in(place, manager, &folder, &scalar.value)) {
                continue;
            }
            let places: [&[&str]; 3] =
                [&["env"], &["jobs", job, "env"], &["jobs", job, "steps", number, "env"]];
            let set: BTreeMap<String, String> =
                places.iter().flat_map(|place| set_at(&scalars, place)).collect();
            match &mut found {
                None => found = Some((path.to_owned(), set)),
                Some((_, common)) => common.retain(|name, value| set.get(name) == Some(value)),
            }
        }
    }
    found.unwrap_or_default()
}

/// The servers beside the jobs that run the tests, with the variables that those are started with.
pub(super) fn services(
    tree: &Tree,
    place: &Place,
    manager: NodeManager,
) -> (BTreeSet<ServiceKind>, BTreeMap<String, String>) {
    let (mut kinds, mut env) = (BTreeSet::new(), BTreeMap::new());
    for (_, scalars) in workflows(tree) {
        for job in jobs_with_tests(place, manager, &scalars) {
            for scalar in &scalars {
                match scalar.path.as_slice() {
                    [jobs, name, services, service, key]
                        if jobs == "jobs" && name == job && services == "services" && key == "image" =>
                    {
                        let Some(kind) = server(&scalar.value) else { continue };
                        kinds.insert(kind);
                        let place = ["jobs", job, "services", service, "env"];
                        let set = set_at(&scalars, &place);
                        env.extend(
                            set.filter(|(name, _)| OF_SERVERS.iter().any(|start| name.starts_with(start))),
                        );
                    }
                    // Actions that start a server name it: `supercharge/redis-github-action`.
                    [jobs, name, steps, _, key]
                        if jobs == "jobs" && name == job && steps == "steps" && key == "uses" =>
                    {
                        kinds.extend(server(&scalar.value));
                    }
                    _ => {}
                }
            }
        }
    }
    (kinds, env)
}

/// The names of the jobs that run the tests of a project.
fn jobs_with_tests<'a>(place: &Place, manager: NodeManager, scalars: &'a [Scalar]) -> BTreeSet<&'a str> {
    let runs_tests = |scalar: &&Scalar| {
        let [jobs, job, steps, number, key] = scalar.path.as_slice() else { return false };
        let folder = resolve("", working_directory(scalars, job, number).unwrap_or_default());
        jobs == "jobs"
            && steps == "steps"
            && key == "run"
            && folder.is_some_and(|folder| tests_in(place, manager, &folder, &scalar.value))
    };
    scalars.iter().filter(runs_tests).filter_map(|scalar| scalar.path.get(1).map(String::as_str)).collect()
}

/// Whether a line that is run in a folder runs tests.
fn tests_in(place: &Place, manager: NodeManager, folder: &str, line: &str) -> bool {
    place.manifest(folder).is_some()
        && line_steps(place, manager, folder, line)
            .iter()
            .any(|step| matches!(kind(step, |_| false), Kind::Tests(_)))
}

/// The variables that are written out in one place of a workflow.
fn set_at<'a>(scalars: &'a [Scalar], place: &'a [&str]) -> impl Iterator<Item = (String, String)> + 'a {
    let within = move |scalar: &'a Scalar| match scalar.path.split_last() {
        Some((name, before)) if before == place => Some((name.clone(), scalar.value.clone())),
        _ => None,
    };
    scalars.iter().filter_map(within).filter(|(name, value)| {
        let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let upper = name.to_ascii_uppercase();
        plain
            && !OF_SERVICES.iter().any(|start| upper.starts_with(start))
            && !OTHER_TESTS.iter().any(|word| upper.contains(word))
            && !value.is_empty()
            && value.len() <= 200
            && !value.contains("${{")
            && !value.contains(char::is_control)
    })
}

fn working_directory<'a>(scalars: &'a [Scalar], job: &str, number: &str) -> Option<&'a str> {
    let of =
        |path: &[&str]| scalars.iter().find(|scalar| scalar.path == path).map(|scalar| scalar.value.as_str());
    of(&["jobs", job, "steps", number, "working-directory"])
        .or_else(|| of(&["jobs", job, "defaults", "run", "working-directory"]))
}

/// What the lines of a job make before it runs tests; None when it runs none.
fn before_tests(
    tree: &Tree,
    place: &Place,
    manager: NodeManager,
    workflow: &str,
    lines: &[(String, String)],
) -> Option<Vec<Preparation>> {
    let mut made = Vec::new();
    for (folder, line) in lines {
        if place.manifest(folder).is_none() {
            continue;
        }
        for command in split(&line.replace("\\\n", " ")) {
            let shown: Vec<String> = command
                .env
                .iter()
                .cloned()
                .chain(command.words.iter().map(|word| word.raw.clone()))
                .collect();
            let shown = shown.join(" ");
            if shown.contains("${{") {
                continue;
            }
            let steps = line_steps(place, manager, folder, &shown);
            if steps.iter().any(|step| {
                matches!(kind(step, |step| super::lifecycle::leaves_nothing(tree, step)), Kind::Tests(_))
            }) {
                return Some(made);
            }
            let is_script =
                |name: &str| place.manifest(folder).is_some_and(|manifest| manifest.script(name).is_some());
            let names = match launch(&command.words, is_script) {
                Launch::Scripts { patterns, .. } => patterns,
                Launch::Members { script, .. } => vec![script],
                _ => continue,
            };
            if !steps.is_empty() && names.iter().any(|name| makes(name)) {
                made.push(Preparation {
                    run: tests_anyway(&with_path(place, folder, &shown)),
                    workdir: folder.clone(),
                    why: format!("{workflow} runs it before the tests"),
                });
            }
        }
    }
    None
}

fn makes(script: &str) -> bool {
    MAKING.iter().any(|start| script.starts_with(start))
        && !FOR_OTHERS.iter().any(|word| script.contains(word))
}

#[cfg(test)]
mod tests {
    use super::super::places::places;
    use super::super::tests::tree;
    use super::*;

    const WORKFLOW: &str = "jobs:\n  lint:\n    steps:\n      - run: npm run lint\n  test:\n    strategy:\n      matrix:\n        node: [12, '14']\n\
        \x20   steps:\n      - uses: actions/setup-node@v4\n        with:\n          node-version: ${{ matrix.node }}\n      - run: npm ci\n\
        \x20     - run: |\n          npm run build:docs\n          npm run build\n      - run: npm test\n      - run: npm run build:after\n";

    #[test]
    fn what_a_job_builds_before_its_tests_is_built() {
        let manifest = r#"{"scripts":{"build":"tsc","test":"mocha","lint":"eslint .","build:docs":"x","build:after":"y"}}"#;
        let tree = tree(&[("package.json", manifest), (".github/workflows/ci.yml", WORKFLOW)]);
        let place = places(&tree).remove(0);
        let builds = builds(&tree, &place, NodeManager::Npm);
        assert_eq!(builds.len(), 1);
        assert!(builds[0].run.contains("; npm run build || "), "{}", builds[0].run);
    }

    #[test]
    fn variables_are_those_of_the_job_that_runs_the_tests() {
        let workflow = "env:\n  A: all\n  TOKEN: ${{ secrets.x }}\njobs:\n  lint:\n    env:\n      B: no\n    steps:\n      - run: npm run lint\n\
            \x20 test:\n    env:\n      TZ: America/New_York\n      CI: true\n    steps:\n      - run: npm ci\n        env:\n          C: no\n\
            \x20     - run: npm test\n        env:\n          D: 'step'\n";
        let manifest = r#"{"scripts":{"test":"mocha","lint":"eslint ."}}"#;
        let tree = tree(&[("package.json", manifest), (".github/workflows/ci.yml", workflow)]);
        let place = places(&tree).remove(0);
        let (from, set) = variables(&tree, &place, NodeManager::Npm);
        assert_eq!(from, ".github/workflows/ci.yml");
        let set: Vec<(&str, &str)> =
            set.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(set, [("A", "all"), ("D", "step"), ("TZ", "America/New_York")]);
    }

    #[test]
    fn servers_are_those_beside_the_job_that_runs_the_tests() {
        let workflow = "jobs:\n  lint:\n    services:\n      r:\n        image: mysql:8\n    steps:\n      - run: npm run lint\n\
            \x20 test:\n    services:\n      db:\n        image: postgres:16\n        env:\n          POSTGRES_DB: ours\n          PGDATA: /data\n          SECRET: ${{ x }}\n\
            \x20   steps:\n      - uses: supercharge/redis-github-action@1\n      - run: npm test\n";
        let manifest = r#"{"scripts":{"test":"mocha","lint":"eslint ."}}"#;
        let tree = tree(&[("package.json", manifest), (".github/workflows/ci.yml", workflow)]);
        let place = places(&tree).remove(0);
        let (kinds, env) = services(&tree, &place, NodeManager::Npm);
        assert_eq!(kinds, [ServiceKind::Postgres, ServiceKind::Redis].into());
        assert_eq!(env, [("POSTGRES_DB".to_owned(), "ours".to_owned())].into());
    }

    #[test]
    fn versions_are_those_that_are_written_out() {
        let tree = tree(&[(".github/workflows/ci.yml", WORKFLOW)]);
        assert_eq!(node_versions(&tree), ["12", "14"]);
    }
}
