//! Which Node a project is run with: the one at hand where the project allows it.

use semver::{Comparator, Op, Version, VersionReq};

use super::super::Tree;
use super::manifest::{Manifest, join};
use super::workflows;

/// The major version that is at hand.
pub(super) const AT_HAND: u64 = 22;
/// A version of it, to be held against what projects ask for.
const AT_HAND_EXACT: Version = Version::new(AT_HAND, 20, 0);
/// Projects that name a version from here on run with the one at hand as well, where nothing forbids it.
const OLDEST_LIKE_IT: u64 = 18;
/// The newest and the oldest that the registry has.
const KNOWN: std::ops::RangeInclusive<u64> = 4..=26;
/// Majors in the order in which they are tried when the one at hand is not allowed.
const CANDIDATES: [u64; 12] = [20, 24, 18, 16, 14, 12, 10, 26, 25, 23, 8, 6];

/// Packages that don't run on newer versions than these.
const NOT_ON_NEWER: [(&str, u64); 2] = [("esm", 20), ("fibers", 14)];

/// A choice with its reason.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Choice {
    /// The major version.
    pub(super) major: u64,
    /// What the project asks for, as written.
    pub(super) wants: String,
    /// Why another than that at hand is taken.
    pub(super) note: Option<String>,
}

pub(super) fn choose(tree: &Tree, root: &Manifest) -> Choice {
    let engines = root.text(&["engines", "node"]).unwrap_or_default();
    let named = named(tree, root);
    let wants = if engines.is_empty() {
        named.clone().map(|(_, text)| text).unwrap_or_default()
    } else {
        engines.to_owned()
    };
    if !allows(engines, &AT_HAND_EXACT) {
        let wanted = named.as_ref().and_then(|(_, text)| major(text));
        let fits = |major: &u64| {
            let some = [Version::new(*major, 99, 0), Version::new(*major, 0, 0)];
            some.iter().any(|version| allows(engines, version)) || names(engines, *major)
        };
        if let Some(major) = wanted.into_iter().chain(CANDIDATES).find(fits) {
            let note = format!("Node {major} is used: the project's engines ask for {engines:?}.");
            return Choice { major, wants, note: Some(note) };
        }
    }
    if let Some((from, text)) = named
        && let Some(major) = major(&text).filter(|major| KNOWN.contains(major))
        && !(OLDEST_LIKE_IT..=AT_HAND).contains(&major)
        && engines.is_empty()
    {
        return Choice { major, wants, note: Some(format!("Node {major} is used: {from} names it.")) };
    }
    let outdated = NOT_ON_NEWER
        .iter()
        .find(|(package, major)| root.depends_on(package) && allows(engines, &Version::new(*major, 99, 0)));
    if let Some((package, major)) = outdated {
        let note = format!("Node {major} is used: the package {package} does not run on newer ones.");
        return Choice { major: *major, wants, note: Some(note) };
    }
    Choice { major: AT_HAND, wants, note: None }
}

/// The version that a file beside the manifest names, with the file.
fn named(tree: &Tree, root: &Manifest) -> Option<(String, String)> {
    if let Some(volta) = root.text(&["volta", "node"]) {
        return Some(("volta in package.json".to_owned(), volta.to_owned()));
    }
    let folders = [root.folder.as_str(), ""];
    for folder in folders {
        for name in [".nvmrc", ".node-version"] {
            if let Some(text) = tree.text(&join(folder, name)) {
                return Some((join(folder, name), text.lines().next().unwrap_or_default().trim().to_owned()));
            }
        }
        let tools = tree.text(&join(folder, ".tool-versions"));
        let line = tools.and_then(|tools| tools.lines().find_map(|line| line.strip_prefix("nodejs ")));
        if let Some(version) = line {
            return Some((join(folder, ".tool-versions"), version.trim().to_owned()));
        }
    }
    if workflows::are_there(tree) {
        return newest(".github/workflows", &workflows::node_versions(tree)).filter(|(_, newest)| {
            // One that is newer than that at hand is rarely the only one.
            major(newest).is_some_and(|newest| newest < OLDEST_LIKE_IT)
        });
    }
    travis(tree)
}

/// The newest of the versions that a file names; none when it names new ones by no number.
fn newest(from: &str, versions: &[String]) -> Option<(String, String)> {
    if versions.iter().any(|version| major(version).is_none()) {
        return None;
    }
    let newest = versions.iter().max_by_key(|version| major(version))?;
    Some((from.to_owned(), newest.clone()))
}

/// The newest version of an old project's Travis file, which names a list of them.
fn travis(tree: &Tree) -> Option<(String, String)> {
    let text = tree.text(".travis.yml")?;
    let after = text.split_once("node_js:")?.1;
    let list = after.lines().take_while(|line| {
        line.trim().is_empty() || line.starts_with([' ', '-']) || line.trim_start().starts_with('-')
    });
    let list: Vec<&str> = list.collect();
    let first = after.lines().next().unwrap_or_default();
    let all = list.iter().copied().chain([first]);
    let versions = all
        .flat_map(|line| line.split([',', '[', ']']))
        .map(|item| item.trim_matches([' ', '-', '"', '\'', 'v']));
    let versions: Vec<String> = versions.filter(|item| !item.is_empty()).map(str::to_owned).collect();
    newest(".travis.yml", &versions)
}

/// The major version of what a version file names; None for `lts/*` and the like.
fn major(text: &str) -> Option<u64> {
    let text = text.trim().trim_start_matches(['v', '=', '^', '~']);
    match text.trim_start_matches("lts/") {
        "carbon" => return Some(8),
        "dubnium" => return Some(10),
        "erbium" => return Some(12),
        "fermium" => return Some(14),
        "gallium" => return Some(16),
        "hydrogen" => return Some(18),
        "iron" => return Some(20),
        "jod" => return Some(22),
        _ => {}
    }
    text.split('.').next()?.trim().parse().ok()
}

/// Whether a range in npm's notation allows a version; what can't be read forbids nothing.
fn allows(range: &str, version: &Version) -> bool {
    let alternatives: Vec<&str> = range.split("||").map(str::trim).collect();
    if alternatives.iter().any(|alternative| alternative.is_empty()) {
        return true;
    }
    alternatives
        .iter()
        .any(|alternative| requirement(alternative).is_none_or(|wanted| wanted.matches(version)))
}

/// Whether a range means certain versions of a major one.
fn names(range: &str, major: u64) -> bool {
    let comparators = range.split("||").filter_map(|alternative| requirement(alternative.trim()));
    let certain = [Op::Exact, Op::Tilde, Op::Caret];
    comparators
        .flat_map(|wanted| wanted.comparators)
        .any(|wanted| wanted.major == major && certain.contains(&wanted.op))
}

/// One alternative of a range; None when it can't be read.
fn requirement(text: &str) -> Option<VersionReq> {
    let words: Vec<&str> = text.split([' ', ',']).filter(|word| !word.is_empty()).collect();
    if let [low, "-", high] = words.as_slice() {
        return VersionReq::parse(&format!(
            ">={}, <={}",
            low.trim_start_matches('v'),
            high.trim_start_matches('v')
        ))
        .ok();
    }
    let mut joined = String::new();
    for word in words {
        joined.push_str(&word.replace('v', ""));
        // An operator may stand apart from its version.
        joined.push_str(if word.ends_with(|char: char| char.is_ascii_digit() || "xX*".contains(char)) {
            ","
        } else {
            ""
        });
    }
    let joined = joined.trim_end_matches(',');
    let mut parsed = VersionReq::parse(&joined.replace(['x', 'X'], "*")).ok()?;
    // Cargo reads `1.2.3` as a caret range, npm as that version.
    let bare = |comparator: &Comparator| comparator.op == Op::Caret && !joined.contains('^');
    for comparator in parsed.comparators.iter_mut().filter(|comparator| bare(comparator)) {
        if comparator.patch.is_some() {
            comparator.op = Op::Exact;
        } else if comparator.minor.is_some() {
            comparator.op = Op::Tilde;
        }
    }
    Some(parsed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_in_npms_notation_are_understood() {
        for range in [
            ">= 18",
            "^20.19.0 || ^22.12.0 || >=23",
            "18 || 20 || >=22",
            "*",
            "",
            "22.x",
            "22",
            ">=6 <23",
            "14 - 22",
            "^12.17.0 || ^14.13 || >=16.0.0",
            ">=22.12.0",
            "lts",
            "v22",
            "> 4.0.0",
            "<23",
        ] {
            assert!(allows(range, &AT_HAND_EXACT), "{range}");
        }
        for range in ["^18", "18.x", ">=14 <17", "16.13.0", "12 - 20", "<=20", "~20.1", ">=24", "22.1.0"] {
            assert!(!allows(range, &AT_HAND_EXACT), "{range}");
        }
    }

    fn chosen(files: &[(&str, &str)], manifest: serde_json::Value) -> (u64, bool) {
        let tree = super::super::tests::tree(files);
        let choice = choose(&tree, &Manifest { folder: String::new(), value: manifest });
        (choice.major, choice.note.is_some())
    }

    #[test]
    fn the_node_at_hand_is_taken_where_it_is_allowed() {
        let engines = |range: &str| serde_json::json!({ "engines": { "node": range } });
        assert_eq!(chosen(&[], engines(">=12")), (22, false));
        assert_eq!(chosen(&[], engines("^18 || ^20")), (20, true));
        assert_eq!(chosen(&[], engines("16.13.0")), (16, true));
        assert_eq!(chosen(&[(".nvmrc", "v18.12.1\n")], serde_json::json!({})), (22, false));
        assert_eq!(chosen(&[(".nvmrc", "v14\n")], serde_json::json!({})), (14, true));
        assert_eq!(chosen(&[(".nvmrc", "lts/*\n")], serde_json::json!({})), (22, false));
        assert_eq!(chosen(&[(".nvmrc", "20")], engines("^18 || ^20")), (20, true));
        assert_eq!(
            chosen(&[(".travis.yml", "node_js:\n  - '6'\n  - \"10\"\nscript: x\n")], serde_json::json!({})),
            (10, true)
        );
        assert_eq!(chosen(&[(".travis.yml", "node_js:\n- 6\n- node\n")], serde_json::json!({})), (22, false));
    }
}
