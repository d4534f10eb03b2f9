//! What is prepared and which tests are run: what the project's own `test` script comes down to, without
//! what only looks at the sources; where there is none, what else it has.

use codegod_protocol::setup::{Preparation, TestRun};

use super::super::Tree;
use super::kind::{Kind, Runner, kind};
use super::lifecycle;
use super::manager::Manager;
use super::manifest::{Manifest, join, resolve};
use super::places::{Place, is_side};
use super::reporter::reporting;
use super::script::{Step, missing, steps};
use super::shell::Word;
use super::{with_path, workflows};

/// The longest that a test run may take, in seconds.
const DEADLINE: u64 = 1800;
/// Marks of what a project runs before its tests and failed: the tests are run all the same, but not called well.
const UNPREPARED: &str = "/tmp/codegod-unprepared";
/// Scripts that run tests in projects whose `test` does not.
const OTHER_SCRIPTS: [&str; 16] = [
    "test:unit",
    "unit",
    "test:ci",
    "test-ci",
    "ci:test",
    "tests",
    "test:run",
    "test:once",
    "test-unit",
    "unit-test",
    "test:node",
    "test-node",
    "jest",
    "vitest",
    "mocha",
    "tests-only",
];
/// Packages that install hooks for git.
const HOOKS: [&str; 8] = [
    "husky",
    "lefthook",
    "@evilmartians/lefthook",
    "simple-git-hooks",
    "yorkie",
    "pre-commit",
    "ghooks",
    "git-hooks",
];
/// Runners that are run as they are when no script does, by the package that brings them.
const DEFAULTS: [&str; 5] = ["vitest", "jest", "mocha", "ava", "tap"];

/// What is prepared and tested.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) prepare: Vec<Preparation>,
    pub(super) tests: Vec<TestRun>,
    pub(super) notes: Vec<String>,
}

pub(super) fn plan(tree: &Tree, place: &Place, manager: &Manager, node: u64) -> Plan {
    let mut planner = Planner { tree, place, manager, node, plan: Plan::default() };
    planner.of_root();
    if planner.plan.tests.is_empty() {
        planner.of_members();
    }
    if planner.plan.tests.is_empty() {
        planner.by_packages();
    }
    if planner.plan.tests.is_empty() {
        planner.by_itself();
    }
    let mut plan = planner.plan;
    if !plan.prepare.is_empty() {
        for test in &mut plan.tests {
            test.run = after_preparations(&test.run);
        }
    }
    let mut before = lifecycle::preparations(tree, place, manager);
    // What is built already is not built twice.
    let at_root = |all: &[Preparation]| all.iter().any(|one| one.workdir == place.root.folder);
    if !at_root(&before) && !at_root(&plan.prepare) {
        let by_workflow = workflows::builds(tree, place, manager.kind);
        before.extend(lifecycle::builds(tree, place, manager, &plan.tests, by_workflow));
    }
    before.append(&mut plan.prepare);
    plan.prepare = without_repeats(before);
    if !plan.prepare.is_empty() && place.all().any(has_hooks) {
        plan.prepare.insert(0, repository());
    }
    if plan.tests.is_empty() {
        plan.prepare.clear();
    }
    plan
}

/// Whether a package's installation, and its packing, put hooks into a git repository.
fn has_hooks(manifest: &Manifest) -> bool {
    HOOKS.iter().any(|name| manifest.depends_on(name))
}

/// Makes an empty repository: the sources come without theirs, and what installs hooks fails where there is none.
fn repository() -> Preparation {
    Preparation {
        run: "[ -e .git ] || git init --quiet".to_owned(),
        workdir: String::new(),
        why: "scripts of the project install hooks for git".to_owned(),
    }
}

/// A run of tests that does not end well when what the project runs before them failed.
fn after_preparations(run: &str) -> String {
    format!(
        "({run}\n); code=$?; if ls {UNPREPARED}.* >/dev/null 2>&1; then echo '[what comes before the tests failed]'; \
         [ $code -ne 0 ] || code=1; fi; exit $code"
    )
}

fn without_repeats(all: Vec<Preparation>) -> Vec<Preparation> {
    let mut kept: Vec<Preparation> = Vec::new();
    for preparation in all {
        if !kept
            .iter()
            .any(|known| command(known) == command(&preparation) && known.workdir == preparation.workdir)
        {
            kept.push(preparation);
        }
    }
    kept
}

/// What a preparation runs, without what is around it.
fn command(preparation: &Preparation) -> &str {
    let run = preparation.run.split(" || ").next().unwrap_or_default();
    run.find("PATH=").and_then(|at| run.get(at..)).unwrap_or(run)
}

struct Planner<'a> {
    tree: &'a Tree,
    place: &'a Place,
    manager: &'a Manager,
    /// The major version of Node.
    node: u64,
    plan: Plan,
}

impl Planner<'_> {
    fn of_root(&mut self) {
        let root = self.place.root.folder.clone();
        for (by, missing) in missing(self.place, self.manager.kind, &root, "test") {
            self.note(format!(
                "package.json's script {by} calls the script {missing}, which it does not have."
            ));
            // It is called all the same: what the project runs fails there, whatever other tests give.
            let words = [self.manager.command(), "run"].map(Word::plain).into_iter();
            let words = words.chain([Word::quoted(&missing)]).collect();
            let call = Step { folder: root.clone(), words, script: by, ..Step::default() };
            self.plan.prepare.push(self.preparation(&call));
        }
        for script in std::iter::once("test").chain(OTHER_SCRIPTS) {
            self.of_script(&root, script);
            if !self.plan.tests.is_empty() {
                return;
            }
        }
    }

    fn of_members(&mut self) {
        for member in self.place.members.iter().filter(|member| !is_side(&member.folder)) {
            let before = self.plan.tests.len();
            for script in std::iter::once("test").chain(OTHER_SCRIPTS) {
                self.of_script(&member.folder, script);
                if self.plan.tests.len() > before {
                    break;
                }
            }
        }
    }

    /// Takes the tests of a script, and whatever work comes before them.
    fn of_script(&mut self, folder: &str, script: &str) {
        let mut work: Vec<Step> = Vec::new();
        for step in steps(self.place, self.manager.kind, folder, script) {
            match kind(&step, |step| lifecycle::leaves_nothing(self.tree, step)) {
                Kind::Tests(runner) => {
                    for before in work.drain(..) {
                        self.plan.prepare.push(self.preparation(&before));
                    }
                    self.add(&step, runner, folder, script);
                }
                Kind::Browser => self.note(format!("`{}` needs a browser and is not run.", step.shown())),
                Kind::Work => work.push(step),
                Kind::Check | Kind::Noise => {}
            }
        }
    }

    fn note(&mut self, note: String) {
        if !self.plan.notes.contains(&note) {
            self.plan.notes.push(note);
        }
    }

    fn preparation(&self, step: &Step) -> Preparation {
        let command = with_path(self.place, &step.folder, &step.shown());
        let mark = format!("{UNPREPARED}.{}", self.plan.prepare.len());
        Preparation {
            run: format!(
                "rm -f {mark}; {command} || {{ echo '[this failed; the tests are run all the same]'; touch {mark}; }}"
            ),
            workdir: step.folder.clone(),
            why: format!("the project's script {} runs it before the tests", step.script),
        }
    }

    fn add(&mut self, step: &Step, runner: Runner, folder: &str, script: &str) {
        let manifests: Vec<&Manifest> =
            self.place.manifest(&step.folder).into_iter().chain([&self.place.root]).collect();
        let how = reporting(step, runner, &manifests, self.node);
        let manager = self.manager.command();
        let own =
            if script == "test" { format!("{manager} test") } else { format!("{manager} run {script}") };
        let own = if folder == self.place.root.folder { own } else { format!("cd {folder} && {own}") };
        let run = TestRun {
            runner: how.runner.to_owned(),
            run: with_path(self.place, &step.folder, &how.run),
            workdir: step.folder.clone(),
            report: how.report,
            own,
            files: self.files(step, runner),
            deadline_seconds: DEADLINE,
        };
        if !self.plan.tests.iter().any(|known| known.run == run.run && known.workdir == run.workdir) {
            self.plan.tests.push(run);
        }
    }

    /// How many files look like those that the runner takes by itself.
    fn files(&self, step: &Step, runner: Runner) -> Option<u64> {
        let is_verb = |word: &&Word| ["run", "test", "test:unit"].contains(&word.text.as_str());
        let mut own = step.arguments().iter().skip_while(is_verb);
        let chosen = own.any(|word| !word.text.starts_with('-'));
        let configured =
            step.words.iter().any(|word| word.text.contains("config") || word.text.starts_with("--project"));
        if chosen || configured || !matches!(runner, Runner::Vitest | Runner::Jest) {
            return None;
        }
        let start = if step.folder.is_empty() { String::new() } else { format!("{}/", step.folder) };
        let all = self.tree.entries().filter_map(|(path, _)| path.strip_prefix(start.as_str()));
        let count = all.filter(|path| is_test(path)).count();
        u64::try_from(count).ok().filter(|count| *count > 0)
    }

    /// The test script runs something that is not known: it is run as it is.
    fn by_itself(&mut self) {
        let root = &self.place.root.folder;
        let all = steps(self.place, self.manager.kind, root, "test");
        let is_work =
            |step: &Step| kind(step, |step| lifecycle::leaves_nothing(self.tree, step)) == Kind::Work;
        let mut work: Vec<Step> = all.into_iter().filter(is_work).collect();
        let Some(last) = work.pop() else { return };
        for before in &work {
            self.plan.prepare.push(self.preparation(before));
        }
        self.note(format!(
            "`{}` is no runner that is known: what it leaves is read, or its exit code.",
            last.shown()
        ));
        self.add(&last, Runner::Other, root, "test");
    }

    /// No script runs tests: the runner that is there does, if there is something for it.
    fn by_packages(&mut self) {
        let found: Vec<(&Manifest, &str)> = self
            .place
            .all()
            .filter_map(|manifest| Some((manifest, *DEFAULTS.iter().find(|name| manifest.depends_on(name))?)))
            .collect();
        for (manifest, name) in found {
            let start =
                if manifest.folder.is_empty() { String::new() } else { format!("{}/", manifest.folder) };
            let within = |path: &str| {
                path.strip_prefix(start.as_str())
                    .is_some_and(|path| is_test(path) || path.starts_with("test/"))
            };
            let configured = self.tree.entries().any(|(path, _)| {
                path.strip_prefix(start.as_str())
                    .is_some_and(|path| path.starts_with(&format!("{name}.config.")))
            });
            if !configured && !self.tree.entries().any(|(path, _)| within(path)) {
                continue;
            }
            let step =
                Step { folder: manifest.folder.clone(), words: vec![Word::plain(name)], ..Step::default() };
            if let Kind::Tests(runner) = kind(&step, |_| false) {
                self.note(format!("No script runs the tests; {name} is run as it is."));
                self.add(&step, runner, &manifest.folder, name);
            }
        }
    }
}

/// Whether a file is one that runners take for tests by its name.
fn is_test(path: &str) -> bool {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let code = [".js", ".jsx", ".ts", ".tsx", ".mjs", ".cjs", ".mts", ".cts"]
        .iter()
        .any(|ending| name.ends_with(ending));
    let named = name.contains(".test.") || name.contains(".spec.");
    code && !name.ends_with(".d.ts")
        && (named || folder.split('/').any(|part| part == "__tests__") && !name.contains("setup"))
}

/// The TypeScript project that a compiler is given.
pub(super) fn project_of(step: &Step) -> Option<String> {
    let words: Vec<&str> = step.arguments().iter().map(|word| word.text.as_str()).collect();
    let after = |flags: &[&str]| {
        let at = words.iter().position(|word| flags.contains(word))?;
        words.get(at + 1).copied().filter(|word| !word.starts_with('-'))
    };
    let named = after(&["-p", "--project"]).or_else(|| after(&["-b", "--build"]));
    let path = resolve(&step.folder, named.unwrap_or("tsconfig.json"))?;
    Some(if path.ends_with(".json") { path } else { join(&path, "tsconfig.json") })
}
