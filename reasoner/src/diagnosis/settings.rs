//! Values for settings that a project wants and nobody gave: harmless ones, good enough for tests.

/// What a setting holds by what its name says, the most telling first.
const BY_NAME: [(&str, &str); 22] = [
    ("DATABASE_URL", "sqlite:///codegod-test.db"),
    ("DB_URL", "sqlite:///codegod-test.db"),
    ("REDIS_URL", "redis://localhost:6379/0"),
    ("BROKER_URL", "redis://localhost:6379/0"),
    ("MONGO", "mongodb://localhost:27017/test"),
    ("ALLOWED_HOSTS", "*"),
    ("EMAIL_PORT", "25"),
    ("EMAIL", "somebody@example.com"),
    ("PORT", "8000"),
    ("DEBUG", "1"),
    ("TESTING", "1"),
    ("_ENABLED", "0"),
    ("TIMEOUT", "30"),
    ("EXPIRE", "30"),
    ("LIFETIME", "30"),
    ("MAX_", "10"),
    ("NODE_ENV", "test"),
    ("LOG_LEVEL", "INFO"),
    ("HOST", "localhost"),
    ("_URL", "http://localhost"),
    ("_URI", "http://localhost"),
    ("REGION", "us-east-1"),
];

/// A value for the setting of this name.
pub(super) fn safe_value(name: &str) -> String {
    let name = name.to_uppercase();
    let secret = ["SECRET", "PASSWORD", "PASSWD", "TOKEN", "KEY", "SALT"];
    if let Some((_, value)) = BY_NAME.iter().find(|(part, _)| name.contains(part)) {
        return (*value).to_owned();
    }
    if secret.iter().any(|part| name.contains(part)) {
        // Long enough for what asks for 32 bytes and more.
        return "not-a-secret-only-for-tests-0123456789abcdef-0123456789abcdef".to_owned();
    }
    "test".to_owned()
}

/// A settings file from its example: what has a value keeps it, but for placeholders; what has none gets a
/// safe one.
pub(super) fn from_example(example: &str) -> String {
    let mut text: String = example.lines().map(|line| format!("{}\n", filled(line))).collect();
    if text.is_empty() {
        text.push('\n');
    }
    text
}

fn filled(line: &str) -> String {
    let statement = line.trim();
    let Some((name, value)) = statement.split_once('=') else { return line.to_owned() };
    if statement.starts_with('#') {
        return line.to_owned();
    }
    let bare = name.trim().trim_start_matches("export ").trim();
    let value = value.trim();
    if is_placeholder(value) { format!("{name}={}", safe_value(bare)) } else { line.to_owned() }
}

/// Whether somebody was meant to fill this in.
fn is_placeholder(value: &str) -> bool {
    let inner = value.trim_matches(['"', '\'']).to_lowercase();
    let asks = ["your", "change", "replace", "xxx", "todo", "fill", "insert", "<", "..."];
    inner.is_empty() || asks.iter().any(|ask| inner.starts_with(ask))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_example_keeps_its_values_and_its_gaps_are_filled() {
        let example =
            "# settings\nDEBUG=\nSECRET_KEY=change-me\nNAME=\"shop\"\nexport API_URL=<url>\n\nodd line\n";
        let secret = safe_value("SECRET_KEY");
        let expected = format!(
            "# settings\nDEBUG=1\nSECRET_KEY={secret}\nNAME=\"shop\"\nexport API_URL=http://localhost\n\nodd line\n"
        );
        assert_eq!(from_example(example), expected);
    }
}
