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

/// Folders at the top that hold examples, not what is in use.
const ASIDE: [&str; 9] =
    ["contrib", "config", "conf", "docs", "deploy", "docker", "example", "examples", "etc"];
/// Parts of names of settings for services of others, which stay off where they have no value.
const OF_OTHERS: [&str; 12] = [
    "AWS_",
    "SENTRY",
    "DSN",
    "S3_",
    "BUCKET",
    "GOOGLE",
    "STRIPE",
    "MAILGUN",
    "SENDGRID",
    "TWILIO",
    "ANALYTICS",
    "PROXY",
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

/// The value of one setting: that of the example file where it has one, else a safe one.
pub(super) fn value_in(example: &str, name: &str) -> String {
    let stated = from_example(example).lines().find_map(|line| {
        let (found, value) = line.split_once('=')?;
        let found = found.trim().trim_start_matches("export ").trim();
        found.eq_ignore_ascii_case(name).then(|| value.trim().trim_matches(['"', '\'']).to_owned())
    });
    stated.unwrap_or_else(|| safe_value(name))
}

/// The path of the settings file that an example is one for; empty for no example.
pub(super) fn made_from(example: &str) -> String {
    match example.rsplit_once('/') {
        // Where examples are kept, nobody looks for settings.
        Some((folder, _)) if ASIDE.contains(&folder) => ".env".to_owned(),
        Some((folder, _)) => format!("{folder}/.env"),
        None if example.is_empty() => String::new(),
        None => ".env".to_owned(),
    }
}

/// The fields that pydantic says are required and missing, each named on the line before.
pub(super) fn fields_missing(errors: &str) -> Vec<String> {
    let lines: Vec<&str> = errors
        .lines()
        .map(|line| line.trim_start_matches('E').trim())
        .filter(|line| !line.is_empty())
        .collect();
    let is_name = |line: &str| line.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let says = |line: &str| line.to_lowercase().starts_with("field required");
    let named = lines.windows(2).filter(|pair| says(pair[1]) && is_name(pair[0]));
    named.map(|pair| pair[0].to_owned()).collect()
}

fn filled(line: &str) -> String {
    let statement = line.trim();
    let Some((name, value)) = statement.split_once('=') else { return line.to_owned() };
    if statement.starts_with('#') {
        return line.to_owned();
    }
    let bare = name.trim().trim_start_matches("export ").trim();
    let value = value.trim();
    let off = value.trim_matches(['"', '\'']).is_empty() && OF_OTHERS.iter().any(|part| bare.contains(part));
    if is_placeholder(value) && !off { format!("{name}={}", safe_value(bare)) } else { line.to_owned() }
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
    fn missing_fields_are_those_that_are_said_to_be_required() {
        let old = "E   api_key\nE     field required (type=value_error.missing)\nE   port\nE     value is not a valid integer\n";
        assert_eq!(fields_missing(old), ["api_key"]);
        let new = "DATABASE_URL\n  Field required [type=missing, input_value={}, input_type=dict]\n    For further\n";
        assert_eq!(fields_missing(new), ["DATABASE_URL"]);
    }

    #[test]
    fn a_setting_has_the_value_of_the_example() {
        assert_eq!(value_in("A=\"x y\"\n", "a"), "x y");
        assert_eq!(value_in("", "DEBUG"), "1");
        assert_eq!((made_from("api/.env.example").as_str(), made_from("").as_str()), ("api/.env", ""));
        assert_eq!(made_from("contrib/env-sample"), ".env");
    }

    #[test]
    fn an_example_keeps_its_values_and_its_gaps_are_filled() {
        let example = "# settings\nAWS_KEY=\nDEBUG=\nSECRET_KEY=change-me\nNAME=\"shop\"\nexport API_URL=<url>\n\nodd line\n";
        let secret = safe_value("SECRET_KEY");
        let expected = format!(
            "# settings\nAWS_KEY=\nDEBUG=1\nSECRET_KEY={secret}\nNAME=\"shop\"\nexport API_URL=http://localhost\n\nodd line\n"
        );
        assert_eq!(from_example(example), expected);
    }
}
