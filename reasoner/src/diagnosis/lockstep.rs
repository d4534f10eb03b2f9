//! Node packages that are released together: one that is missing is wanted in the version of its family.

use serde_json::Value;

/// How the names begin of packages that follow another's versions, and that other.
const FAMILIES: [(&str, &str); 14] = [
    ("jest-environment-", "jest"),
    ("@jest/", "jest"),
    ("babel-jest", "jest"),
    ("jest-circus", "jest"),
    ("@vitest/eslint", ""),
    ("@vitest/", "vitest"),
    ("react-dom", "react"),
    ("react-test-renderer", "react"),
    ("@vue/compiler", "vue"),
    ("@vue/server-renderer", "vue"),
    ("vue-template-compiler", "vue"),
    ("@nestjs/testing", "@nestjs/core"),
    ("@nestjs/platform-", "@nestjs/core"),
    ("@angular/", "@angular/core"),
];
const LISTS: [&str; 3] = ["devDependencies", "dependencies", "peerDependencies"];

/// A package with the versions that go with what the manifests ask for (`react-dom@^18.2.0`); its name alone
/// where nothing says which.
pub(super) fn versioned<'t>(name: &str, manifests: impl Iterator<Item = &'t String>) -> String {
    let leader = FAMILIES.iter().find(|(start, _)| name.starts_with(start)).map_or("", |(_, leader)| leader);
    let mut ranges = manifests.filter_map(|text| range(text, leader));
    ranges.next().map_or_else(|| name.to_owned(), |range| format!("{name}@{range}"))
}

/// The versions that a manifest asks for of a package; none when it names none by number.
fn range(manifest: &str, name: &str) -> Option<String> {
    let manifest: Value = serde_json::from_str(manifest).ok()?;
    let ranges = LISTS.iter().filter_map(|list| manifest.get(list)?.get(name)?.as_str());
    ranges.filter(|range| is_plain(range)).map(str::to_owned).next()
}

fn is_plain(range: &str) -> bool {
    let number = range.trim_start_matches(['^', '~', '=', 'v']);
    number.starts_with(|char: char| char.is_ascii_digit())
        && number.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_of_a_family_come_in_its_version() {
        let manifests = [
            r#"{"devDependencies":{"jest":"^28.1.3"},"dependencies":{"react":"16.14.0","vue":"workspace:*"}}"#.to_owned(),
            "no JSON".to_owned(),
        ];
        let versioned = |name: &str| versioned(name, manifests.iter());
        assert_eq!(versioned("jest-environment-jsdom"), "jest-environment-jsdom@^28.1.3");
        assert_eq!(versioned("react-dom"), "react-dom@16.14.0");
        for name in ["@vue/compiler-sfc", "@vitest/ui", "lodash"] {
            assert_eq!(versioned(name), name);
        }
    }
}
