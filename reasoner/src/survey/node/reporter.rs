//! How each runner is made to leave a report that a program can read, with whatever else the project tells
//! it kept as it is.

use codegod_protocol::setup::ReportFormat;

use super::kind::{Runner, node_words, of_package};
use super::manifest::Manifest;
use super::script::Step;
use super::shell::Word;

/// The report's place in a command.
const REPORT: &str = "\"$CODEGOD_REPORT\"";
/// Makes jest write its results.
const JEST: &str = include_str!("jest.js");
/// Makes jasmine write what jest would.
const JASMINE: &str = include_str!("jasmine.js");
/// Makes of what uvu prints what jest would write.
const UVU: &str = include_str!("uvu.js");

/// A command that leaves a report.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Reporting {
    pub(super) run: String,
    pub(super) report: ReportFormat,
    /// The runner's name.
    pub(super) runner: &'static str,
}

/// The command with its report; it does not end with the first test that fails. `manifest` tells of the runners' versions.
pub(super) fn reporting(step: &Step, runner: Runner, manifest: &[&Manifest], node: u64) -> Reporting {
    let major = |name: &str| manifest.iter().find_map(|manifest| manifest.major_of(name));
    let reporting = |run: String, report, runner| Reporting { run, report, runner };
    match runner {
        Runner::Jest => reporting(jest(step, major("jest")), ReportFormat::JestJson, "jest"),
        Runner::Vitest => reporting(vitest(step), ReportFormat::JestJson, "vitest"),
        Runner::Mocha => reporting(mocha(step, major("mocha")), ReportFormat::Junit, "mocha"),
        Runner::NodeTest => node_test(step, node),
        Runner::NodeFile | Runner::Other => reporting(whatever(step, node), ReportFormat::ExitCode, "own"),
        Runner::Ava => {
            let step = without(step, &["--fail-fast", "--verbose", "-v", "--watch", "-w"], &["--reporter"]);
            reporting(printed(&with(&step, &["--tap"])), ReportFormat::Tap, "ava")
        }
        Runner::Tap => reporting(tap(step, major("tap")), ReportFormat::Tap, "tap"),
        Runner::Tape => reporting(printed(&shown(step)), ReportFormat::Tap, "tape"),
        Runner::Jasmine => reporting(jasmine(step), ReportFormat::JestJson, "jasmine"),
        Runner::Uvu => reporting(uvu(step), ReportFormat::JestJson, "uvu"),
        Runner::Lab => {
            let step = without(
                step,
                &["-c", "-L", "--lint", "--coverage"],
                &["-t", "--threshold", "-r", "--reporter", "-o", "--output"],
            );
            let run = with(&step, &["-r", "console", "-o", "stdout", "-r", "junit", "-o", REPORT]);
            reporting(run, ReportFormat::Junit, "lab")
        }
        Runner::Borp => {
            let step = without(
                step,
                &["--coverage", "-C", "--check-coverage", "--watch", "-w"],
                &["--reporter", "-r"],
            );
            let run = with(&step, &["--reporter", "spec", "--reporter", "\"junit:$CODEGOD_REPORT\""]);
            reporting(run, ReportFormat::Junit, "borp")
        }
    }
}

/// The command as it is written; a version that npx would fetch is the installed one's.
fn shown(step: &Step) -> String {
    let mut step = step.clone();
    if let Some(first) = step.words.first_mut()
        && let program = super::launch::program(&first.text).to_owned()
        && first.text.contains('@')
        && !first.text.contains('/')
    {
        *first = Word::quoted(&program);
    }
    step.shown()
}

/// The command without flags: those that stand alone, and those with a value.
fn without(step: &Step, alone: &[&str], valued: &[&str]) -> Step {
    let mut step = step.clone();
    let mut words = step.words.drain(..).collect::<Vec<_>>().into_iter();
    while let Some(word) = words.next() {
        let name = word.text.split('=').next().unwrap_or_default().to_owned();
        if valued.contains(&name.as_str()) {
            if !word.text.contains('=') {
                words.next();
            }
        } else if !alone.contains(&name.as_str()) {
            step.words.push(word);
        }
    }
    step
}

/// The command with arguments more, in front of a `--` for what the runner starts.
fn with(step: &Step, more: &[&str]) -> String {
    let mut step = step.clone();
    // Behind `--` all would be names of files.
    let at = step.words.iter().position(|word| word.text == "--").unwrap_or(step.words.len());
    step.words
        .splice(at..at, more.iter().map(|word| Word { raw: (*word).to_owned(), text: (*word).to_owned() }));
    shown(&step)
}

/// Jest's own `--json` would send to the error output what tests expect on the other; so a reporter of ours
/// writes the same.
fn jest(step: &Step, major: Option<u64>) -> String {
    const ALONE: [&str; 11] = [
        "--bail",
        "-b",
        "--watch",
        "--watchAll",
        "--coverage",
        "--collectCoverage",
        "--json",
        "--colors",
        "--notify",
        "-o",
        "--onlyChanged",
    ];
    let valued = [
        "--outputFile",
        "--coverageReporters",
        "--coverageDirectory",
        "--collectCoverageFrom",
        "--reporters",
    ];
    let step = without(step, &ALONE, &valued);
    // A process that is left open keeps nobody waiting: the report is written by then.
    let general = ["--ci", "--coverage=false", "--forceExit"];
    if major.is_some_and(|major| major < 24) {
        return with(&step, &[general.as_slice(), &["--json", &format!("--outputFile={REPORT}")]].concat());
    }
    let helper = "/tmp/codegod-jest.cjs";
    let reporters = ["--reporters=default", &format!("--reporters={helper}")];
    write(JEST, helper) + &with(&step, &[general.as_slice(), &reporters].concat())
}

/// Puts a helper's text into a file outside the workspace.
fn write(text: &str, path: &str) -> String {
    format!("printf %s {} > {path} && ", crate::shell::quote(text))
}

fn vitest(step: &Step) -> String {
    let mut step = without(
        step,
        &["--watch", "-w", "--ui", "--coverage", "--open"],
        &[
            "--bail",
            "--reporter",
            "--outputFile",
            "--outputFile.junit",
            "--outputFile.json",
            "--coverage.reporter",
            "--coverage.provider",
        ],
    );
    step.words.retain(|word| !word.text.starts_with("--coverage"));
    let at = 1 + step
        .words
        .iter()
        .position(|word| of_package(&word.text).is_some() || super::launch::program(&word.text) == "vitest")
        .unwrap_or_default();
    let runs_once = step.words.iter().any(|word| word.text == "--run" || word.text == "run");
    match step.words.get_mut(at) {
        Some(word) if ["run", "related", "list"].contains(&word.text.as_str()) => {}
        Some(word) if ["dev", "watch"].contains(&word.text.as_str()) => *word = Word::plain("run"),
        _ if runs_once => {}
        _ => step.words.insert(at, Word::plain("run")),
    }
    let report = format!("--outputFile.json={REPORT}");
    with(&step, &["--reporter=default", "--reporter=json", &report, "--coverage.enabled=false"])
}

fn mocha(step: &Step, major: Option<u64>) -> String {
    let step = without(
        step,
        &["--bail", "-b", "--watch", "-w", "-G", "--growl", "--forbid-only", "--no-exit"],
        &["--reporter", "-R", "--reporter-options", "--reporter-option", "-O"],
    );
    let report = format!("output={REPORT}");
    let mut more = vec!["--reporter", "xunit", "--reporter-options", report.as_str()];
    // Before version 4 it ended by itself, and does not know the flag.
    if major.is_none_or(|major| major >= 4) {
        more.push("--exit");
    }
    with(&step, &more)
}

/// Node's own tests. Versions before 20 know fewer formats.
fn node_test(step: &Step, node: u64) -> Reporting {
    let (format, name) = if node < 20 { (ReportFormat::Tap, "tap") } else { (ReportFormat::Junit, "junit") };
    Reporting { run: with_node_reporter(step, name), report: format, runner: "node" }
}

/// Node's options stand in front of the files.
fn with_node_reporter(step: &Step, name: &str) -> String {
    let alone = ["--experimental-test-coverage", "--watch", "--test-force-exit"];
    let valued = [
        "--test-reporter",
        "--test-reporter-destination",
        "--test-coverage-lines",
        "--test-coverage-branches",
        "--test-coverage-functions",
    ];
    let mut step = without(step, &alone, &valued);
    let (flags, _) = node_words(step.arguments());
    let at = 1 + flags.len();
    let reporter = format!("--test-reporter={name}");
    let destination = format!("--test-reporter-destination={REPORT}");
    let more = ["--test-reporter=spec", "--test-reporter-destination=stdout", &reporter, &destination];
    step.words.splice(at..at, more.iter().map(|word| Word::plain(word)));
    shown(&step)
}

/// A command of which nothing is known: it may use Node's own tests, print TAP or a summary, or only end
/// well or badly.
fn whatever(step: &Step, node: u64) -> String {
    let by_node = node >= 20 && step.program() == "node";
    let command = if by_node { with_node_reporter(step, "junit") } else { shown(step) };
    let out = "/tmp/codegod-printed";
    format!(
        "{command} > {out} 2>&1; code=$?; cat {out}; grep -q '<testcase' {REPORT} 2>/dev/null || \
         if grep -q '^TAP version' {out}; then cp {out} {REPORT}; else {{ echo $code; cat {out}; }} > {REPORT}; fi; exit $code"
    )
}

fn tap(step: &Step, major: Option<u64>) -> String {
    let step = without(
        step,
        &[
            "--bail",
            "-b",
            "--100",
            "--check-coverage",
            "--no-check-coverage",
            "--coverage",
            "--no-coverage",
            "--cov",
            "--no-cov",
            "-w",
            "--watch",
            "--disable-coverage",
            "--allow-incomplete-coverage",
            "--allow-empty-coverage",
        ],
        &[
            "-R",
            "--reporter",
            "--coverage-report",
            "-o",
            "--output-file",
            "--lines",
            "--branches",
            "--functions",
            "--statements",
        ],
    );
    let coverage = match major {
        Some(..=17) => "--no-coverage",
        _ => "--disable-coverage",
    };
    // Its own file for the report lacks the plan.
    printed(&with(&step, &["--reporter=tap", coverage]))
}

fn jasmine(step: &Step) -> String {
    let helper = "/tmp/codegod-jasmine.js";
    write(JASMINE, helper) + &with(step, &[&format!("--helper={helper}")])
}

fn uvu(step: &Step) -> String {
    let run = captured(&format!("FORCE_COLOR=0 {}", shown(step)));
    format!("{run}; node -e {} \"$CODEGOD_REPORT\" $code; exit $code", crate::shell::quote(UVU))
}

/// What a command prints is its report.
fn printed(command: &str) -> String {
    format!("{}; exit $code", captured(command))
}

fn captured(command: &str) -> String {
    format!("{command} > {REPORT}; code=$?; cat {REPORT}")
}
