//! What rules may ask about a project: its own modules, its files, what its manifests list. Gathered from
//! the setup and the tree only once something was seen.

use std::collections::{BTreeMap, BTreeSet};

use codegod_protocol::action::Action;
use codegod_protocol::setup::{NodeManager, Requirements, Setup, Toolchain};
use minijinja::Value;
use minijinja::value::Serde;
use regex::RegexBuilder;

use super::modules::{modules, place};
use super::packages::Packages;
use super::schema::Language;
use super::{manifest, names};
use crate::survey::{Tree, is_example_of_settings};

/// Larger manifests are lock files.
const MAX_MANIFEST_BYTES: usize = 256 * 1024;
/// Files that say what a project requires.
const MANIFESTS: [&str; 6] =
    ["pyproject.toml", "setup.py", "setup.cfg", "Pipfile", "tox.ini", "package.json"];

/// What is known of a project.
pub(super) struct Facts {
    setup: Setup,
    paths: BTreeSet<String>,
    /// Small files that say something, by path.
    texts: BTreeMap<String, String>,
    /// The text of `manage.py`; empty when there is none.
    manage: String,
    /// The path of the file or folder of each of the project's own top modules.
    modules: BTreeMap<String, String>,
}

impl Facts {
    pub(super) fn new(setup: &Setup, tree: &Tree) -> Self {
        let paths: BTreeSet<String> = tree.entries().map(|(path, _)| path.to_owned()).collect();
        let texts = paths
            .iter()
            .filter(|path| is_manifest(path))
            .filter_map(|path| Some((path.clone(), tree.text(path)?.to_owned())))
            .filter(|(_, text)| text.len() <= MAX_MANIFEST_BYTES)
            .collect();
        let modules = modules(&paths);
        let manage = paths.iter().filter(|path| path.ends_with("manage.py")).find_map(|path| tree.text(path));
        Self { setup: setup.clone(), manage: manage.unwrap_or_default().to_owned(), paths, texts, modules }
    }

    pub(super) fn language(setup: &Setup) -> Language {
        match setup.toolchain {
            Toolchain::Python(_) => Language::Python,
            Toolchain::Node(_) => Language::Node,
        }
    }

    /// The part as rules see it.
    pub(super) fn part(&self) -> Value {
        let setup = &self.setup;
        let (toolchain, version, manager, more) = match &setup.toolchain {
            Toolchain::Python(python) => ("python", &python.version, "pip", &python.distributions),
            Toolchain::Node(node) => ("node", &node.version, manager(node.manager), &node.packages),
        };
        let flags = match &setup.toolchain {
            Toolchain::Python(_) => BTreeSet::new(),
            Toolchain::Node(node) => node.flags.clone(),
        };
        let locked = match &setup.toolchain {
            Toolchain::Python(python) => {
                python.requirements.iter().any(|one| matches!(one, Requirements::Lock { .. }))
            }
            Toolchain::Node(node) => node.locked,
        };
        Value::from(Serde(serde_json::json!({
            "folder": setup.folder,
            "toolchain": toolchain,
            "version": version,
            "manager": manager,
            "more": more,
            "flags": flags,
            "locked": locked,
            "env": setup.env,
            "dated": setup.dated,
            "services": setup.services,
            "system_packages": setup.system_packages,
            "private_files": setup.private_files.keys().collect::<Vec<_>>(),
            "runners": setup.tests.iter().map(|run| run.runner.as_str()).collect::<Vec<_>>(),
        })))
    }

    /// The path of the project's own module of that name, or of the package that it lies in; else empty.
    pub(super) fn own(&self, module: &str) -> String {
        let top = module.split('.').next().unwrap_or(module);
        let path = self.modules.get(top).cloned().unwrap_or_default();
        // A namespace is shared with distributions.
        let shared = top != module && !path.ends_with(".py") && !self.has(&format!("{path}/__init__.py"));
        if shared && !self.is_there(&place(&path, module)) { String::new() } else { path }
    }

    /// Whether the project has the file or folder of its own module, not only of a package around it.
    pub(super) fn own_whole(&self, module: &str) -> bool {
        let path = self.own(module);
        !path.is_empty() && self.is_there(&place(&path, module))
    }

    /// The file that the name of an own module was likely meant for: one that differs in capitals, or by one
    /// letter; empty when there is none.
    pub(super) fn near_module(&self, module: &str) -> String {
        let wanted = place(&self.own(module), module).to_lowercase();
        let near = |path: &&String| {
            let bare = path.trim_end_matches(".py").trim_end_matches("/__init__").to_lowercase();
            path.ends_with(".py") && (bare == wanted || names::is_one_slip_away(&bare, &wanted))
        };
        self.paths.iter().find(near).cloned().unwrap_or_default()
    }

    /// Whether something of a module of that place is there, in whatever it is written.
    fn is_there(&self, place: &str) -> bool {
        [".", "/"].iter().any(|end| {
            let start = format!("{place}{end}");
            self.paths.range(start.clone()..).next().is_some_and(|path| path.starts_with(&start))
        })
    }

    /// The folder from which the project's own module is imported, `.` for the top; empty when it has no
    /// such module.
    pub(super) fn own_root(&self, module: &str) -> String {
        let path = self.own(module);
        match path.rsplit_once('/') {
            Some((folder, _)) => folder.to_owned(),
            None if path.is_empty() => String::new(),
            None => ".".to_owned(),
        }
    }

    /// Whether there is such a file or folder, below the workspace or the part's folder. Absolute paths are
    /// those of the sandbox.
    pub(super) fn has(&self, path: &str) -> bool {
        let path = path.trim_start_matches("/workspace/").trim_start_matches("./").trim_end_matches('/');
        let below = if self.setup.folder.is_empty() {
            path.to_owned()
        } else {
            format!("{}/{path}", self.setup.folder)
        };
        [path, below.as_str()].iter().any(|path| {
            let folder = format!("{path}/");
            self.paths.contains(*path)
                || self.paths.range(folder.clone()..).next().is_some_and(|next| next.starts_with(&folder))
        })
    }

    /// The path below the workspace of a file of the project, as a traceback names it; empty for any other
    /// file.
    pub(super) fn own_file(&self, path: &str) -> String {
        let path = path.trim_start_matches("/workspace/").trim_start_matches("./");
        let below = format!("{}/{path}", self.setup.folder);
        let found = [path, below.as_str()].into_iter().find(|path| self.paths.contains(*path));
        found.unwrap_or_default().to_owned()
    }

    /// Whether a package of this name is one of the project's own.
    pub(super) fn own_package(&self, name: &str) -> bool {
        let named = |text: &String| {
            let manifest: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
            manifest.get("name").and_then(serde_json::Value::as_str) == Some(name)
        };
        !name.is_empty() && self.package_jsons().any(named)
    }

    /// The file that a relative import was likely meant to name: one that differs in capitals, or by one
    /// letter, from what it says; empty when there is none.
    pub(super) fn near_file(&self, from: &str, to: &str) -> String {
        let from = self.own_file(from);
        let folder = from.rsplit_once('/').map_or("", |(folder, _)| folder);
        // Node names the place of a module that it does not find in full.
        let start = if to.starts_with("/workspace/") { "" } else { folder };
        let mut parts: Vec<&str> = start.split('/').filter(|part| !part.is_empty()).collect();
        for part in to.trim_start_matches("/workspace/").split('/') {
            match part {
                "." => {}
                ".." => drop(parts.pop()),
                part => parts.push(part),
            }
        }
        let wanted = parts.join("/");
        let bare = |path: &str| path.rsplit_once('.').map_or(path, |(bare, _)| bare).to_lowercase();
        let meant = bare(&wanted);
        let whole = wanted.to_lowercase();
        let near = |path: &&String| {
            let path = bare(path);
            path == meant
                || path == whole
                || names::is_one_slip_away(&path, &meant)
                || names::is_one_slip_away(&path, &whole)
        };
        self.paths.iter().find(near).cloned().unwrap_or_default()
    }

    /// The path, nearest to the top, of a file of this name; else empty.
    pub(super) fn find(&self, name: &str) -> String {
        let named = self.paths.iter().filter(|path| path.rsplit('/').next() == Some(name));
        named.min_by_key(|path| path.matches('/').count()).cloned().unwrap_or_default()
    }

    /// The text of a small file that says something; empty when it is none.
    pub(super) fn text(&self, path: &str) -> &str {
        self.texts.get(path).map_or("", String::as_str)
    }

    /// Whether a manifest, or the setup, names this distribution or package.
    pub(super) fn listed(&self, name: &str) -> bool {
        match &self.setup.toolchain {
            Toolchain::Python(python) => {
                let added = python.distributions.iter().chain(&python.overrides).map(String::as_str);
                let lines = python.requirements.iter().flat_map(|stated| match stated {
                    Requirements::Lines { lines, .. } => lines.clone(),
                    Requirements::File { .. } | Requirements::Project { .. } | Requirements::Lock { .. } => {
                        Vec::new()
                    }
                });
                self.texts.values().any(|text| manifest::mentions(text, name))
                    || added.map(str::to_owned).chain(lines).any(|line| manifest::mentions(&line, name))
            }
            Toolchain::Node(node) => {
                let key = format!("\"{name}\"");
                let added = node.packages.iter().any(|package| package.starts_with(name));
                added || self.package_jsons().any(|text| text.contains(&key))
            }
        }
    }

    /// A Node package in the version that goes with those of its family.
    pub(super) fn versioned(&self, name: &str) -> String {
        super::lockstep::versioned(name, self.package_jsons())
    }

    /// The version to which a manifest pins a distribution; else empty.
    pub(super) fn pinned(&self, name: &str) -> String {
        let name = regex::escape(name).replace("\\-", "[-_.]");
        let pattern = format!(r#"(?:^|["'\s]){name}(?:\[[^\]]*\])?\s*==\s*(?P<version>[\w.!+]+)"#);
        let Ok(pin) = RegexBuilder::new(&pattern).multi_line(true).case_insensitive(true).build() else {
            return String::new();
        };
        let found = self.texts.values().find_map(|text| pin.captures(text));
        found.map_or_else(String::new, |found| found["version"].to_owned())
    }

    /// The versions that a manifest asks for of a distribution, as written (`>=1,<2`); else empty.
    pub(super) fn specifier(&self, name: &str) -> String {
        let stating = self.texts.iter().filter(|(path, _)| states_requirements(path));
        let mut found = stating.filter_map(|(_, text)| manifest::stated(text, name));
        found
            .next()
            .and_then(|stated| stated.find(['=', '<', '>', '!', '~']).map(|at| stated[at..].to_owned()))
            .unwrap_or_default()
    }

    /// The file of the project that states what it requires, and to which a line can be added; else empty.
    pub(super) fn requirements_file(&self) -> String {
        let Toolchain::Python(python) = &self.setup.toolchain else { return String::new() };
        let below = |folder: &str, name: &str| match folder {
            "" => name.to_owned(),
            folder => format!("{folder}/{name}"),
        };
        let stated = python.requirements.iter().filter_map(|stated| match stated {
            Requirements::File { path } if !is_for_tests(path) => Some(path.clone()),
            Requirements::Project { folder, .. } => Some(below(folder, "pyproject.toml")),
            // What is locked has to be locked again by its own tool.
            Requirements::File { .. } | Requirements::Lock { .. } | Requirements::Lines { .. } => None,
        });
        let locked = python.requirements.iter().any(|stated| matches!(stated, Requirements::Lock { .. }));
        let usual = (!locked).then(|| below(&self.setup.folder, "requirements.txt"));
        let candidates = stated.chain(usual).filter(|path| manifest::takes_lines(path, self.text(path)));
        candidates.into_iter().next().unwrap_or_default()
    }

    /// What adds requirement lines to the file that states what the project requires.
    pub(super) fn require(&self, lines: &[String]) -> Option<Action> {
        let path = self.requirements_file();
        if path.is_empty() {
            return None;
        }
        if !path.ends_with(".toml") {
            return Some(Action::UpdateRequirements { path, add: lines.to_vec() });
        }
        let text = self.text(&path).to_owned();
        let content = lines.iter().try_fold(text, |text, line| manifest::with_line(&text, line))?;
        Some(Action::WriteFile { path, content, executable: false })
    }

    /// What replaces requirements in the files that state them; nothing for those that no file states.
    pub(super) fn replace(&self, replaced: &[(String, String)]) -> Vec<Action> {
        let stating = self.texts.iter().filter(|(path, _)| states_requirements(path));
        let edited = stating.filter_map(|(path, text)| {
            let mut content = text.clone();
            for (name, by) in replaced {
                content = manifest::with_replaced(&content, name, by).unwrap_or(content);
            }
            let action = |content| Action::WriteFile { path: path.clone(), content, executable: false };
            (content != *text).then(|| action(content))
        });
        edited.collect()
    }

    /// The example of the part's settings file; else empty.
    pub(super) fn env_example(&self) -> String {
        let is_example =
            |path: &&String| is_example_of_settings(path) && path.starts_with(&self.setup.folder);
        let found = self.paths.iter().filter(is_example).min_by_key(|path| path.matches('/').count());
        found.cloned().unwrap_or_default()
    }

    /// The module with the settings of a Django project: that of `manage.py`, else the nearest that is named
    /// so; those for tests come first. Empty when there is none.
    pub(super) fn django_settings(&self) -> String {
        let path = self.find("manage.py");
        let named = self.manage.split("DJANGO_SETTINGS_MODULE").nth(1);
        let quoted =
            named.and_then(|rest| rest.trim_start_matches(['"', '\'', ',', ' ']).split(['"', '\'']).next());
        if let Some(module) = quoted.filter(|module| !path.is_empty() && module.contains("settings")) {
            return module.to_owned();
        }
        let is_settings =
            |path: &&String| path.ends_with("settings.py") || path.ends_with("settings/__init__.py");
        let order = |path: &&String| (!path.contains("test"), path.matches('/').count());
        let found = self.paths.iter().filter(is_settings).min_by_key(order);
        let module = found.map(|path| path.trim_end_matches("/__init__.py").trim_end_matches(".py"));
        module.map(|module| module.trim_start_matches("src/").replace('/', ".")).unwrap_or_default()
    }

    /// The scripts of the part's `package.json`, by name.
    pub(super) fn scripts(&self) -> Value {
        let path = match self.setup.folder.as_str() {
            "" => "package.json".to_owned(),
            folder => format!("{folder}/package.json"),
        };
        let manifest: serde_json::Value = serde_json::from_str(self.text(&path)).unwrap_or_default();
        Value::from(Serde(manifest.get("scripts").cloned().unwrap_or_else(|| serde_json::json!({}))))
    }

    /// Which part of the part's own `package.json` lists a package; else empty.
    pub(super) fn package_section(&self, name: &str) -> String {
        let path = match self.setup.folder.as_str() {
            "" => "package.json".to_owned(),
            folder => format!("{folder}/package.json"),
        };
        let manifest: serde_json::Value = serde_json::from_str(self.text(&path)).unwrap_or_default();
        let mut sections = ["dependencies", "devDependencies", "optionalDependencies"].into_iter();
        let listing = |section: &&str| manifest.get(section).and_then(|listed| listed.get(name)).is_some();
        sections.find(listing).unwrap_or_default().to_owned()
    }

    /// The setup as it is.
    pub(super) fn setup(&self) -> &Setup {
        &self.setup
    }

    /// The Node packages of the project.
    pub(super) fn packages(&self) -> Packages {
        let manifests = self.texts.iter().filter(|(path, _)| path.ends_with("package.json"));
        Packages::new(manifests.map(|(path, text)| (path.as_str(), text.as_str())))
    }

    fn package_jsons(&self) -> impl Iterator<Item = &String> {
        self.texts.iter().filter(|(path, _)| path.ends_with("package.json")).map(|(_, text)| text)
    }
}

fn manager(manager: NodeManager) -> &'static str {
    match manager {
        NodeManager::Npm => "npm",
        NodeManager::YarnClassic => "yarn",
        NodeManager::YarnBerry => "yarn-berry",
        NodeManager::Pnpm => "pnpm",
    }
}

fn is_manifest(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let requires = (path.contains("requirements") || name.contains("constraints")) && name.ends_with(".txt");
    MANIFESTS.contains(&name) || requires || name.contains(".env") || is_example_of_settings(path)
}

fn states_requirements(path: &str) -> bool {
    path.ends_with(".txt") || path.ends_with("pyproject.toml")
}

fn is_for_tests(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    ["dev", "test", "doc", "lint", "ci"].iter().any(|word| name.contains(word))
}
