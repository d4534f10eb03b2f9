//! The simple commands of a shell script, as words. Variables that the script itself sets to plain text are
//! expanded, nothing else; words that hold an expression of the runner (`${{ … }}`) can't be known and are marked.

use std::collections::BTreeMap;

/// Stands for what can't be known before the command runs.
pub(super) const UNKNOWN: char = '\u{FFFD}';

/// Words are not expanded to more than this, in bytes.
const MAX_WORD: usize = 4096;

/// One simple command.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Command {
    /// The variables that are set for it.
    pub(super) env: Vec<(String, String)>,
    /// Its words, without quotes.
    pub(super) words: Vec<String>,
}

/// Splits a script into its simple commands.
pub(super) fn commands(script: &str) -> Vec<Command> {
    let script = without_expressions(script).replace("\\\n", " ");
    let (mut all, mut words) = (Vec::new(), Vec::new());
    let mut word = None::<String>;
    let mut quote = None;
    let mut chars = script.chars().peekable();
    while let Some(char) = chars.next() {
        match (quote, char) {
            (Some(open), _) if char == open => quote = None,
            (Some(_), _) => word.get_or_insert_default().push(char),
            (None, '"' | '\'') => {
                quote = Some(char);
                word.get_or_insert_default();
            }
            (None, '\\') => word.get_or_insert_default().extend(chars.next()),
            (None, '#') if word.is_none() => while chars.next_if(|next| *next != '\n').is_some() {},
            (None, '\n' | ';' | '&' | '|' | '(' | ')') => {
                words.extend(word.take());
                all.push(std::mem::take(&mut words));
            }
            (None, _) if char.is_whitespace() => words.extend(word.take()),
            (None, _) => word.get_or_insert_default().push(char),
        }
    }
    words.extend(word);
    all.push(words);
    let mut variables = BTreeMap::new();
    let mut known = Vec::new();
    for words in all {
        let command = command(words.iter().map(|word| expanded(word, &variables)).collect());
        if command.words.is_empty() {
            variables.extend(command.env);
        } else {
            known.push(command);
        }
    }
    known
}

/// A word with the variables in it that are known.
fn expanded(word: &str, variables: &BTreeMap<String, String>) -> String {
    let (mut plain, mut rest) = (String::with_capacity(word.len()), word);
    while let Some((before, after)) = rest.split_once('$') {
        plain.push_str(before);
        let braced = after.strip_prefix('{').and_then(|inside| inside.split_once('}'));
        let end =
            after.find(|char: char| !(char.is_ascii_alphanumeric() || char == '_')).unwrap_or(after.len());
        let (name, behind) = braced.unwrap_or_else(|| after.split_at(end));
        if let Some(value) = variables.get(name).filter(|value| plain.len() + value.len() < MAX_WORD) {
            plain.push_str(value);
            rest = behind;
        } else {
            plain.push('$');
            rest = after;
        }
    }
    plain.push_str(rest);
    plain
}

fn without_expressions(script: &str) -> String {
    let mut rest = script;
    let mut plain = String::with_capacity(script.len());
    while let Some((before, after)) = rest.split_once("${{") {
        plain.push_str(before);
        let (expression, behind) = after.split_once("}}").unwrap_or((after, ""));
        match expression.trim().strip_prefix("env.").filter(|name| is_name(name)) {
            Some(name) => plain.push_str(&format!("${{{name}}}")),
            None => plain.push(UNKNOWN),
        }
        rest = behind;
    }
    plain.push_str(rest);
    plain
}

/// Takes the assignments and the shell's own words off the front.
fn command(words: Vec<String>) -> Command {
    let mut command = Command::default();
    for word in words {
        if command.words.is_empty() {
            if let Some((name, value)) = assignment(&word) {
                command.env.push((name.to_owned(), value.to_owned()));
                continue;
            }
            if ["if", "then", "else", "do", "!", "{", "fi", "done", "export", "@", "-"]
                .contains(&word.as_str())
            {
                continue;
            }
        }
        command.words.push(word);
    }
    command
}

fn assignment(word: &str) -> Option<(&str, &str)> {
    word.split_once('=').filter(|(name, _)| is_name(name))
}

/// Whether a word may be the name of a variable.
pub(super) fn is_name(word: &str) -> bool {
    !word.is_empty()
        && !word.starts_with(|first: char| first.is_ascii_digit())
        && word.chars().all(|char| char.is_ascii_alphanumeric() || char == '_')
}

/// A script with variables set before it, as far as their values are plain.
pub(super) fn with_variables(script: &str, variables: &BTreeMap<String, String>) -> String {
    let plain = |value: &str| !value.contains(['\'', '\n', '$', UNKNOWN]);
    let set = variables.iter().filter(|(name, value)| is_name(name) && plain(value));
    let lines: String = set.map(|(name, value)| format!("{name}='{value}'\n")).collect();
    lines + script
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_falls_into_commands() {
        let script = "A=1 pip install \\\n  -e '.[a, b]' && pytest -k \"x y\" # why\nif true; then tox -e ${{ matrix.x }}-y; fi";
        let words: Vec<String> = commands(script).iter().map(|command| command.words.join("|")).collect();
        assert_eq!(words, ["pip|install|-e|.[a, b]", "pytest|-k|x y", "true", "tox|-e|\u{FFFD}-y"]);
        assert_eq!(commands(script)[0].env, [("A".to_owned(), "1".to_owned())]);
    }

    #[test]
    fn variables_of_the_script_are_expanded() {
        let script = "PIP=\"$VENV/bin/pip\"\nFILE=a.txt\n\"$PIP\" install -r ${FILE} $OTHER";
        let words: Vec<String> = commands(script).iter().map(|command| command.words.join("|")).collect();
        assert_eq!(words, ["$VENV/bin/pip|install|-r|a.txt|$OTHER"]);
    }

    #[test]
    fn variables_of_the_job_are_expanded() {
        let variables = BTreeMap::from([("MODULE".to_owned(), "a b".to_owned())]);
        let script = with_variables("pytest --pyargs $MODULE ${{ env.MODULE }} ${{ matrix.x }}", &variables);
        let words: Vec<String> = commands(&script).iter().map(|command| command.words.join("|")).collect();
        assert_eq!(words, ["pytest|--pyargs|a b|a b|\u{FFFD}"]);
    }

    proptest::proptest! {
        #[test]
        fn no_script_is_too_odd(script in "\\PC{0,200}") {
            commands(&script);
        }
    }
}
