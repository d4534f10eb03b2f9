//! What a command of a script is: tests, or something that has nothing to say about them.

use super::launch::program;
use super::script::Step;
use super::shell::Word;

/// What a command is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Tests, by this runner.
    Tests(Runner),
    /// Tests in a browser.
    Browser,
    /// It looks at the sources or at what is published: nothing that tests need.
    Check,
    /// It only says something, or cleans up.
    Noise,
    /// Something else: what comes after it may need it.
    Work,
}

/// What runs tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Runner {
    /// Jest, also behind the scripts of others.
    Jest,
    /// Vitest.
    Vitest,
    /// Mocha.
    Mocha,
    /// Node's own, with `--test`.
    NodeTest,
    /// A file run by Node.
    NodeFile,
    /// AVA.
    Ava,
    /// node-tap.
    Tap,
    /// Tape.
    Tape,
    /// Jasmine.
    Jasmine,
    /// uvu.
    Uvu,
    /// lab.
    Lab,
    /// borp.
    Borp,
    /// Any other that is known to run tests, but not to report on them.
    Other,
}

const CHECKS: [&str; 68] = [
    "eslint",
    "eslint_d",
    "oxlint",
    "biome",
    "xo",
    "standard",
    "semistandard",
    "ts-standard",
    "neostandard",
    "standardx",
    "tslint",
    "jshint",
    "jscs",
    "prettier",
    "prettier-standard",
    "dprint",
    "stylelint",
    "markdownlint",
    "markdownlint-cli2",
    "commitlint",
    "lint-staged",
    "tsd",
    "tstyche",
    "dtslint",
    "attw",
    "publint",
    "size-limit",
    "bundlesize",
    "bundlewatch",
    "knip",
    "depcheck",
    "dependency-check",
    "madge",
    "depcruise",
    "ls-engines",
    "eclint",
    "evalmd",
    "aud",
    "npmignore",
    "cspell",
    "alex",
    "vale",
    "type-coverage",
    "flow",
    "svelte-check",
    "check-dts",
    "api-extractor",
    "sort-package-json",
    "npmPkgJsonLint",
    "lockfile-lint",
    "license-checker",
    "codecov",
    "coveralls",
    "es-check",
    "sherif",
    "syncpack",
    "manypkg",
    "installed-check",
    "dts-check",
    "tsdoc",
    "typedoc",
    "jsdoc",
    "flow-typed",
    "tsc-silent",
    "awesome-lint",
    "import-size",
    "ls-lint",
    "pkg-ok",
];
const NOISE: [&str; 35] = [
    "echo",
    "date",
    "uname",
    "which",
    "whoami",
    "printenv",
    "exit",
    "true",
    ":",
    "clear",
    "sleep",
    "open",
    "husky",
    "is-ci",
    "git",
    "simple-git-hooks",
    "lefthook",
    "only-allow",
    "opencollective",
    "opencollective-postinstall",
    "test",
    "[",
    "printf",
    "cat",
    "ls",
    "pwd",
    "node-version",
    "check-node-version",
    "patch-git",
    "safe-publish-latest",
    "not-in-publish",
    "in-publish",
    "changeset",
    "lint",
    "kill-port",
];
const BROWSER: [&str; 16] = [
    "karma",
    "cypress",
    "playwright",
    "nightwatch",
    "wdio",
    "testcafe",
    "wtr",
    "web-test-runner",
    "ng",
    "testem",
    "airtap",
    "zuul",
    "start-server-and-test",
    "codeceptjs",
    "polymer",
    "electron-mocha",
];
/// Programs that run jest with the arguments that they are given, and what must come first.
const AS_JEST: [(&str, &str); 14] = [
    ("react-scripts", "test"),
    ("react-app-rewired", "test"),
    ("craco", "test"),
    ("kcd-scripts", "test"),
    ("tsdx", "test"),
    ("dts", "test"),
    ("razzle", "test"),
    ("vue-cli-service", "test:unit"),
    ("wp-scripts", "test-unit-js"),
    ("wp-scripts", "test-unit-jest"),
    ("modern", "test"),
    ("umi-test", ""),
    ("umi-scripts", "test"),
    ("jest-cli", ""),
];
/// Programs that run what a file of the project's own names.
const TASK_RUNNERS: [&str; 7] = ["make", "gmake", "jake", "gulp", "grunt", "just", "cake"];
/// Programs that run JavaScript or TypeScript as Node does, with its flags.
pub(super) const LIKE_NODE: [&str; 8] =
    ["node", "tsx", "ts-node", "babel-node", "esr", "swc-node", "ts-node-esm", "nodejs"];
/// Flags of Node that take a value of their own.
const NODE_VALUED: [&str; 16] = [
    "-r",
    "--require",
    "--import",
    "--loader",
    "--experimental-loader",
    "-C",
    "--conditions",
    "--env-file",
    "--test-reporter",
    "--test-reporter-destination",
    "--test-name-pattern",
    "--test-concurrency",
    "--test-timeout",
    "-P",
    "--project",
    "-O",
];

/// What a command is; `says_no_emit` tells of a TypeScript project whether compiling it leaves nothing.
pub(super) fn kind(step: &Step, says_no_emit: impl Fn(&Step) -> bool) -> Kind {
    let program = step.program();
    let arguments: Vec<&str> = step.arguments().iter().map(|word| word.text.as_str()).collect();
    let has = |word: &str| arguments.contains(&word);
    if let Some(runner) = runner(step) {
        return match runner {
            Runner::Vitest if has("bench") => Kind::Check,
            Runner::Vitest
                if arguments.iter().any(|word| word.starts_with("--browser") && !word.ends_with("false")) =>
            {
                Kind::Browser
            }
            runner => Kind::Tests(runner),
        };
    }
    match program {
        // `ng test` and `ng e2e` want a browser, `ng build` does not.
        "ng" if !has("test") && !has("e2e") && !has("lint") => Kind::Work,
        "vue-cli-service" | "wp-scripts" if has("lint") || has("lint-js") => Kind::Check,
        "vue-cli-service" if has("test:e2e") => Kind::Browser,
        "kcd-scripts" | "tsdx" | "dts" | "aegir" if has("lint") || has("validate") || has("typecheck") => {
            Kind::Check
        }
        "playwright" | "cypress" if has("install") => Kind::Noise,
        "tsc" | "vue-tsc" | "tspc" | "ttsc" | "tsgo" => {
            let only_looks = has("--noEmit") || has("--no-emit") || says_no_emit(step);
            if only_looks { Kind::Check } else { Kind::Work }
        }
        "nyc" | "c8" | "npm" | "lerna" | "nx" | "turbo" | "renovate" => Kind::Check,
        "rimraf" | "rm" | "del" | "del-cli" if arguments.iter().all(|word| is_of_coverage(word)) => {
            Kind::Noise
        }
        program if CHECKS.contains(&program) || program.starts_with("eslint-") => Kind::Check,
        program if NOISE.contains(&program) => Kind::Noise,
        program if BROWSER.contains(&program) => Kind::Browser,
        _ if is_check_by_name(&step.script) => Kind::Check,
        _ => Kind::Work,
    }
}

/// Whether a script's name says that it only looks at the sources.
fn is_check_by_name(script: &str) -> bool {
    let first = script.split([':', '-', '.']).next().unwrap_or_default();
    let last = script.rsplit([':', '-', '.']).next().unwrap_or_default();
    ["lint", "format", "prettier", "eslint", "typecheck", "audit", "size", "style", "docs", "coverage"]
        .iter()
        .any(|word| first == *word || last == *word)
}

fn is_of_coverage(word: &str) -> bool {
    word.starts_with('-')
        || ["coverage", ".nyc_output", "junit.xml", "test-results"].iter().any(|part| word.contains(part))
}

/// The runner of a command that runs tests.
fn runner(step: &Step) -> Option<Runner> {
    let program = step.program();
    let first = step.arguments().first().map_or("", |word| word.text.as_str());
    if AS_JEST.iter().any(|(name, verb)| *name == program && (verb.is_empty() || first == *verb)) {
        return Some(Runner::Jest);
    }
    if LIKE_NODE.contains(&program) {
        return by_node(step);
    }
    let of_tests =
        || step.arguments().iter().any(|word| !word.text.starts_with('-') && is_test_target(&word.text));
    if TASK_RUNNERS.contains(&program) && of_tests() {
        return Some(Runner::Other);
    }
    named(program)
}

fn named(program: &str) -> Option<Runner> {
    Some(match program {
        "jest" => Runner::Jest,
        "vitest" => Runner::Vitest,
        "mocha" | "_mocha" | "ts-mocha" | "mochapack" | "mocha-webpack" => Runner::Mocha,
        "ava" => Runner::Ava,
        "tap" => Runner::Tap,
        "tape" | "tape-es" => Runner::Tape,
        "jasmine" | "jasmine-ts" => Runner::Jasmine,
        "uvu" => Runner::Uvu,
        "lab" => Runner::Lab,
        "borp" => Runner::Borp,
        "zora" | "pta" | "qunit" | "intern" | "cucumber-js" | "cucumberjs" | "vows" | "expresso"
        | "nodeunit" | "brittle" | "baretest" | "poku" | "japa" | "rstest" | "twd" | "best" | "bun"
        | "deno" => Runner::Other,
        _ => return None,
    })
}

/// Node with `--test`, with a runner's own file, or with some file.
fn by_node(step: &Step) -> Option<Runner> {
    let (flags, file) = node_words(step.arguments());
    if flags.iter().any(|word| word.text == "--test" || word.text == "--test-only") {
        return Some(Runner::NodeTest);
    }
    let file = file?.text.as_str();
    // A runner's own repository starts it by its file.
    let own = file.rsplit_once("bin/").map(|(_, name)| name.split('.').next().unwrap_or_default());
    match of_package(file).or(own.filter(|name| named(name).is_some())) {
        Some(package) => named(package),
        None => is_test_file(file).then_some(Runner::NodeFile),
    }
}

/// Whether a target's name says that it runs tests.
fn is_test_target(name: &str) -> bool {
    let words: Vec<&str> = name.split([':', '-', '_', '.', '/']).collect();
    let is = |word: &str| words.contains(&word);
    (is("test") || is("tests") || is("mocha") || is("spec") || is("check")) && !is("browser") && !is("lint")
}

/// The package of `./node_modules/PACKAGE/bin/x.js` or `node_modules/.bin/PACKAGE`.
pub(super) fn of_package(file: &str) -> Option<&str> {
    let (_, within) = file.rsplit_once("node_modules/")?;
    let within = within.strip_prefix(".bin/").unwrap_or(within);
    match within.split('/').next()? {
        scope if scope.starts_with('@') => Some(program(within)),
        name => Some(name),
    }
}

/// Whether a file's name says that it holds or runs tests.
fn is_test_file(file: &str) -> bool {
    file.split('/').any(|part| {
        let stem = part.split('.').next().unwrap_or_default();
        ["test", "tests", "__tests__", "spec", "specs", "check"].contains(&stem)
            || ["test", "tests", "spec"]
                .iter()
                .any(|word| part.contains(&format!(".{word}.")) || stem.ends_with(&format!("-{word}")))
            || ["test-", "test_", "run-test", "runtest", "run_test"]
                .iter()
                .any(|start| stem.starts_with(start))
            || stem.ends_with("Tests")
            || stem.ends_with("Test")
            || stem.ends_with("_test")
    })
}

/// Node's own flags, and the file with what follows it cut off.
pub(super) fn node_words(words: &[Word]) -> (&[Word], Option<&Word>) {
    let mut at = 0;
    while let Some(word) = words.get(at) {
        if !word.text.starts_with('-') || word.text == "-" {
            return (words.get(..at).unwrap_or_default(), Some(word));
        }
        at += if NODE_VALUED.contains(&word.text.as_str()) { 2 } else { 1 };
    }
    (words, None)
}
