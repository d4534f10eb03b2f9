//! What a folder's manifests say of a Python project.

use std::collections::BTreeMap;

use toml::{Table, Value};

use super::poetry;
use super::requirement;
use super::setup_py::SetupPy;
use crate::survey::Tree;
use crate::survey::ini::Ini;

/// Names with their requirement lines: extras, or groups.
pub(super) type Named = BTreeMap<String, Vec<String>>;

/// The manifests of one folder.
#[derive(Debug, Default)]
pub(super) struct Manifest<'a> {
    /// The folder, below the workspace.
    pub(super) folder: String,
    /// The project's normalised name.
    pub(super) name: Option<String>,
    pub(super) pyproject: Option<Table>,
    pub(super) setup_cfg: Option<Ini>,
    pub(super) setup_py: Option<SetupPy>,
    pub(super) pipfile: Option<Table>,
    /// `hatch.toml`.
    pub(super) hatch: Option<Table>,
    pub(super) pytest_ini: Option<Ini>,
    /// Files in which tox is configured.
    pub(super) tox: Vec<(String, Ini)>,
    /// The same in TOML.
    pub(super) tox_tables: Vec<(String, Table)>,
    /// The files that were read.
    pub(super) read: Vec<String>,
    /// Files that could not be understood.
    pub(super) broken: Vec<String>,
    /// The names in the folder that the tree has, for questions about files.
    pub(super) tree: Option<&'a Tree>,
}

impl<'a> Manifest<'a> {
    /// Reads the manifests of a folder.
    pub(super) fn of(tree: &'a Tree, folder: &str) -> Self {
        let mut manifest = Self { folder: folder.to_owned(), tree: Some(tree), ..Self::default() };
        manifest.pyproject = manifest.toml("pyproject.toml");
        manifest.hatch = manifest.toml("hatch.toml");
        manifest.pipfile = manifest.toml("Pipfile");
        manifest.setup_cfg = manifest.text("setup.cfg").map(Ini::read);
        manifest.setup_py = manifest.text("setup.py").map(SetupPy::read);
        manifest.pytest_ini =
            manifest.text("pytest.ini").or_else(|| manifest.text(".pytest.ini")).map(Ini::read);
        manifest.read_tox();
        manifest.name = manifest.find_name();
        manifest
    }

    fn text(&mut self, name: &str) -> Option<&'a str> {
        let path = super::joined(&self.folder, name);
        let text = self.tree?.text(&path)?;
        self.read.push(path);
        Some(text)
    }

    fn toml(&mut self, name: &str) -> Option<Table> {
        let text = self.text(name)?;
        let parsed = text.parse::<Table>();
        if let Err(error) = &parsed {
            let first = error.message().lines().next().unwrap_or_default();
            self.broken.push(format!("{} can't be read: {first}.", super::joined(&self.folder, name)));
        }
        parsed.ok()
    }

    fn read_tox(&mut self) {
        if let Some(text) = self.text("tox.ini") {
            self.tox.push((super::joined(&self.folder, "tox.ini"), Ini::read(text)));
        }
        if let Some(ini) = self.setup_cfg.clone().filter(|ini| ini.section("testenv").is_some()) {
            self.tox.push((super::joined(&self.folder, "setup.cfg"), ini));
        }
        if let Some(table) = self.toml("tox.toml") {
            self.tox_tables.push((super::joined(&self.folder, "tox.toml"), table));
        }
        let Some(table) = self.tool(&["tox"]).and_then(Value::as_table).cloned() else { return };
        let path = super::joined(&self.folder, "pyproject.toml");
        match table.get("legacy_tox_ini").and_then(Value::as_str) {
            Some(text) => self.tox.push((path, Ini::read(text))),
            None => self.tox_tables.push((path, table)),
        }
    }

    /// A value below `[tool]`.
    pub(super) fn tool(&self, path: &[&str]) -> Option<&Value> {
        let mut value = self.pyproject.as_ref()?.get("tool")?;
        for key in path {
            value = value.get(*key)?;
        }
        Some(value)
    }

    /// The table `[project]`.
    pub(super) fn project(&self) -> Option<&Table> {
        self.pyproject.as_ref()?.get("project")?.as_table()
    }

    fn find_name(&self) -> Option<String> {
        let project = self.project().and_then(|project| project.get("name")).and_then(Value::as_str);
        let poetry = self.tool(&["poetry", "name"]).and_then(Value::as_str);
        let flit = self.tool(&["flit", "metadata", "module"]).and_then(Value::as_str);
        let cfg = self.setup_cfg.as_ref().and_then(|ini| ini.get("metadata", "name"));
        let setup = self.setup_py.as_ref().and_then(|setup| setup.name.as_deref());
        project.or(poetry).or(flit).or(cfg).or(setup).map(requirement::normalised)
    }

    /// The build backend, by its module; setuptools where none is named.
    pub(super) fn backend(&self) -> Option<&str> {
        self.pyproject.as_ref()?.get("build-system")?.get("build-backend")?.as_str()
    }

    /// Whether an editable installation builds again when it is imported, so what builds it must stay.
    pub(super) fn rebuilds_on_import(&self) -> bool {
        self.backend().is_some_and(|backend| backend == "mesonpy" || backend.starts_with("scikit_build_core"))
    }

    /// What the backend needs.
    pub(super) fn build_requires(&self) -> Vec<String> {
        let requires = self.pyproject.as_ref().and_then(|table| table.get("build-system")?.get("requires"));
        let mut lines = requires.map(strings).unwrap_or_default();
        lines.extend(self.setup_py.iter().flat_map(|setup| setup.setup_requires.iter().cloned()));
        let cfg = self.setup_cfg.as_ref().and_then(|ini| ini.get("options", "setup_requires"));
        lines.extend(cfg.into_iter().flat_map(requirement::lines).map(str::to_owned));
        lines
    }

    /// The versions of Python that the project asks for, as written.
    pub(super) fn requires_python(&self) -> Option<String> {
        let project =
            self.project().and_then(|project| project.get("requires-python")).and_then(Value::as_str);
        let poetry = self.tool(&["poetry", "dependencies", "python"]).and_then(Value::as_str);
        let flit = self.tool(&["flit", "metadata", "requires-python"]).and_then(Value::as_str);
        let cfg = self.setup_cfg.as_ref().and_then(|ini| ini.get("options", "python_requires"));
        let setup = self.setup_py.as_ref().and_then(|setup| setup.python_requires.as_deref());
        let poetry = poetry.map(|text| poetry::constraint(text).unwrap_or_default());
        project.map(str::to_owned).or(poetry).or_else(|| flit.or(cfg).or(setup).map(str::to_owned))
    }

    /// What the project needs by itself, as far as it stands in its manifests; none when they do not say.
    pub(super) fn dependencies(&self) -> Option<Vec<String>> {
        if let Some(project) = self.project() {
            let dynamic = project.get("dynamic").map(strings).unwrap_or_default();
            if !dynamic.iter().any(|key| key == "dependencies") {
                return Some(project.get("dependencies").map(strings).unwrap_or_default());
            }
        }
        if let Some(table) = self.tool(&["poetry", "dependencies"]).and_then(Value::as_table) {
            return Some(poetry::lines(table));
        }
        let cfg = self.setup_cfg.as_ref().and_then(|ini| ini.get("options", "install_requires"));
        let setup = self.setup_py.as_ref().and_then(|setup| setup.install_requires.clone());
        cfg.map(|text| requirement::lines(text).map(str::to_owned).collect()).or(setup)
    }

    /// The project's extras.
    pub(super) fn extras(&self) -> Named {
        let mut extras = Named::new();
        let tables = [
            self.project().and_then(|project| project.get("optional-dependencies")),
            self.tool(&["poetry", "extras"]),
            self.tool(&["flit", "metadata", "requires-extra"]),
        ];
        for table in tables.into_iter().flatten().filter_map(Value::as_table) {
            extras.extend(table.iter().map(|(name, lines)| (name.clone(), strings(lines))));
        }
        let cfg = self.setup_cfg.as_ref().and_then(|ini| ini.section("options.extras_require"));
        for (name, text) in cfg.into_iter().flatten() {
            extras.insert(name.clone(), requirement::lines(text).map(str::to_owned).collect());
        }
        extras.extend(self.setup_py.iter().flat_map(|setup| setup.extras.clone()));
        extras
    }

    /// Dependency groups that installers know (PEP 735).
    pub(super) fn groups(&self) -> Named {
        let table = self
            .pyproject
            .as_ref()
            .and_then(|table| table.get("dependency-groups"))
            .and_then(Value::as_table);
        table.into_iter().flatten().map(|(name, lines)| (name.clone(), strings(lines))).collect()
    }

    /// Groups that only their package manager knows, as requirement lines.
    pub(super) fn own_groups(&self) -> Named {
        let mut groups = Named::new();
        for (name, group) in self.tool(&["poetry", "group"]).and_then(Value::as_table).into_iter().flatten() {
            let table = group.get("dependencies").and_then(Value::as_table);
            groups.insert(name.clone(), table.map(poetry::lines).unwrap_or_default());
        }
        if let Some(table) = self.tool(&["poetry", "dev-dependencies"]).and_then(Value::as_table) {
            groups.entry("dev".to_owned()).or_default().extend(poetry::lines(table));
        }
        for (name, lines) in
            self.tool(&["pdm", "dev-dependencies"]).and_then(Value::as_table).into_iter().flatten()
        {
            groups.insert(name.clone(), strings(lines));
        }
        for path in [["uv", "dev-dependencies"], ["rye", "dev-dependencies"]] {
            if let Some(lines) = self.tool(&path) {
                groups.entry("dev".to_owned()).or_default().extend(strings(lines));
            }
        }
        for (section, name) in [("packages", "packages"), ("dev-packages", "dev")] {
            if let Some(table) =
                self.pipfile.as_ref().and_then(|pipfile| pipfile.get(section)).and_then(Value::as_table)
            {
                groups.entry(name.to_owned()).or_default().extend(poetry::lines(table));
            }
        }
        groups
    }

    /// Whether the folder can be installed as a distribution.
    pub(super) fn is_installable(&self) -> bool {
        let cfg = self.setup_cfg.as_ref().is_some_and(|ini| ini.get("metadata", "name").is_some());
        let setup = self.setup_py.as_ref().is_some_and(|setup| setup.calls_setup) || cfg;
        let system = self.pyproject.as_ref().is_some_and(|table| table.contains_key("build-system"));
        let named = self.name.is_some() || self.tool(&["flit"]).is_some();
        !self.is_no_package() && (setup || (system && named) || (self.project().is_some() && self.has_src()))
    }

    /// Whether installing the folder may work, though nothing says that it is a package: programs or a
    /// package of the project's name are there, but no build backend is named.
    pub(super) fn may_be_installable(&self) -> bool {
        let Some(project) = self.project().filter(|_| !self.is_no_package()) else { return false };
        let module = self.name.as_ref().map(|name| name.replace('-', "_")).unwrap_or_default();
        let package = super::joined(&self.folder, &format!("{module}/__init__.py"));
        project.contains_key("scripts") || self.tree.is_some_and(|tree| tree.has(&package))
    }

    fn is_no_package(&self) -> bool {
        let not = |path: &[&str]| self.tool(path).and_then(Value::as_bool) == Some(false);
        not(&["poetry", "package-mode"])
            || not(&["uv", "package"])
            || not(&["pdm", "distribution"])
            || self.has_nothing_for_hatch()
    }

    /// Whether hatchling would find no package of the project's name, and nothing tells it of another: an
    /// application that names it all the same.
    fn has_nothing_for_hatch(&self) -> bool {
        let ours = self.backend() == Some("hatchling.build");
        let told = self.tool(&["hatch", "build"]).is_some() || self.hatch.is_some();
        let (Some(name), Some(tree)) = (self.name.as_ref().filter(|_| ours && !told), self.tree) else {
            return false;
        };
        let module = name.replace('-', "_");
        let start = super::joined(&self.folder, "");
        let is_it = |path: &str| {
            let below = path[start.len()..].to_lowercase();
            let place = below.strip_suffix("/__init__.py").or_else(|| below.strip_suffix(".py"));
            place.is_some_and(|place| {
                place.rsplit('/').next() == Some(module.as_str()) && place.matches('/').count() <= 1
            })
        };
        !tree.below(&start).any(|(path, _)| is_it(path))
    }

    /// Whether the manifests name other folders of the workspace as dependencies.
    pub(super) fn names_folders(&self) -> bool {
        let is_folder = |value: &Value| value.get("path").is_some() || value.get("workspace").is_some();
        let tables = [&["uv", "sources"][..], &["poetry", "dependencies"]];
        let mut tables = tables.into_iter().filter_map(|path| self.tool(path)?.as_table());
        tables.any(|table| table.values().any(is_folder))
    }

    fn has_src(&self) -> bool {
        let start = super::joined(&self.folder, "src/");
        self.tree.is_some_and(|tree| tree.below(&start).any(|(path, _)| path.ends_with("/__init__.py")))
    }

    /// pytest's settings: file, and value by key.
    pub(super) fn pytest(&self) -> BTreeMap<String, String> {
        let table = self
            .tool(&["pytest", "ini_options"])
            .or_else(|| self.tool(&["pytest"]))
            .and_then(Value::as_table);
        let own = self.pytest_ini.as_ref().and_then(|ini| ini.section("pytest"));
        let tox = self.tox.iter().find_map(|(_, ini)| ini.section("pytest"));
        let cfg = self.setup_cfg.as_ref().and_then(|ini| ini.section("tool:pytest"));
        match (own, table) {
            (Some(section), _) => section.clone(),
            (None, Some(table)) => table.iter().map(|(key, value)| (key.clone(), flat(value))).collect(),
            (None, None) => tox.or(cfg).cloned().unwrap_or_default(),
        }
    }
}

/// The strings of a list, or the one that a value is.
pub(super) fn strings(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(values) => values.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

fn flat(value: &Value) -> String {
    match value {
        Value::Array(_) => strings(value)
            .iter()
            .map(|word| if word.contains(' ') { format!("'{word}'") } else { word.clone() })
            .collect::<Vec<_>>()
            .join(" "),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
