//! What a project's own recipes say about how its tests run.

use codegod_protocol::setup::ServiceKind;

use super::tests::{only, resolved, tested};

#[test]
fn the_lane_that_runs_all_tests_comes_before_one_of_a_part_or_of_something_else() {
    let pyproject = (
        "pyproject.toml",
        "[project]\nname='a'\n[build-system]\nrequires=[]\n[dependency-groups]\ntests=['pytest']\nrandom=['pytest-randomly']",
    );
    let job = |run: &str| format!("jobs:\n  test:\n    steps:\n      - run: {run}\n");
    let (browser, other, all) =
        (job("pytest tests/test_web.py"), job("pytest -p other"), job("pytest -p all"));
    let files = [
        pyproject,
        ("tests/test_a.py", ""),
        ("tests/test_b.py", ""),
        ("tests/test_web.py", ""),
        (".github/workflows/browser.yml", &browser),
        (".github/workflows/other.yml", &other),
        (".github/workflows/test.yml", &all),
    ];
    let setup = only(&files);
    assert_eq!(tested(&setup), "$ python -m pytest -p all");
    let told = ("tox.toml", "[env_run_base]\ndependency_groups=['tests']\ncommands=[['pytest']]");
    let setup = only(&[pyproject, files[1], told]);
    assert_eq!(resolved(&setup), "--project=. --group=tests --line=pytest");
}

#[test]
fn settings_of_pytest_say_that_there_are_tests_whatever_their_files_are_called() {
    let files =
        [("pytest.ini", "[pytest]\npython_files = *\n"), ("tests/cli.py", ""), ("requirements.txt", "")];
    assert_eq!(tested(&only(&files)), "$ python -m pytest");
}

#[test]
fn of_a_step_that_is_repeated_with_other_variables_the_first_counts() {
    let run = "      - run: pytest\n";
    let workflow = format!("jobs:\n  test:\n    steps:\n{run}{run}        env:\n          PURE: 1\n");
    let files = [("requirements.txt", ""), ("tests/test_a.py", ""), (".github/workflows/a.yml", &workflow)];
    assert!(only(&files).env.is_empty());
}

#[test]
fn a_file_for_development_that_includes_the_base_needs_no_other() {
    let files = [
        ("requirements.txt", "-r requirements/heroku.txt"),
        ("requirements/common.txt", "flask"),
        ("requirements/dev.txt", "-r common.txt\nfaker"),
        ("requirements/heroku.txt", "-r common.txt\npsycopg2"),
        ("tests/test_a.py", ""),
    ];
    assert_eq!(resolved(&only(&files)), "--file=requirements/dev.txt --line=pytest");
}

#[test]
fn tests_that_run_by_themselves_are_not_left_out_and_actions_that_start_servers_are_seen() {
    let workflow = "jobs:\n  test:\n    steps:\n      - uses: supercharge/redis-github-action@v1\n      - run: |\n          pytest -n auto -m 'not serial'\n          pytest -m serial\n";
    let files = [("requirements.txt", ""), ("tests/test_a.py", ""), (".github/workflows/test.yml", workflow)];
    let setup = only(&files);
    assert_eq!(tested(&setup), "$ python -m pytest");
    assert_eq!(setup.services, [ServiceKind::Redis].into());
}

#[test]
fn of_a_matrix_one_environment_is_made() {
    let tox = "[tox]\nenvlist = py{310,311}-dj{42,52}-sqlite,py312-dj60\n[testenv]\ndeps =\n  -r tests/requirements/base.txt\n  dj42: -r tests/requirements/dj42.txt\n  dj52: -r tests/requirements/dj52.txt\n  dj60: -r tests/requirements/dj60.txt\n  dj42: Django~=4.2\n  dj52: Django~=5.2\n  sqlite: pytest-x\ncommands = pytest\n";
    let files = [
        ("setup.py", "setup(name='a', install_requires=['six'])"),
        ("tox.ini", tox),
        ("tests/requirements/base.txt", ""),
        ("tests/requirements/dj42.txt", ""),
        ("tests/requirements/dj52.txt", ""),
        ("tests/requirements/dj60.txt", ""),
        ("tests/test_a.py", ""),
    ];
    assert_eq!(
        resolved(&only(&files)),
        "--project=. --line='Django~=5.2' --line=pytest-x --file=tests/requirements/base.txt --file=tests/requirements/dj52.txt --line=pytest"
    );
}

#[test]
fn what_a_job_provides_for_tox_is_there_for_its_environment() {
    let workflow = "jobs:\n  lint:\n    env:\n      A: lint\n    steps:\n      - run: tox -e lint\n  test:\n    services:\n      db:\n        image: postgres:16\n        env:\n          POSTGRES_DB: shop\n    steps:\n      - run: sudo apt-get install libfoo-dev\n      - run: python -m tox\n        env:\n          DATABASE_URL: postgres://localhost/shop\n";
    let files = [
        ("setup.py", "setup(name='a')"),
        ("tox.ini", "[testenv]\ncommands = pytest -p own\n"),
        (".github/workflows/ci.yml", workflow),
        ("tests/test_a.py", ""),
    ];
    let setup = only(&files);
    assert_eq!(tested(&setup), "$ python -m pytest -p own");
    assert_eq!(setup.services, [ServiceKind::Postgres].into());
    assert_eq!(setup.system_packages, ["libfoo-dev".to_owned()].into());
    let env: Vec<String> = setup.env.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(env, ["DATABASE_URL=postgres://localhost/shop", "POSTGRES_DB=shop"]);
}

#[test]
fn of_jobs_for_several_databases_the_one_without_a_server_is_taken() {
    let job =
        |name: &str, more: &str| format!("  {name}:\n{more}    steps:\n      - run: pytest -p {name}\n");
    let server = "    services:\n      db:\n        image: mysql:8\n";
    let workflow = format!("jobs:\n{}{}", job("mysql", server), job("sqlite", ""));
    let files = [("requirements.txt", ""), ("tests/test_a.py", ""), (".github/workflows/a.yml", &workflow)];
    let setup = only(&files);
    assert_eq!(tested(&setup), "$ python -m pytest -p sqlite");
    assert!(setup.services.is_empty());
}

#[test]
fn a_script_of_flask_that_is_called_manage_is_not_django_s() {
    let manage = ("manage.py", "from flask_script import Manager");
    let files = [("requirements.txt", "flask"), manage, ("tests/test_a.py", "")];
    assert_eq!(tested(&only(&files)), "$ python -m pytest");
    let makefile = ("Makefile", "test:\n\tpython manage.py test\n");
    let run = "$ python /opt/codegod/unittest_report.py manage.py test";
    assert_eq!(tested(&only(&[files[0], files[1], files[2], makefile])), run);
}

#[test]
fn what_an_option_is_given_is_no_path_of_tests() {
    let tox = "[testenv]\ncommands = pytest --cov a -p own\n[testenv:ssl]\ncommands = pytest -p ssl\n";
    let files = [("setup.py", "setup(name='a')"), ("tox.ini", tox), ("a/x.py", ""), ("tests/test_a.py", "")];
    assert_eq!(tested(&only(&files)), "$ python -m pytest -p own");
}

#[test]
fn requirements_of_other_kinds_of_tests_are_left_out() {
    let files = [
        ("requirements/default.txt", "six"),
        ("requirements/test.txt", "pytest"),
        ("requirements/test-integration.txt", "boto3"),
        ("tests/test_a.py", ""),
    ];
    assert_eq!(
        resolved(&only(&files)),
        "--file=requirements/test.txt --file=requirements/default.txt --line=pytest"
    );
}
