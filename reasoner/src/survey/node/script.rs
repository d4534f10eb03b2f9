//! What a script of a package.json comes down to: scripts that run scripts, wrappers and runners of many
//! scripts are followed until only the commands themselves are left.

use codegod_protocol::setup::NodeManager;

use super::launch::{self, Launch};
use super::manifest::{Manifest, resolve};
use super::places::{Place, is_side, matches_name};
use super::shell::{Command, Word, is_assignment, split};

/// Scripts that run scripts that run scripts are followed so far.
const MAX_DEPTH: usize = 12;
/// The most commands that are kept of one script.
const MAX_STEPS: usize = 200;

/// A command of a script.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Step {
    /// The folder below the workspace in which it runs.
    pub(super) folder: String,
    /// Variables set for it, as written.
    pub(super) env: Vec<String>,
    /// What it is run by and has to be (`dotenv -e .env.test --`).
    pub(super) prefix: Vec<Word>,
    /// Program and arguments.
    pub(super) words: Vec<Word>,
    /// What reads its output.
    pub(super) piped_into: Option<String>,
    /// The script in which it stands.
    pub(super) script: String,
}

impl Step {
    /// The program's name, without its path and a version behind it.
    pub(super) fn program(&self) -> &str {
        self.words.first().map_or("", |word| launch::program(&word.text))
    }

    /// Its arguments.
    pub(super) fn arguments(&self) -> &[Word] {
        self.words.get(1..).unwrap_or_default()
    }

    /// It as it is written.
    pub(super) fn shown(&self) -> String {
        let words = self.prefix.iter().chain(&self.words).map(|word| word.raw.clone());
        self.env.iter().cloned().chain(words).collect::<Vec<_>>().join(" ")
    }
}

/// The commands of a project's script, in order; none when there is no such script.
pub(super) fn steps(place: &Place, manager: NodeManager, folder: &str, script: &str) -> Vec<Step> {
    let mut expander = Expander::new(place, manager);
    expander.script(folder, script, &Around::default(), &[]);
    expander.steps
}

/// Scripts that a script calls and that are not there, each with the one that calls it.
pub(super) fn missing(
    place: &Place,
    manager: NodeManager,
    folder: &str,
    script: &str,
) -> Vec<(String, String)> {
    let mut expander = Expander::new(place, manager);
    expander.script(folder, script, &Around::default(), &[]);
    expander.missing
}

/// The commands of a line that is run in a folder, by a workflow for example.
pub(super) fn line_steps(place: &Place, manager: NodeManager, folder: &str, line: &str) -> Vec<Step> {
    let mut expander = Expander::new(place, manager);
    expander.line(folder, line, "", &Around::default(), &[]);
    expander.steps
}

/// What surrounds a command.
#[derive(Debug, Clone, Default)]
struct Around {
    env: Vec<String>,
    prefix: Vec<Word>,
}

struct Expander<'a> {
    place: &'a Place,
    manager: NodeManager,
    steps: Vec<Step>,
    /// The scripts that are being followed.
    within: Vec<(String, String)>,
    missing: Vec<(String, String)>,
}

impl<'a> Expander<'a> {
    fn new(place: &'a Place, manager: NodeManager) -> Self {
        Self { place, manager, steps: Vec::new(), within: Vec::new(), missing: Vec::new() }
    }

    fn script(&mut self, folder: &str, name: &str, around: &Around, more: &[Word]) {
        let Some(manifest) = self.place.manifest(folder) else { return };
        let here = (folder.to_owned(), name.to_owned());
        if self.within.len() >= MAX_DEPTH || self.within.contains(&here) {
            return;
        }
        self.within.push(here);
        // Yarn 2 and later run nothing before a script.
        let before = if self.manager == NodeManager::YarnBerry {
            None
        } else {
            manifest.script(&format!("pre{name}"))
        };
        if let Some(line) = before {
            self.line(folder, line, name, around, &[]);
        }
        if let Some(line) = manifest.script(name) {
            self.line(folder, line, name, around, more);
        }
        self.within.pop();
    }

    /// Follows a line; `more` are arguments for its last command.
    fn line(&mut self, folder: &str, line: &str, script: &str, around: &Around, more: &[Word]) {
        let mut folder = folder.to_owned();
        let mut commands = split(line);
        if let Some(last) = commands.last_mut() {
            last.words.extend_from_slice(more);
        }
        for command in commands {
            let target = command.words.get(1).map(|word| word.text.clone());
            match (command.words.first().map(|word| word.text.as_str()), target) {
                (Some("cd" | "pushd"), Some(target)) => {
                    let Some(next) = resolve(&folder, &target) else { return };
                    folder = next;
                }
                _ => self.command(&folder, command, script, around),
            }
        }
    }

    fn command(&mut self, folder: &str, command: Command, script: &str, around: &Around) {
        let mut around = around.clone();
        around.env.extend(command.env);
        if self.steps.len() >= MAX_STEPS {
            return;
        }
        match launch::launch(&command.words, |name| self.is_script(folder, name)) {
            Launch::Itself => self.steps.push(Step {
                folder: folder.to_owned(),
                env: around.env,
                prefix: around.prefix,
                words: command.words,
                piped_into: command.piped_into,
                script: script.to_owned(),
            }),
            Launch::Wrapped { env, prefix, words } => {
                around.env.extend(env);
                around.prefix.extend(prefix);
                if self.within.len() < MAX_DEPTH {
                    self.within.push((String::new(), String::new()));
                    let inner = Command { env: Vec::new(), words, piped_into: command.piped_into };
                    let inner = assignments_first(inner);
                    self.command(folder, inner, script, &around);
                    self.within.pop();
                }
            }
            Launch::Line(line) => self.line(folder, &line, script, &around, &[]),
            Launch::Lines(lines) => {
                for line in lines {
                    self.line(folder, &line, script, &around, &[]);
                }
            }
            Launch::Scripts { folder: within, patterns, more } => {
                let Some(folder) = resolve(folder, &within) else { return };
                let optional = command.words.iter().any(|word| word.text == "--if-present");
                for name in self.fitting(&folder, &patterns) {
                    if !optional && !self.is_script(&folder, &name) {
                        self.missing.push((script.to_owned(), name.clone()));
                    }
                    self.script(&folder, &name, &around, &more);
                }
            }
            Launch::Members { which, script, more } => {
                for script in script.split(',') {
                    for folder in self.members(folder, &which, script) {
                        self.script(&folder, script, &around, &more);
                    }
                }
            }
            Launch::Nothing => {}
        }
    }

    fn is_script(&self, folder: &str, name: &str) -> bool {
        self.place.manifest(folder).is_some_and(|manifest| manifest.script(name).is_some())
    }

    /// The scripts of a folder that the patterns mean.
    fn fitting(&self, folder: &str, patterns: &[String]) -> Vec<String> {
        let Some(manifest) = self.place.manifest(folder) else { return Vec::new() };
        let fits = |pattern: &str| -> Vec<String> {
            if let Some(expression) = pattern.strip_prefix('/').and_then(|rest| rest.strip_suffix('/')) {
                let Ok(expression) = regex::Regex::new(expression) else { return Vec::new() };
                return manifest
                    .scripts()
                    .filter(|name| expression.is_match(name))
                    .map(str::to_owned)
                    .collect();
            }
            if !pattern.contains('*') {
                return vec![pattern.to_owned()];
            }
            manifest.scripts().filter(|name| matches_name(pattern, name)).map(str::to_owned).collect()
        };
        patterns.iter().flat_map(|pattern| fits(pattern)).collect()
    }

    /// The folders of the workspaces that are meant and have the script.
    fn members(&self, folder: &str, which: &[String], script: &str) -> Vec<String> {
        let meant = |member: &&Manifest| {
            member.script(script).is_some()
                && !is_side(&member.folder)
                && (which.is_empty() || which.iter().any(|pattern| is_meant(folder, member, pattern)))
        };
        let found: Vec<String> =
            self.place.members.iter().filter(meant).map(|member| member.folder.clone()).collect();
        // A filter that means something else here: all rather than none.
        if found.is_empty() && !which.is_empty() {
            return self.members(folder, &[], script);
        }
        found
    }
}

/// Whether a filter (`./packages/*`, `@scope/*`, `name`, `name...`) means a workspace.
fn is_meant(folder: &str, member: &Manifest, filter: &str) -> bool {
    let filter = filter.trim_start_matches(['{', '^']).trim_end_matches(['}', '.', '^']);
    let by_path = resolve(folder, filter).is_some_and(|path| matches_name(&path, &member.folder));
    by_path || matches_name(filter, member.name())
}

/// Assignments that a wrapper left in front of the command.
fn assignments_first(mut command: Command) -> Command {
    let count = command.words.iter().take_while(|word| is_assignment(&word.raw)).count();
    command.env.extend(command.words.drain(..count).map(|word| word.raw));
    command
}

#[cfg(test)]
mod tests {
    use super::super::tests::place;
    use super::*;

    #[test]
    fn a_script_that_is_called_and_not_there_is_named() {
        let scripts = serde_json::json!({ "scripts": {
            "test": "npm run lint --if-present && npm run test:uint && npm run test:types",
            "test:types": "tsc", "test:unit": "node --test" } });
        let place = place(&[("package.json", scripts)]);
        let found = missing(&place, NodeManager::Npm, "", "test");
        assert_eq!(found, [("test".to_owned(), "test:uint".to_owned())]);
    }

    fn shown(manifest: serde_json::Value, script: &str) -> Vec<String> {
        let place = place(&[("package.json", manifest)]);
        steps(&place, NodeManager::Npm, "", script).iter().map(Step::shown).collect()
    }

    #[test]
    fn scripts_are_followed_to_their_commands() {
        let manifest = serde_json::json!({ "scripts": {
            "pretest": "npm run -s build -- --fast",
            "build": "rimraf dist && tsc",
            "test": "run-s test:* && yarn lint; cross-env A=1 npm run unit -- --x",
            "test:a": "c8 --100 node --test",
            "test:b": "pnpm run \"/^un/\"",
            "lint": "eslint .",
            "unit": "npx -y mocha@10 'a b'",
            "loop": "npm run loop",
        }});
        assert_eq!(
            shown(manifest.clone(), "test"),
            [
                "rimraf dist",
                "tsc --fast",
                "node --test",
                "mocha@10 'a b'",
                "eslint .",
                "A=1 mocha@10 'a b' --x"
            ]
        );
        assert!(shown(manifest.clone(), "loop").is_empty());
        assert!(shown(manifest, "absent").is_empty());
    }

    #[test]
    fn scripts_of_workspaces_run_in_their_folders() {
        let place = place(&[
            (
                "package.json",
                serde_json::json!({ "workspaces": ["packages/*", "web"], "scripts": {
                    "test": "turbo run test --filter='./packages/*' --",
                    "one": "yarn workspace b test --ci",
                    "all": "npm test --workspaces --if-present",
                    "there": "cd packages/a && npm test",
                }}),
            ),
            ("packages/a/package.json", serde_json::json!({ "name": "@x/a", "scripts": { "test": "jest" } })),
            ("packages/b/package.json", serde_json::json!({ "name": "b", "scripts": { "test": "vitest" } })),
            ("web/package.json", serde_json::json!({ "name": "web", "scripts": { "test": "cypress run" } })),
        ]);
        let shown = |script: &str| -> Vec<(String, String)> {
            steps(&place, NodeManager::Npm, "", script)
                .iter()
                .map(|step| (step.folder.clone(), step.shown()))
                .collect()
        };
        let a = ("packages/a".to_owned(), "jest".to_owned());
        let b = ("packages/b".to_owned(), "vitest".to_owned());
        assert_eq!(shown("test"), [a.clone(), b.clone()]);
        assert_eq!(shown("one"), [("packages/b".to_owned(), "vitest --ci".to_owned())]);
        assert_eq!(shown("all"), [a.clone(), b, ("web".to_owned(), "cypress run".to_owned())]);
        assert_eq!(shown("there"), [a]);
    }
}
