//! The Dockerfile of some parts: the workbench from public images, each recipe's steps, the sources, and
//! what prepares them.

use std::collections::{BTreeMap, BTreeSet};

use codegod_protocol::environment::{Recipe, SetupStep};
use codegod_protocol::setup::{Preparation, Setup, Toolchain};

use super::{SCRIPT, described, exports, one_line};
use crate::interpreter::{self, USUAL_BASE};
use crate::shell::quote;

/// Where the sources lie, as in a sandbox: tools write the place into what they install.
const WORKSPACE: &str = "/workspace";

/// The Dockerfile; `names` are its path and the image's name.
pub(super) fn text(recipes: &[(&Setup, Recipe)], names: (&str, &str), has: &dyn Fn(&str) -> bool) -> String {
    let parts: Vec<&Setup> = recipes.iter().map(|(part, _)| *part).collect();
    let mut text = Text::default();
    text.head(&parts, names);
    let mut copied = BTreeSet::new();
    for (part, recipe) in recipes {
        text.blank();
        text.line(&format!("# {}: {}", part.part, described(part)));
        for step in &recipe.steps {
            text.step(step, &mut copied, has);
        }
    }
    text.blank();
    text.line("# The sources, and what is done with them before the tests.");
    text.become_user(User::Agent);
    text.line("COPY --chown=agent:agent . ./");
    for part in &parts {
        for (path, content) in &part.private_files {
            text.run(&private_file(path, content));
        }
        for preparation in &part.prepare {
            text.line(&format!("# {}: {}", part.part, one_line(&preparation.why)));
            text.run(&prepared(part, preparation));
        }
    }
    text.blank();
    let names: Vec<String> = parts.iter().map(|part| part.part.clone()).collect();
    text.line(&format!("ENV CODEGOD_PARTS={}", serde_json::Value::from(names.join(" "))));
    text.line(&format!("CMD [\"sh\", \"{SCRIPT}\"]"));
    text.finish()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum User {
    Root,
    Agent,
}

/// A Dockerfile while it is written.
#[derive(Debug)]
struct Text {
    lines: Vec<String>,
    user: User,
}

impl Default for Text {
    fn default() -> Self {
        Self { lines: Vec::new(), user: User::Root }
    }
}

impl Text {
    fn line(&mut self, line: &str) {
        self.lines.push(line.to_owned());
    }

    fn blank(&mut self) {
        self.line("");
    }

    fn finish(self) -> String {
        self.lines.join("\n") + "\n"
    }

    /// The images to build on, and the account and folders that every part finds.
    fn head(&mut self, parts: &[&Setup], (path, tag): (&str, &str)) {
        let node = parts.iter().any(|part| matches!(part.toolchain, Toolchain::Node(_)));
        let python = parts.iter().any(|part| matches!(part.toolchain, Toolchain::Python(_)));
        let all: Vec<String> = parts.iter().map(|part| described(part)).collect();
        self.line(&format!("# What the tests of this project need: {}.", all.join("; ")));
        self.line(&format!(
            "# In the project's folder: docker build -f {} -t {tag} . && docker run --rm {tag}",
            quote(path)
        ));
        if node {
            self.line("FROM node:22-slim AS node");
            self.blank();
        }
        self.line(&format!("FROM {}", base(parts)));
        self.line("ARG DEBIAN_FRONTEND=noninteractive");
        let install = [
            "RUN apt-get update \\",
            " && apt-get install -y --no-install-recommends ca-certificates git procps python3 python3-pip python3-venv \\",
            " && rm -rf /var/lib/apt/lists/* /usr/lib/python3*/EXTERNALLY-MANAGED \\",
            " && ln -s python3 /usr/bin/python",
        ];
        install.iter().for_each(|line| self.line(line));
        if python {
            self.line(
                "# A compiler, for what has to be built, what tests take for granted, and the installer.",
            );
            self.line("RUN apt-get update \\");
            self.line(
                " && apt-get install -y --no-install-recommends build-essential pkg-config python3-dev \\",
            );
            self.line("    bzip2 curl file less media-types netbase tzdata unzip xz-utils zip \\");
            self.line(" && rm -rf /var/lib/apt/lists/* \\");
            self.line(" && pip install --no-cache-dir uv");
        }
        if node {
            self.line("COPY --from=node /usr/local /usr/local");
        }
        self.line("# Tests run without privileges: files of theirs belong to an account of its own.");
        self.line("RUN useradd --uid 10001 --user-group --create-home --shell /bin/bash agent \\");
        self.line(&format!(" && install -d -o agent -g agent {WORKSPACE} /env"));
        self.line("ENV LANG=C.UTF-8 VIRTUAL_ENV=/env/venv UV_PYTHON_PREFERENCE=only-system UV_NO_CACHE=1 \\");
        self.line("    PATH=/env/venv/bin:/home/agent/.local/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
        self.line(&format!("WORKDIR {WORKSPACE}"));
    }

    fn become_user(&mut self, user: User) {
        if self.user != user {
            self.user = user;
            self.line(match user {
                User::Root => "USER root",
                User::Agent => "USER agent",
            });
        }
    }

    /// A step of a recipe, and before it the manifests that it reads.
    fn step(&mut self, step: &SetupStep, copied: &mut BTreeSet<String>, has: &dyn Fn(&str) -> bool) {
        self.become_user(if step.root { User::Root } else { User::Agent });
        let mut folders: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for path in step.reads.iter().filter(|path| has(path)) {
            if copied.insert(path.clone()) {
                let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
                folders.entry(folder).or_default().push(path);
            }
        }
        for (folder, paths) in folders {
            self.line(&copy(folder, &paths));
        }
        let folder = step.workdir.trim_matches('/');
        let there = folder.is_empty() || copied.iter().any(|path| path.starts_with(&format!("{folder}/")));
        if !there {
            self.line(&format!("RUN mkdir -p {}", quote(folder)));
        }
        self.run(&in_folder(folder, &step.run));
    }

    /// A command, as people would write it where that means the same to the builder.
    fn run(&mut self, command: &str) {
        let command = command.trim();
        let plain = !command.contains(['\n', '\r']) && !command.contains("<<") && !command.ends_with('\\');
        if plain && !command.starts_with(['[', '-', '#']) {
            self.line(&format!("RUN {command}"));
        } else {
            self.line(&format!("RUN {}", serde_json::json!(["sh", "-c", command])));
        }
    }
}

/// The image to build on: that of the first Python which asks for another than the usual one.
fn base(parts: &[&Setup]) -> &'static str {
    let mut bases = parts.iter().filter_map(|part| match &part.toolchain {
        Toolchain::Python(python) => Some(interpreter::public_base(&python.version)),
        Toolchain::Node(_) => None,
    });
    bases.find(|base| *base != USUAL_BASE).unwrap_or(USUAL_BASE)
}

fn copy(folder: &str, paths: &[&str]) -> String {
    let to = if folder.is_empty() { "./".to_owned() } else { format!("{folder}/") };
    // The builder takes these for patterns and blanks for ends of words.
    let odd = |path: &&str| path.contains([' ', '\t', '"', '$', '\\']);
    if paths.iter().any(odd) {
        let words: Vec<&str> = paths.iter().copied().chain([to.as_str()]).collect();
        return format!("COPY --chown=agent:agent {}", serde_json::json!(words));
    }
    format!("COPY --chown=agent:agent {} {to}", paths.join(" "))
}

fn in_folder(folder: &str, command: &str) -> String {
    let (folder, command) = (folder.trim_matches('/'), command.trim());
    if matches!(folder, "" | ".") {
        return command.to_owned();
    }
    let folder = quote(folder);
    if !command.contains(['\n', '#', ';', '|', '&']) {
        format!("cd {folder} && {command}")
    } else if !command.contains(['\n', '#']) && !command.ends_with([';', '&']) {
        format!("cd {folder} && {{ {command}; }}")
    } else {
        format!("cd {folder} || exit 1\n{command}")
    }
}

fn prepared(part: &Setup, preparation: &Preparation) -> String {
    match exports(part) {
        None => in_folder(&preparation.workdir, &preparation.run),
        Some(exports) if preparation.run.contains('\n') => {
            in_folder(&preparation.workdir, &format!("{exports}\n{}", preparation.run))
        }
        Some(exports) => in_folder(&preparation.workdir, &format!("{exports}; {}", preparation.run)),
    }
}

/// Writes a file that is never committed, unless the person has one.
fn private_file(path: &str, content: &str) -> String {
    let lines: Vec<String> = content.lines().map(quote).collect();
    format!("test -e {0} || printf '%s\\n' {1} > {0}", quote(path), lines.join(" "))
}
