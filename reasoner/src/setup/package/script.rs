//! The script: on a person's machine it builds the images and runs the tests in them, inside of an image it
//! runs the tests.

use codegod_protocol::setup::{Setup, Setups, TestRun};

use super::{Package, described, exports, one_line};
use crate::shell::quote;

pub(super) fn text(setups: &Setups, packages: &[Package]) -> String {
    let mut lines: Vec<String> = HEAD.lines().map(str::to_owned).collect();
    lines.push("if [ -z \"${CODEGOD_PARTS-}\" ]; then".to_owned());
    for package in packages {
        let (dockerfile, tag) = (quote(&package.dockerfile), quote(&package.tag));
        lines.push(format!("  docker build -f {dockerfile} -t {tag} . || exit"));
        lines.push(format!("  docker run --rm --init {tag} || ended $?"));
    }
    lines.extend(["  exit $status".to_owned(), "fi".to_owned()]);
    for setup in setups.values() {
        lines.push(String::new());
        lines.extend(part(setup));
    }
    lines.extend([String::new(), "exit $status".to_owned()]);
    lines.join("\n") + "\n"
}

const HEAD: &str = r#"#!/bin/sh
# Runs the tests of this project in the environment that .codegod/ describes: builds it with Docker,
# then runs this script inside of it. Ends with the exit code of the first run that failed.
cd "$(dirname "$0")/.." || exit 1
reports=${CODEGOD_REPORTS:-/tmp/reports}
status=0

ended() {
  if [ $status -eq 0 ]; then status=$1; fi
}
# wanted PART: whether this image is for that part.
wanted() {
  case " $CODEGOD_PARTS " in *" $1 "*) return 0 ;; *) return 1 ;; esac
}
"#;

fn part(setup: &Setup) -> Vec<String> {
    let mut lines = vec![format!("# {}: {}", setup.part, described(setup))];
    lines.extend(setup.services.iter().map(|service| {
        format!(
            "# Its tests expect {} beside them; start one and set its address in the variables.",
            service.label()
        )
    }));
    if setup.tests.is_empty() {
        lines.push("# It has no tests.".to_owned());
        return lines;
    }
    lines.push(format!("if wanted {}; then", quote(&setup.part)));
    for (number, run) in setup.tests.iter().enumerate() {
        lines.extend(test(setup, number + 1, run));
    }
    lines.push("fi".to_owned());
    lines
}

fn test(setup: &Setup, number: usize, run: &TestRun) -> Vec<String> {
    let mut lines = vec![format!("  echo {}", quote(&format!("== {}: {}", setup.part, one_line(&run.own))))];
    lines.push("  mkdir -p \"$reports\"".to_owned());
    lines.push("  (".to_owned());
    let folder = run.workdir.trim_matches('/');
    if !matches!(folder, "" | ".") {
        lines.push(format!("    cd {} || exit 1", quote(folder)));
    }
    lines.extend(exports(setup).map(|exports| format!("    {exports}")));
    lines.push(format!(
        "    export CODEGOD_REPORT=\"$reports\"/{}",
        quote(&format!("{}-{number}", setup.part))
    ));
    // What records unittest's results is in codegod's own image only; without it the same tests run.
    let command = run
        .run
        .trim()
        .replace("python /opt/codegod/unittest_report.py ", "python ")
        .replace("python /opt/codegod/pytest_report.py", "python -m pytest");
    // A command of several lines may hold what would end the brackets.
    if command.contains('\n') || command.contains("<<") || command.ends_with('\\') {
        lines.push(format!("    sh -c {}", quote(&command)));
    } else {
        lines.push(format!("    {command}"));
    }
    lines.push("  ) || ended $?".to_owned());
    lines
}
