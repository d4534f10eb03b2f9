//! The command that runs pytest: the project's own, with a report, and with nothing that hides results.

use std::collections::BTreeSet;

use super::manifest::Manifest;
use crate::survey::Tree;
use crate::survey::shell;

/// Options with a value in a word of its own that is passed on.
const KEPT: [&str; 12] = [
    "-p",
    "-c",
    "--ignore",
    "--ignore-glob",
    "-o",
    "--override-ini",
    "--rootdir",
    "--import-mode",
    "--ds",
    "--confcutdir",
    "--doctest-glob",
    "--pyargs",
];
/// Flags that are passed on.
const FLAGS: [&str; 9] = [
    "--pyargs",
    "--doctest-modules",
    "--nomigrations",
    "--no-migrations",
    "--create-db",
    "--forked",
    "--doctest-plus",
    "--doctest-rst",
    "--no-header",
];
/// Options whose value comes as the next word, and that are left out with it.
const LEFT_OUT: [&str; 22] = [
    "-n",
    "-k",
    "-m",
    "-r",
    "-W",
    "--maxfail",
    "--durations",
    "--junitxml",
    "--junit-xml",
    "--cov",
    "--cov-report",
    "--cov-config",
    "--timeout",
    "--tb",
    "--dist",
    "--log-level",
    "--color",
    "--count",
    "--numprocesses",
    "--verbosity",
    "--cov-fail-under",
    "--log-cli-level",
];
/// `python -m pytest` that ends also when a test hangs.
const REPORTED: &str = "python /opt/codegod/pytest_report.py";
/// Which distribution knows an option.
const PLUGINS: [(&str, &str); 28] = [
    ("--cov", "pytest-cov"),
    ("--no-cov", "pytest-cov"),
    ("-n", "pytest-xdist"),
    ("--numprocesses", "pytest-xdist"),
    ("--dist", "pytest-xdist"),
    ("--asyncio-mode", "pytest-asyncio"),
    ("asyncio_mode", "pytest-asyncio"),
    ("asyncio_default_fixture_loop_scope", "pytest-asyncio"),
    ("--timeout", "pytest-timeout"),
    ("timeout", "pytest-timeout"),
    ("--benchmark", "pytest-benchmark"),
    ("--ds", "pytest-django"),
    ("django_settings_module", "pytest-django"),
    ("DJANGO_SETTINGS_MODULE", "pytest-django"),
    ("--reuse-db", "pytest-django"),
    ("--reruns", "pytest-rerunfailures"),
    ("--random-order", "pytest-random-order"),
    ("--disable-socket", "pytest-socket"),
    ("--allow-hosts", "pytest-socket"),
    ("--mpl", "pytest-mpl"),
    ("env", "pytest-env"),
    ("--flake8", "pytest-flake8"),
    ("--mypy", "pytest-mypy"),
    ("--mypy-ini-file", "pytest-mypy-plugins"),
    ("--mypy-extension-hook", "pytest-mypy-plugins"),
    ("--mypy-only-local-stub", "pytest-mypy-plugins"),
    ("--mypy-same-process", "pytest-mypy-plugins"),
    ("--doctest-plus", "pytest-doctestplus"),
];

/// Whether an option's value is the word behind it.
pub(super) fn takes_value(option: &str) -> bool {
    KEPT.contains(&option) || LEFT_OUT.contains(&option)
}

/// A run of pytest.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Run {
    /// Its arguments.
    pub(super) arguments: Vec<String>,
    /// The paths among them.
    pub(super) paths: Vec<String>,
    /// Plugins that its options need.
    pub(super) plugins: BTreeSet<String>,
}

/// The run that these commands of a lane describe; without any, the one that the settings describe.
pub(super) fn run(tree: &Tree, manifest: &Manifest<'_>, workdir: &str, commands: &[&[String]]) -> Run {
    let mut run = Run::default();
    let knows = |option: &str| knows_option(tree, workdir, option);
    let mut everywhere = false;
    for words in commands {
        everywhere |= !run.take(tree, workdir, &words[1..], &knows);
    }
    run.join_markers(commands);
    // One command over everything holds those over a part.
    if everywhere {
        run.paths.clear();
    }
    run.settings(manifest);
    run
}

impl Run {
    /// Takes in a command's arguments; whether there were paths among them.
    fn take(&mut self, tree: &Tree, workdir: &str, words: &[String], knows: &dyn Fn(&str) -> bool) -> bool {
        let mut placed = false;
        let mut words = words.iter().map(String::as_str).peekable();
        while let Some(word) = words.next() {
            let option = word.split_once('=').map_or(word, |(option, _)| option);
            let inline = option.len() < word.len();
            if !word.starts_with('-') {
                placed |= self.path(tree, workdir, word);
            } else if word == "-m" || word == "-k" {
                let value = words.next().unwrap_or_default();
                // What the project leaves out by itself (`not network`) stays left out.
                if word == "-m" && value.starts_with("not ") {
                    self.keep(&["-m", value]);
                }
            } else if FLAGS.contains(&option) || (!LEFT_OUT.contains(&option) && knows(option)) {
                self.keep(&[word]);
            } else if KEPT.contains(&option)
                || ["-p", "-c", "-o"].iter().any(|kept| word.starts_with(kept) && !word.starts_with("--"))
            {
                if inline || word.len() > 2 && !word.starts_with("--") {
                    self.keep(&[word]);
                } else if let Some(value) = words.next() {
                    self.keep(&[word, value]);
                }
            } else if LEFT_OUT.contains(&option) && !inline {
                words.next_if(|value| !value.starts_with('-'));
            }
        }
        placed
    }

    /// What one command leaves out by a marker, and another runs by itself, is part of the tests.
    fn join_markers(&mut self, commands: &[&[String]]) {
        let words = commands.iter().flat_map(|words| words.windows(2));
        let chosen: Vec<String> =
            words.filter(|pair| pair[0] == "-m").map(|pair| format!("not {}", pair[1])).collect();
        while let Some(at) = self.arguments.iter().position(|word| chosen.contains(word)).filter(|at| *at > 0)
        {
            self.arguments.drain(at - 1..=at);
        }
    }

    fn path(&mut self, tree: &Tree, workdir: &str, word: &str) -> bool {
        let word = word.trim_start_matches("./").trim_end_matches('/');
        let path = super::joined(workdir, word.split("::").next().unwrap_or(word));
        let there = tree.has(&path) || tree.below(&format!("{path}/")).next().is_some();
        if !word.is_empty() && there && !self.paths.iter().any(|known| known == word) {
            self.paths.push(word.to_owned());
        }
        there
    }

    fn keep(&mut self, words: &[&str]) {
        if !self.arguments.windows(words.len()).any(|known| known == words) {
            self.arguments.extend(words.iter().map(|word| (*word).to_owned()));
        }
        self.plugins_of(words);
    }

    /// Takes in what the settings say: plugins are installed that they need, and options that end a run
    /// early or hide its results are left out.
    fn settings(&mut self, manifest: &Manifest<'_>) {
        let settings = manifest.pytest();
        for key in settings.keys() {
            self.plugins_of(&[key]);
        }
        self.plugins.extend(
            settings
                .get("required_plugins")
                .into_iter()
                .flat_map(|text| text.split_whitespace())
                .map(str::to_owned),
        );
        let Some(addopts) = settings.get("addopts") else { return };
        let words: Vec<String> = shell::commands(&addopts.replace('\n', " "))
            .into_iter()
            .flat_map(|command| command.words)
            .collect();
        self.plugins_of(&words.iter().map(String::as_str).collect::<Vec<_>>());
        if words.iter().any(|word| word.starts_with("--cov")) {
            self.arguments.push("--no-cov".to_owned());
        }
        if words.iter().any(|word| word == "-x" || word == "--exitfirst" || word.starts_with("--maxfail")) {
            self.arguments.push("--maxfail=0".to_owned());
        }
        if words.windows(2).any(|pair| pair[0] == "-p" && pair[1] == "no:junitxml") {
            self.arguments.extend(["-p".to_owned(), "junitxml".to_owned()]);
        }
    }

    fn plugins_of(&mut self, words: &[&str]) {
        for word in words {
            let option = word.split_once('=').map_or(*word, |(option, _)| option);
            let known = |name: &str| {
                option == name || (name.len() > 4 && name.starts_with("--") && option.starts_with(name))
            };
            // Of two that fit, the longer says more.
            let nearest = PLUGINS.iter().filter(|(name, _)| known(name)).max_by_key(|(name, _)| name.len());
            self.plugins.extend(nearest.map(|(_, plugin)| (*plugin).to_owned()));
            if *word == "-nauto" || word.strip_prefix("-n").is_some_and(|count| count.parse::<u32>().is_ok())
            {
                self.plugins.insert("pytest-xdist".to_owned());
            }
        }
    }

    /// The command, with its report.
    pub(super) fn command(&self) -> String {
        let words = self.arguments.iter().chain(&self.paths).map(|word| crate::shell::quote(word));
        let words: Vec<String> = words.collect();
        let words = if words.is_empty() { String::new() } else { format!(" {}", words.join(" ")) };
        // The older form of the report names the files.
        let report = "-o junit_family=xunit1 --junitxml=\"$CODEGOD_REPORT\"";
        format!("{REPORTED}{words} --continue-on-collection-errors {report}")
    }
}

/// Whether a `conftest.py` of the part defines an option and can't do without: other options of the
/// project's own make runs longer or report more.
fn knows_option(tree: &Tree, workdir: &str, option: &str) -> bool {
    let start = super::joined(workdir, "");
    let texts = tree.below(&start).filter(|(path, _)| path.ends_with("conftest.py"));
    let mut texts = texts.filter_map(|(path, _)| tree.text(path));
    let named = [format!("\"{option}\""), format!("'{option}'")];
    option.starts_with("--")
        && texts.any(|text| text.contains("required=True") && named.iter().any(|name| text.contains(name)))
}
