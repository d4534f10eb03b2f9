//! Words for `sh`.

/// Quotes a text so that `sh` reads it as one word, whatever it holds; a plain word stays as it is.
#[must_use]
pub fn quote(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./@:=,+%".contains(&byte);
    if !text.is_empty() && text.bytes().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoting_survives_a_shell() {
        for text in ["plain-1.txt", "two words", "it's", "$(rm -rf /)", "", "a\nb", "*", "~"] {
            let said =
                std::process::Command::new("sh").arg("-c").arg(format!("printf %s {}", quote(text))).output();
            assert_eq!(String::from_utf8(said.expect("sh runs").stdout).expect("text"), text);
        }
    }
}
