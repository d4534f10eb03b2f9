//! What `when` and the templates of a rule may name beside the groups of its match.

use std::collections::BTreeMap;
use std::sync::Arc;

use minijinja::value::Serde;
use minijinja::{Environment, Value};

use super::facts::Facts;
use super::schema::{Cell, Table};
use super::{Failure, settings, versions};
use crate::interpreter;
use crate::reasoning::expression;

/// Facts and functions.
pub(super) const NAMES: [&str; 47] = [
    "part",
    "stage",
    "command",
    "exit_code",
    "output",
    "look",
    "look_all",
    "addressed",
    "built_in",
    "nearest",
    "near_file",
    "newest",
    "node_for",
    "own_package",
    "package_name",
    "package_section",
    "types_of",
    "python_for",
    "usual_python",
    "settled",
    "python_tagged",
    "specifier",
    "item",
    "own",
    "own_whole",
    "near_module",
    "folder_of",
    "own_root",
    "own_file",
    "providers",
    "has_file",
    "find_file",
    "listed",
    "versioned",
    "pinned",
    "at_least",
    "requirements_file",
    "env_example",
    "django_settings",
    "env_from",
    "env_text",
    "env_value",
    "fields_missing",
    "private_env",
    "safe_value",
    "near",
    "scripts",
];

/// An environment in which the texts of rules parse.
pub(super) fn environment() -> Environment<'static> {
    let mut environment = expression::environment();
    environment.add_filter("quote", |text: String| quoted(&text));
    environment.add_filter("in_distribution", |path: String| in_distribution(&path));
    environment.add_filter("clause", |text: String| text.trim().trim_end_matches(['.', ':', ';']).to_owned());
    environment
}

/// As [`environment`], with functions over what is known of the project.
pub(super) fn bound(facts: &Arc<Facts>, tables: &Arc<BTreeMap<String, Table>>) -> Environment<'static> {
    let mut environment = environment();
    add_versions(&mut environment);
    let known = Arc::clone(tables);
    environment.add_function("look", move |table: String, key: String| look(&known, &table, &key));
    let known = Arc::clone(tables);
    environment.add_function("look_all", move |table: String, text: String| look_all(&known, &table, &text));
    let known = Arc::clone(tables);
    environment.add_function("providers", move |module: String| providers(&known, &module));
    environment.add_function("package_name", |module: String| package_name(&module));
    environment.add_function("types_of", |module: String| types_of(&module));
    let project = Arc::clone(facts);
    environment
        .add_function("own_package", move |module: String| project.own_package(&package_name(&module)));
    let project = Arc::clone(facts);
    environment.add_function("addressed", move |address: String| project.packages().addressed(&address));
    let project = Arc::clone(facts);
    environment.add_function("built_in", move |module: String, from: String| {
        project.packages().built_in(
            &project.setup().folder,
            &package_name(&module),
            &module,
            &project.own_file(&from),
        )
    });
    let project = Arc::clone(facts);
    environment.add_function("near_file", move |from: String, to: String| project.near_file(&from, &to));
    environment.add_function("safe_value", |name: String| settings::safe_value(&name));
    let known = Arc::clone(tables);
    environment.add_function("near", move |table: String, word: String| near(&known, &table, &word));
    let project = Arc::clone(facts);
    environment.add_function("own", move |module: String| project.own(&module));
    let project = Arc::clone(facts);
    environment.add_function("own_root", move |module: String| project.own_root(&module));
    let project = Arc::clone(facts);
    environment.add_function("own_file", move |path: String| project.own_file(&path));
    let project = Arc::clone(facts);
    environment.add_function("own_whole", move |module: String| project.own_whole(&module));
    let project = Arc::clone(facts);
    environment.add_function("near_module", move |module: String| project.near_module(&module));
    let project = Arc::clone(facts);
    environment.add_function("package_section", move |name: String| project.package_section(&name));
    environment.add_function("folder_of", |path: String| folder_of(&path));
    let project = Arc::clone(facts);
    environment.add_function("has_file", move |path: String| project.has(&path));
    let project = Arc::clone(facts);
    environment.add_function("find_file", move |name: String| project.find(&name));
    let project = Arc::clone(facts);
    environment.add_function("listed", move |name: String| project.listed(&name));
    let project = Arc::clone(facts);
    environment.add_function("versioned", move |name: String| project.versioned(&name));
    let project = Arc::clone(facts);
    environment.add_function("specifier", move |name: String| project.specifier(&name));
    let project = Arc::clone(facts);
    environment.add_function("pinned", move |name: String| project.pinned(&name));
    let project = Arc::clone(facts);
    environment.add_function("requirements_file", move || project.requirements_file());
    let project = Arc::clone(facts);
    environment.add_function("env_example", move || project.env_example());
    let project = Arc::clone(facts);
    environment.add_function("env_from", move |path: String| settings::from_example(project.text(&path)));
    let project = Arc::clone(facts);
    environment.add_function("env_text", move || project.text(&project.env_example()).to_owned());
    let project = Arc::clone(facts);
    environment.add_function("private_env", move || settings::made_from(&project.env_example()));
    let project = Arc::clone(facts);
    environment.add_function("env_value", move |name: String| {
        settings::value_in(project.text(&project.env_example()), &name)
    });
    environment.add_function("fields_missing", |fields: String| settings::fields_missing(&fields));
    let project = Arc::clone(facts);
    environment.add_function("django_settings", move || project.django_settings());
    let project = Arc::clone(facts);
    environment.add_function("scripts", move || project.scripts());
    environment
}

/// Functions over versions, and over the interpreters that there are.
fn add_versions(environment: &mut Environment<'static>) {
    environment
        .add_function("at_least", |version: String, floor: String| versions::at_least(&version, &floor));
    environment.add_function("nearest", |range: String| versions::nearest(&range));
    environment.add_function("node_for", |range: String| versions::node_for(&range));
    environment.add_function("newest", |a: String, b: String| versions::is_newer(&a, &b));
    environment.add_function("python_for", |range: String| versions::python_for(&range));
    environment.add_function("usual_python", || interpreter::USUAL);
    environment.add_function("settled", |version: String| interpreter::settled(&version));
    environment.add_function("python_tagged", |tags: String| versions::python_tagged(&tags));
}

/// The facts that every match sees.
pub(super) fn common(facts: &Facts, failure: &Failure<'_>, output: &str) -> BTreeMap<String, Value> {
    BTreeMap::from([
        ("part".to_owned(), facts.part()),
        ("stage".to_owned(), Value::from(Serde(failure.stage))),
        ("command".to_owned(), Value::from(failure.command)),
        ("exit_code".to_owned(), Value::from(failure.exit_code)),
        ("output".to_owned(), Value::from(output)),
    ])
}

/// What a table has for a key, else for the key without its last part (`google.protobuf.x` →
/// `google.protobuf`), else for the key in small letters; an empty list when it has nothing.
fn look(tables: &BTreeMap<String, Table>, table: &str, key: &str) -> Vec<String> {
    let Some(table) = tables.get(table) else { return Vec::new() };
    let mut shorter = Some(key);
    while let Some(key) = shorter {
        match table.get(key) {
            Some(Cell::One(value)) => return vec![value.clone()],
            Some(Cell::Several(values)) => return values.clone(),
            None => shorter = key.rsplit_once('.').map(|(start, _)| start),
        }
    }
    let small = key.to_lowercase();
    if small == key { Vec::new() } else { look_exactly(table, &small) }
}

/// The first thing that a table has for each word of a text, each once; of `--name=value` the name counts.
fn look_all(tables: &BTreeMap<String, Table>, table: &str, text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        let name = word.split('=').next().unwrap_or(word);
        let first = tables.get(table).map(|table| look_exactly(table, name)).unwrap_or_default();
        found.extend(first.into_iter().next().filter(|first| !found.contains(first)));
    }
    found
}

/// The distributions that bring a module, the likeliest first: of those that no table knows, the one of the
/// same name.
fn providers(tables: &BTreeMap<String, Table>, module: &str) -> Vec<String> {
    let known = look(tables, "modules", module);
    if !known.is_empty() {
        return known;
    }
    vec![module.split('.').next().unwrap_or(module).to_owned()]
}

fn look_exactly(table: &Table, key: &str) -> Vec<String> {
    match table.get(key) {
        Some(Cell::One(value)) => vec![value.clone()],
        Some(Cell::Several(values)) => values.clone(),
        None => Vec::new(),
    }
}

/// The key of a table that a misspelt word was likely meant to be: at most one letter is missing, too many,
/// or wrong, or two beside each other are exchanged. Empty when there is none.
fn near(tables: &BTreeMap<String, Table>, table: &str, word: &str) -> String {
    let word = word.to_lowercase();
    let Some(table) = tables.get(table) else { return String::new() };
    if word.chars().count() < 4 {
        return String::new();
    }
    table.keys().find(|key| is_one_slip_away(&key.to_lowercase(), &word)).cloned().unwrap_or_default()
}

pub(super) fn is_one_slip_away(right: &str, wrong: &str) -> bool {
    let (a, b): (Vec<char>, Vec<char>) = (right.chars().collect(), wrong.chars().collect());
    let same_start = a.iter().zip(&b).take_while(|(a, b)| a == b).count();
    let (a, b) = (&a[same_start..], &b[same_start..]);
    let same_end = a.iter().rev().zip(b.iter().rev()).take_while(|(a, b)| a == b).count();
    let (a, b) = (&a[..a.len() - same_end], &b[..b.len() - same_end]);
    match (a, b) {
        ([], []) => false,
        ([_], []) | ([], [_]) | ([_], [_]) => true,
        ([a1, a2], [b1, b2]) => a1 == b2 && a2 == b1,
        _ => false,
    }
}

/// The package that an import names (`@a/b/c` → `@a/b`); empty when it names a file or one of Node's own.
fn package_name(module: &str) -> String {
    let scoped = usize::from(module.starts_with('@'));
    let name: Vec<&str> = module.split('/').take(1 + scoped).collect();
    let name = name.join("/");
    let is_name = |c: char| c.is_ascii_alphanumeric() || "-_.@/".contains(c);
    let starts_well = name.starts_with('@') || name.starts_with(|c: char| c.is_ascii_alphanumeric());
    let alias = name == "@" || name.starts_with("@/") || (scoped == 1 && !name.contains('/'));
    let builtin = ["fs", "path", "os", "http", "https", "net", "util", "url", "crypto", "stream", "events"];
    if !starts_well || alias || !name.chars().all(is_name) || builtin.contains(&name.as_str()) {
        return String::new();
    }
    name
}

/// The package with the types of a module, or of a global name; empty when there is none of its own.
fn types_of(module: &str) -> String {
    match module {
        "process" | "require" | "module" | "Buffer" | "__dirname" | "node" => "@types/node".to_owned(),
        "describe" | "it" | "test" | "expect" | "jest" | "beforeEach" => "@types/jest".to_owned(),
        "$" => "@types/jquery".to_owned(),
        module => match package_name(module) {
            name if name.is_empty() || name.starts_with("@types/") => name,
            name => format!("@types/{}", name.trim_start_matches('@').replace('/', "__")),
        },
    }
}

/// The module of an installed distribution that a file belongs to; empty for any other file.
fn in_distribution(path: &str) -> String {
    let inside = path.rsplit_once("site-packages/").map_or("", |(_, inside)| inside);
    inside.split('/').next().unwrap_or_default().trim_end_matches(".py").to_owned()
}

/// The folder of a file with `/` at its end; empty at the top.
fn folder_of(path: &str) -> String {
    path.rsplit_once('/').map_or_else(String::new, |(folder, _)| format!("{folder}/"))
}

/// A word of a shell.
fn quoted(text: &str) -> String {
    let harmless = |c: char| c.is_ascii_alphanumeric() || "-_./=:@%+,".contains(c);
    if !text.is_empty() && text.chars().all(harmless) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_found_and_another_word_is_not() {
        for wrong in ["reqests", "requestss", "rexuests", "reqeusts"] {
            assert!(is_one_slip_away("requests", wrong), "{wrong}");
        }
        for other in ["requests", "request2x", "quests", "flask"] {
            assert!(!is_one_slip_away("requests", other), "{other}");
        }
    }

    #[test]
    fn an_import_names_a_package_or_a_file() {
        for (module, package) in [
            ("ms", "ms"),
            ("@a/b/c", "@a/b"),
            ("a/b.js", "a"),
            ("./x", ""),
            ("fs", ""),
            ("@/x", ""),
            ("node:fs", ""),
        ] {
            assert_eq!(package_name(module), package, "{module}");
        }
        assert_eq!((types_of("@a/b").as_str(), types_of("ms").as_str()), ("@types/a__b", "@types/ms"));
    }

    #[test]
    fn nothing_leaves_a_quoted_word() {
        assert_eq!(quoted("a-b.c"), "a-b.c");
        assert_eq!(quoted("x'; rm -rf /"), r"'x'\''; rm -rf /'");
        assert_eq!(quoted(""), "''");
    }
}
