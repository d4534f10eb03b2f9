//! Small trees and the setups that are expected of them.

use std::path::PathBuf;

use codegod_protocol::setup::{PartPicture, Requirements, Setup, Toolchain};

use super::super::{Entry, EntryKind, Tree};

fn tree(files: &[(&str, &str)]) -> Tree {
    let entry = |text: &str| Entry { kind: EntryKind::File, bytes: text.len() as u64 };
    let mut tree = Tree::of_paths(files.iter().map(|(path, text)| (PathBuf::from(path), entry(text))));
    for wanted in tree.wanted() {
        let text = files.iter().find(|(path, _)| *path == wanted).map_or("", |(_, text)| text);
        tree.add(&wanted, text.as_bytes());
    }
    tree
}

fn parts(files: &[(&str, &str)]) -> Vec<PartPicture> {
    super::parts(&tree(files), &mut Vec::new())
}

pub(super) fn only(files: &[(&str, &str)]) -> Setup {
    let mut parts = parts(files);
    assert_eq!(parts.len(), 1, "{parts:?}");
    parts.remove(0).setup
}

/// What is resolved, in the words of the command that does it.
pub(super) fn resolved(setup: &Setup) -> String {
    let resolution = crate::setup::resolution(setup).expect("something is to be resolved");
    let start = "codegod-resolve --python=3.11 --out=.codegod/python/requirements.txt";
    resolution.run.strip_prefix(start).map_or(resolution.run.clone(), |rest| rest.trim().to_owned())
}

pub(super) fn tested(setup: &Setup) -> String {
    let ends = " --continue-on-collection-errors -o junit_family=xunit1 --junitxml=\"$CODEGOD_REPORT\"";
    let runs = setup.tests.iter().map(|test| {
        format!(
            "{}$ {}",
            test.workdir,
            test.run.trim_end_matches(ends).replace("/opt/codegod/pytest_report.py", "-m pytest")
        )
    });
    runs.collect::<Vec<_>>().join("\n")
}

/// A name, files, and the options with which they are resolved.
type Case = (&'static str, &'static [(&'static str, &'static str)], &'static str);

const TEST: (&str, &str) = ("tests/test_a.py", "");

/// One for each way of stating what tests need.
const STATEMENTS: [Case; 14] = [
    (
        "extras",
        &[
            (
                "pyproject.toml",
                "[project]\nname='a'\n[project.optional-dependencies]\ntest=['pytest']\ndocs=['sphinx']\n[build-system]\nrequires=[]",
            ),
            TEST,
        ],
        "--project=. --extra=test --line=pytest",
    ),
    (
        "groups",
        &[
            ("pyproject.toml", "[project]\nname='a'\n[dependency-groups]\ntests=['pytest']\nlint=['ruff']"),
            TEST,
        ],
        "--project=. --group=tests --line=pytest",
    ),
    (
        "uv",
        &[
            ("pyproject.toml", "[project]\nname='a'\n[dependency-groups]\ndev=['pytest']"),
            ("uv.lock", ""),
            TEST,
        ],
        "--project=. --group=dev --lock=uv.lock --line=pytest",
    ),
    (
        "poetry",
        &[
            (
                "pyproject.toml",
                "[tool.poetry]\nname='a'\n[tool.poetry.dependencies]\npython='^3.8'\nsix='^1'\n[tool.poetry.group.dev.dependencies]\npytest='^8'\nblack='*'\n[build-system]\nrequires=['poetry-core']",
            ),
            ("poetry.lock", ""),
            TEST,
        ],
        "--project=. --line='pytest>=8,<9' --lock=poetry.lock --line=pytest",
    ),
    (
        "poetry without a package",
        &[
            (
                "pyproject.toml",
                "[tool.poetry]\npackage-mode=false\n[tool.poetry.dependencies]\npython='^3.8'\nsix='^1'",
            ),
            TEST,
        ],
        "--line='six>=1,<2' --line=pytest",
    ),
    (
        "pdm",
        &[
            ("pyproject.toml", "[project]\nname='a'\n[tool.pdm.dev-dependencies]\ntest=['pytest>7']"),
            ("pdm.lock", ""),
            TEST,
        ],
        "--project=. --line='pytest>7' --lock=pdm.lock --line=pytest",
    ),
    (
        "pipenv",
        &[
            ("Pipfile", "[packages]\nflask='*'\n[dev-packages]\npytest='==8.0'\n"),
            ("Pipfile.lock", "{}"),
            TEST,
        ],
        "--line=flask --line='pytest==8.0' --lock=Pipfile.lock --line=pytest",
    ),
    (
        "requirements",
        &[("requirements.txt", "flask"), ("requirements-dev.txt", "-r requirements.txt\npytest"), TEST],
        "--file=requirements-dev.txt --line=pytest",
    ),
    (
        "a folder of requirements",
        &[("requirements/base.txt", "flask"), ("requirements/test.txt", "pytest"), TEST],
        "--file=requirements/test.txt --file=requirements/base.txt --line=pytest",
    ),
    (
        "setup.py",
        &[
            (
                "setup.py",
                "from setuptools import setup\nsetup(name='a', install_requires=['six'], tests_require=['mock'])",
            ),
            ("requirements.txt", "pinned==1"),
            TEST,
        ],
        "--project=. --line=mock --line=pytest",
    ),
    (
        "setup.cfg",
        &[
            ("setup.py", "import setuptools\nsetuptools.setup()"),
            (
                "setup.cfg",
                "[metadata]\nname=a\n[options.extras_require]\ntesting =\n  pytest\n  hypothesis\n",
            ),
            TEST,
        ],
        "--project=. --extra=testing --line=pytest",
    ),
    (
        "tox",
        &[
            ("setup.py", "setup(name='a', install_requires=[])"),
            (
                "tox.ini",
                "[testenv]\ndeps =\n  py38: old\n  responses\n  -r x-requirements.txt\nextras = x\ncommands = pytest {posargs:tests}\n[testenv:docs]\ndeps = sphinx\ncommands = pytest docs",
            ),
            ("x-requirements.txt", "mock"),
            TEST,
        ],
        "--project=. --line=old --line=responses --file=x-requirements.txt --line=pytest",
    ),
    (
        "nox",
        &[
            ("setup.py", "setup(name='a', install_requires=[])"),
            (
                "noxfile.py",
                "@nox.session\ndef tests(session):\n    session.install('-e', '.[x]', 'mock')\n    session.run('pytest', *session.posargs)\n\n@nox.session\ndef docs(session):\n    session.install('sphinx')\n",
            ),
            TEST,
        ],
        "--project=. --line=mock --line=pytest",
    ),
    (
        "a workflow",
        &[
            (
                "pyproject.toml",
                "[project]\nname='a'\n[project.optional-dependencies]\nyaml=['pyyaml']\n[build-system]\nrequires=[]",
            ),
            (
                ".github/workflows/ci.yml",
                "jobs:\n  test:\n    steps:\n      - run: |\n          pip install -e .[yaml] pytest-mock\n          pytest\n",
            ),
            TEST,
        ],
        "--project=. --extra=yaml --line=pytest-mock --line=pytest",
    ),
];

#[test]
fn every_manager_s_statement_of_what_tests_need_is_found() {
    for (name, files, expected) in STATEMENTS {
        assert_eq!(resolved(&only(files)), expected, "{name}");
    }
}

#[test]
fn tests_run_as_the_project_runs_them() {
    let pyproject = ("pyproject.toml", "[project]\nname='a'\n[build-system]\nrequires=[]");
    let test = ("tests/test_a.py", "");
    let recorded = "python /opt/codegod/unittest_report.py";
    let workflow = |run: &str| format!("jobs:\n  test:\n    steps:\n      - run: {run}\n");
    let cases = [
        ("pytest -x --maxfail 1 --cov a -n 2 tests", "$ python -m pytest tests".to_owned()),
        ("pytest -m 'not network' -k fast", "$ python -m pytest -m 'not network'".to_owned()),
        ("python -m unittest discover -s tests", format!("$ {recorded} -m unittest discover -s tests")),
        ("coverage run --source=a -m unittest", format!("$ {recorded} -m unittest")),
        ("python tests/runtests.py --failfast", format!("$ {recorded} tests/runtests.py")),
        ("cd tests && pytest", "tests$ python -m pytest".to_owned()),
        ("cd elsewhere && pytest elsewhere", "$ python -m pytest".to_owned()),
        ("python setup.py test", "$ python -m pytest".to_owned()),
    ];
    for (run, expected) in cases {
        let workflow = workflow(run);
        let files = [pyproject, test, ("tests/runtests.py", ""), (".github/workflows/ci.yml", &workflow)];
        assert_eq!(tested(&only(&files)), expected, "{run}");
    }
}

#[test]
fn settings_that_hide_results_are_answered_and_their_plugins_installed() {
    let ini = "[pytest]\naddopts = -x --cov=a -p no:junitxml\nasyncio_mode = auto\n";
    let setup = only(&[("pytest.ini", ini), ("tests/test_a.py", ""), ("requirements.txt", "")]);
    assert_eq!(tested(&setup), "$ python -m pytest --no-cov --maxfail=0 -p junitxml");
    assert_eq!(
        resolved(&setup),
        "--file=requirements.txt --line=pytest --line=pytest-asyncio --line=pytest-cov"
    );
}

#[test]
fn django_s_own_runner_is_used_where_pytest_is_not_meant() {
    let files =
        [("requirements.txt", "django"), ("shop/manage.py", "import django"), ("shop/cart/tests.py", "")];
    let run = "shop$ python /opt/codegod/unittest_report.py manage.py test --noinput";
    assert_eq!(tested(&only(&files)), run);
    let with_pytest =
        [files[0], files[1], files[2], ("pytest.ini", "[pytest]\nDJANGO_SETTINGS_MODULE=shop.settings")];
    let setup = only(&with_pytest);
    assert_eq!(tested(&setup), "$ python -m pytest -o 'python_files=test.py tests.py *_tests.py'");
    assert!(resolved(&setup).contains("--line=pytest-django"));
}

#[test]
fn each_project_of_a_monorepo_is_a_part_and_what_is_only_shown_is_none() {
    let project = "[project]\nname='a'\n[build-system]\nrequires=[]";
    let files = [
        ("packages/one/pyproject.toml", project),
        ("packages/one/tests/test_a.py", ""),
        ("packages/two/setup.py", "setup(name='two')"),
        ("packages/two/test_b.py", ""),
        ("packages/untested/pyproject.toml", project),
        ("examples/x/pyproject.toml", project),
        ("examples/x/tests/test_x.py", ""),
    ];
    let folders: Vec<String> = parts(&files).into_iter().map(|part| part.setup.folder).collect();
    assert_eq!(folders, ["packages/one", "packages/two"]);
    let backend = [
        ("backend/requirements.txt", "flask"),
        ("backend/tests/test_a.py", ""),
        ("frontend/package.json", "{}"),
    ];
    let part = &parts(&backend)[0];
    assert_eq!((part.setup.part.as_str(), part.setup.folder.as_str()), ("python-backend", "backend"));
}

#[test]
fn a_package_is_installed_and_an_application_is_not() {
    let test = ("test_a.py", "");
    let installed = |text| !only(&[("pyproject.toml", text), test]).prepare.is_empty();
    assert!(installed("[project]\nname='a'\n[build-system]\nrequires=['hatchling']"));
    let hatch =
        "[project]\nname='my-a'\n[build-system]\nrequires=['hatchling']\nbuild-backend='hatchling.build'";
    assert!(!installed(hatch));
    let package = only(&[("pyproject.toml", hatch), test, ("src/my_a/__init__.py", "")]);
    assert!(!package.prepare.is_empty());
    assert!(!installed("[project]\nname='a'"));
    assert!(!installed("[project]\nname='a'\n[tool.uv]\npackage=false\n[build-system]\nrequires=[]"));
    assert!(!installed(
        "[tool.poetry]\nname='a'\npackage-mode=false\n[build-system]\nrequires=['poetry-core']"
    ));
}

#[test]
fn folders_of_the_workspace_that_are_required_are_installed_too() {
    let files = [
        ("requirements.txt", "flask\n-e ./libs/one\n"),
        ("libs/one/setup.py", "setup(name='one')"),
        ("test_a.py", ""),
    ];
    let setup = only(&files);
    assert_eq!(setup.prepare.len(), 1);
    assert!(setup.prepare[0].run.contains(".codegod/python/requirements.txt"), "{:?}", setup.prepare);
    let perhaps = "[project]\nname='a-b'\n[project.scripts]\nx='a:b'";
    let setup = only(&[("pyproject.toml", perhaps), ("test_a.py", "")]);
    assert!(setup.prepare[0].run.ends_with("|| echo 'It is no package that can be installed.'"));
}

#[test]
fn a_matrix_of_groups_is_left_to_the_project() {
    let tox = "[testenv]\ndependency_groups =\n  test\n  dj5: dj5\n  dj6: dj6\ncommands = pytest";
    let groups =
        "[project]\nname='a'\n[dependency-groups]\ntest=['pytest']\ndj5=['django<6']\ndj6=['django>=6']";
    let setup = only(&[("pyproject.toml", groups), ("tox.ini", tox), ("test_a.py", "")]);
    assert_eq!(resolved(&setup), "--project=. --group=test --line=pytest");
}

#[test]
fn tox_s_folder_is_where_its_tests_run() {
    let tox = "[testenv]\nchangedir = {toxinidir}/checks\ncommands = {envpython} runtests.py {posargs}";
    let files = [
        ("setup.py", "setup(name='a')"),
        ("tox.ini", tox),
        ("checks/runtests.py", ""),
        ("checks/test_a.py", ""),
    ];
    assert_eq!(tested(&only(&files)), "checks$ python /opt/codegod/unittest_report.py runtests.py");
}

#[test]
fn what_builds_an_extension_at_its_import_stays() {
    let pyproject = "[project]\nname='a'\n[build-system]\nrequires=['meson-python']\nbuild-backend='mesonpy'";
    let setup = only(&[("pyproject.toml", pyproject), ("test_a.py", "")]);
    assert_eq!(resolved(&setup), "--project=. --line=meson-python --line=ninja --line=cmake --line=pytest");
    assert!(setup.prepare[0].run.contains("--no-build-isolation --editable ."), "{:?}", setup.prepare);
}

#[test]
fn a_version_that_tags_would_give_comes_from_the_log_of_changes() {
    let pyproject =
        "[project]\nname='a'\ndynamic=['version']\n[build-system]\nrequires=['hatchling','hatch-vcs']";
    let log = "# Changes\n\n## [Unreleased]\n\n## 2.10.1 (2024)\n\n## 2.9.0\n";
    let setup = only(&[("pyproject.toml", pyproject), ("CHANGELOG.md", log), ("test_a.py", "")]);
    assert_eq!(setup.env["SETUPTOOLS_SCM_PRETEND_VERSION"], "2.10.1");
}

#[test]
fn nothing_of_python_is_no_part() {
    assert_eq!(parts(&[("package.json", "{}"), ("src/index.js", "")]), []);
}

proptest::proptest! {
    #[test]
    fn no_manifest_is_too_odd(
        name in "(pyproject.toml|setup.py|setup.cfg|tox.ini|tox.toml|noxfile.py|Pipfile|pytest.ini|requirements.txt|Makefile|.github/workflows/a.yml)",
        text in "(\\[|\\]|=|'|\"|\\{|\\}|:|\n| |-|\\PC|project|tool.poetry|testenv|deps|commands|pytest|jobs|run|\\$\\{\\{|é){0,80}",
    ) {
        let files = [(name.as_str(), text.as_str()), ("tests/test_a.py", "")];
        for part in parts(&files) {
            let Toolchain::Python(python) = &part.setup.toolchain else { continue };
            let files = python.requirements.iter().filter(|one| matches!(one, Requirements::File { .. })).count();
            proptest::prop_assert!(files <= 2);
        }
    }
}
