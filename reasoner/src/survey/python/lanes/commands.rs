//! What the commands of a recipe mean, once taken out of what wraps them.

use std::collections::BTreeSet;

use super::super::needs::Needs;
use super::Kind;
use crate::survey::shell::UNKNOWN;

/// Runners by the name of their program or module.
const RUNNERS: [&str; 9] =
    ["pytest", "py.test", "unittest", "nosetests", "nose2", "nose", "trial", "zope-testrunner", "stestr"];

/// What a command is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Meaning {
    /// It installs distributions.
    Install(Needs),
    /// It installs Debian packages.
    System(BTreeSet<String>),
    /// It runs tests.
    Test {
        /// Its words without wrappers.
        words: Vec<String>,
        /// What its wrapper installs.
        needs: Needs,
    },
    /// It runs something that stands elsewhere.
    Call {
        /// What.
        call: Call,
        /// What its wrapper installs.
        needs: Needs,
    },
    /// Something else.
    Other,
}

/// Something that stands elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Call {
    /// A target of the Makefile or recipe of the justfile.
    Make(String),
    /// A script of a package manager, with its environment if one is named.
    Task {
        /// Hatch's environment.
        environment: Option<String>,
        /// The script's name.
        name: String,
    },
    /// Hatch's own test command.
    HatchTest,
    /// A shell script.
    File(String),
    /// Environments of tox, or sessions of nox.
    Elsewhere(Kind),
}

/// What a command means.
pub(super) fn meaning(words: &[String]) -> Meaning {
    let mut needs = Needs::default();
    let mut words: Vec<String> = words.to_vec();
    // Each round takes off one wrapper; there are never many.
    for _ in 0..6 {
        if let Some(found) = plain(&words, &needs) {
            return found;
        }
        match unwrapped(&words) {
            Some((inner, more)) => {
                words = inner;
                needs.join(more);
            }
            None => return called(&words, needs),
        }
    }
    Meaning::Other
}

/// The meaning of a command that nothing wraps.
fn plain(words: &[String], needs: &Needs) -> Option<Meaning> {
    let first = words.first()?.as_str();
    if let ["apt" | "apt-get" | "aptitude", rest @ ..] = strs(words).as_slice() {
        return Some(system(rest));
    }
    let program = first.rsplit('/').next().unwrap_or(first);
    if RUNNERS.contains(&program) {
        let mut words = words.to_vec();
        words[0] = if program == "py.test" { "pytest".to_owned() } else { program.to_owned() };
        return Some(Meaning::Test { words, needs: needs.clone() });
    }
    let is_test = match strs(words).as_slice() {
        ["python", script, rest @ ..] => runs_tests(script, rest),
        ["django-admin" | "django-admin.py" | "django", "test", ..] => true,
        _ => false,
    };
    if is_test {
        return Some(Meaning::Test { words: words.to_vec(), needs: needs.clone() });
    }
    // `uv run` installs, but it is the command behind it that counts.
    if strs(words).starts_with(&["uv", "run"]) {
        return None;
    }
    let named = [&[program.to_owned()], words.get(1..).unwrap_or_default()].concat();
    Needs::of_command(&named).map(Meaning::Install)
}

fn runs_tests(script: &str, arguments: &[&str]) -> bool {
    let name = script.rsplit('/').next().unwrap_or(script);
    match name {
        "manage.py" | "setup.py" | "django" => arguments.first() == Some(&"test"),
        _ => {
            let stem = name.strip_suffix(".py").unwrap_or_default();
            [
                "runtests",
                "run_tests",
                "runtest",
                "test",
                "tests",
                "run_test",
                "testall",
                "alltests",
                "run-tests",
            ]
            .contains(&stem)
        }
    }
}

fn system(words: &[&str]) -> Meaning {
    let mut words = words.iter().skip_while(|word| word.starts_with('-'));
    if words.next() != Some(&"install") {
        return Meaning::Other;
    }
    let packages = words.filter(|word| {
        !word.starts_with('-')
            && word.len() > 1
            && word
                .chars()
                .all(|char| char.is_ascii_lowercase() || char.is_ascii_digit() || "+-.".contains(char))
    });
    Meaning::System(packages.map(|word| (*word).to_owned()).collect())
}

/// Takes one wrapper off, with what it installs.
fn unwrapped(words: &[String]) -> Option<(Vec<String>, Needs)> {
    let view = strs(words);
    let (first, rest) = view.split_first()?;
    let none = Needs::default();
    let program = first.rsplit('/').next().unwrap_or(first);
    match (program, rest) {
        ("sudo" | "time" | "exec" | "command" | "env" | "nice" | "catchsegv" | "nohup", [_, ..]) => {
            Some((owned(rest), none))
        }
        ("xvfb-run" | "dbus-run-session" | "timeout", [_, ..]) => {
            let skip =
                |word: &&str| word.starts_with('-') || word.ends_with(|last: char| last.is_ascii_digit());
            Some((owned(&rest[rest.iter().take_while(|word| skip(word)).count()..]), none))
        }
        ("manage.py", ["test", ..]) => {
            Some(([&["python".to_owned(), (*first).to_owned()], owned(rest).as_slice()].concat(), none))
        }
        ("uv", ["run", rest @ ..]) => Some((behind(rest, &UV_VALUED), Needs::of_manager(rest))),
        ("poetry" | "pipenv" | "rye", ["run", rest @ ..]) => Some((owned(rest), none)),
        ("pdm", ["run", rest @ ..]) => Some((behind(rest, &[]), none)),
        ("uvx", [_, ..]) => Some((behind(rest, &UV_VALUED), none)),
        ("pipx", ["run", rest @ ..]) => Some((behind(rest, &[]), none)),
        ("coverage", ["run", rest @ ..]) => Some((measured(rest), none)),
        (python, rest) if is_python(python) => {
            interpreted(program == *first, python, rest).map(|words| (words, none))
        }
        _ => None,
    }
}

/// Options of `uv run` with a value.
const UV_VALUED: [&str; 13] = [
    "--group",
    "--extra",
    "--with",
    "--python",
    "-p",
    "--package",
    "--directory",
    "--project",
    "--only-group",
    "--no-group",
    "--resolution",
    "--with-editable",
    "--env-file",
];

/// The words behind options.
fn behind(words: &[&str], valued: &[&str]) -> Vec<String> {
    let mut at = 0;
    while let Some(word) = words.get(at).filter(|word| word.starts_with('-')) {
        // A module counts as a program.
        if *word == "-m" {
            return [&["python"], &words[at..]].concat().into_iter().map(str::to_owned).collect();
        }
        at += if valued.contains(word) { 2 } else { 1 };
    }
    owned(words.get(at..).unwrap_or_default())
}

/// The command behind `coverage run`.
fn measured(words: &[&str]) -> Vec<String> {
    let valued = [
        "--source",
        "--omit",
        "--include",
        "--rcfile",
        "--context",
        "--data-file",
        "--concurrency",
        "--source-pkgs",
    ];
    let mut at = 0;
    while let Some(word) = words.get(at).filter(|word| word.starts_with('-')) {
        if *word == "-m" {
            return owned(words.get(at + 1..).unwrap_or_default());
        }
        at += if valued.contains(word) { 2 } else { 1 };
    }
    let rest = owned(words.get(at..).unwrap_or_default());
    [vec!["python".to_owned()], rest].concat()
}

fn is_python(program: &str) -> bool {
    let version = program.strip_prefix("python").or_else(|| program.strip_prefix("py"));
    version.is_some_and(|version| version.chars().all(|char| char.is_ascii_digit() || char == '.'))
        || ["$PYTHON", "$(PYTHON)", "${PYTHON}", "{envpython}", "$python", "${python}"].contains(&program)
}

/// The command that an interpreter runs: a module is its own program, a script stays behind `python`.
fn interpreted(bare: bool, python: &str, words: &[&str]) -> Option<Vec<String>> {
    let mut at = 0;
    while let Some(word) = words.get(at).filter(|word| word.starts_with('-')) {
        if *word == "-m" {
            return Some(owned(words.get(at + 1..)?));
        }
        if let Some(module) = word.strip_prefix("-m").filter(|module| !module.is_empty()) {
            return Some([vec![module.to_owned()], owned(&words[at + 1..])].concat());
        }
        at += if ["-W", "-X"].contains(word) { 2 } else { 1 };
    }
    let changes = at > 0 || !bare || python != "python";
    let rest = words.get(at..).filter(|rest| !rest.is_empty())?;
    changes.then(|| [vec!["python".to_owned()], owned(rest)].concat())
}

/// What stands elsewhere and is only called.
fn called(words: &[String], needs: Needs) -> Meaning {
    let call = match strs(words).as_slice() {
        ["make" | "just", rest @ ..] => rest
            .iter()
            .find(|word| !word.starts_with('-') && !word.contains('='))
            .map(|target| Call::Make((*target).to_owned())),
        ["hatch", "test", ..] => Some(Call::HatchTest),
        [tool @ ("tox" | "nox"), rest @ ..] if !rest.iter().any(|word| super::special(word)) => {
            Some(Call::Elsewhere(if *tool == "tox" { Kind::Tox } else { Kind::Nox }))
        }
        ["hatch", "run", rest @ ..] => rest.iter().find(|word| !word.starts_with(['-', '+'])).map(|word| {
            let (environment, name) = match word.split_once(':') {
                Some((environment, name)) => (Some(environment.to_owned()), name),
                None => (None, *word),
            };
            Call::Task { environment, name: name.to_owned() }
        }),
        ["pdm" | "poe" | "rye" | "task" | "invoke" | "inv", name, ..] => {
            Some(Call::Task { environment: None, name: (*name).to_owned() })
        }
        ["bash" | "sh" | "source" | ".", rest @ ..] => {
            rest.iter().find(|word| !word.starts_with('-')).map(|path| Call::File((*path).to_owned()))
        }
        [path, ..] if path.contains('/') || path.ends_with(".sh") => Some(Call::File((*path).to_owned())),
        // Behind `poetry run` or `pdm run` a script's bare name is enough.
        [name] if !name.contains(UNKNOWN) => Some(Call::Task { environment: None, name: (*name).to_owned() }),
        _ => None,
    };
    call.map_or(Meaning::Other, |call| Meaning::Call { call, needs })
}

fn strs(words: &[String]) -> Vec<&str> {
    words.iter().map(String::as_str).collect()
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::survey::shell;

    fn of(line: &str) -> Meaning {
        meaning(&shell::commands(line)[0].words)
    }

    #[test]
    fn test_commands_are_found_within_what_wraps_them() {
        for (line, expected) in [
            ("pytest -q", "pytest -q"),
            ("python3.11 -W error -m pytest tests", "pytest tests"),
            ("uv run --group test --locked coverage run --source x -m pytest", "pytest"),
            ("poetry run py.test", "pytest"),
            ("coverage run -p manage.py test app", "python manage.py test app"),
            ("./manage.py test", "python ./manage.py test"),
            ("{envpython} -b -m coverage run -m unittest discover -v", "unittest discover -v"),
            ("sudo xvfb-run -a python tests/runtests.py x", "python tests/runtests.py x"),
            ("python -Wd -m django test --settings=a.b", "django test --settings=a.b"),
            ("coverage run -m django test", "django test"),
            ("uv run -m unittest", "unittest"),
        ] {
            let Meaning::Test { words, .. } = of(line) else { panic!("{line}: {:?}", of(line)) };
            assert_eq!(words.join(" "), expected, "{line}");
        }
    }

    #[test]
    fn other_commands_are_told_apart() {
        let Meaning::Install(needs) = of("python -m pip install -U pip -r a.txt -e '.[x,y]' foo>=1") else {
            panic!()
        };
        assert_eq!((needs.files, needs.lines), (vec!["a.txt".to_owned()], vec!["foo>=1".to_owned()]));
        assert_eq!(needs.extras.into_iter().collect::<Vec<_>>(), ["x", "y"]);
        assert_eq!(
            of("sudo apt-get -y install --no-install-recommends libpq-dev"),
            Meaning::System(["libpq-dev".to_owned()].into())
        );
        let task = |environment: Option<&str>, name: &str| Meaning::Call {
            call: Call::Task { environment: environment.map(str::to_owned), name: name.to_owned() },
            needs: Needs::default(),
        };
        assert_eq!(of("hatch run +py=3 test:cov"), task(Some("test"), "cov"));
        for line in ["tox", "python -m tox -e py", "uvx --with tox-gh tox run -e ${{ matrix.env }}"] {
            let call = Call::Elsewhere(Kind::Tox);
            assert_eq!(of(line), Meaning::Call { call, needs: Needs::default() }, "{line}");
        }
        assert_eq!(of("tox -e lint"), Meaning::Other);
        assert_eq!(of("echo pytest"), Meaning::Other);
        assert_eq!(of("python -c 'import x'"), Meaning::Other);
    }
}
