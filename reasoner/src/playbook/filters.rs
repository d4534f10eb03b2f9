//! The filters that templates have beside MiniJinja's own: spellings of a name, and quoted literals.

use minijinja::Environment;

/// Adds the filters to `environment`.
pub(super) fn add_to(environment: &mut Environment<'_>) {
    environment.add_filter("pascal", |text: String| pascal(&text));
    environment.add_filter("camel", |text: String| camel(&text));
    environment.add_filter("kebab", |text: String| words(&text).join("-"));
    environment.add_filter("snake", |text: String| words(&text).join("_"));
    environment.add_filter("pystr", |text: String| python_literal(&text));
    environment.add_filter("jsstr", |text: String| javascript_literal(&text));
}

/// The words of a name, lower case: split at everything that is no letter or digit, and where a
/// capital follows a small letter.
pub(super) fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut open = false;
    let mut after_small = false;
    for c in text.chars() {
        if !c.is_alphanumeric() {
            open = false;
            after_small = false;
            continue;
        }
        if !open || (after_small && c.is_uppercase()) {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut() {
            word.extend(c.to_lowercase());
        }
        open = true;
        after_small = c.is_lowercase() || c.is_numeric();
    }
    words
}

fn capital(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

fn pascal(text: &str) -> String {
    words(text).iter().map(|word| capital(word)).collect()
}

fn camel(text: &str) -> String {
    let words = words(text);
    let rest = words.iter().skip(1).map(|word| capital(word));
    words.first().cloned().into_iter().chain(rest).collect()
}

/// Double-quoted, with the escapes that Python and JavaScript share.
fn literal(text: &str, extra: impl Fn(char) -> bool) -> String {
    let mut literal = String::with_capacity(text.len() + 2);
    literal.push('"');
    for c in text.chars() {
        match c {
            '"' => literal.push_str("\\\""),
            '\\' => literal.push_str("\\\\"),
            '\n' => literal.push_str("\\n"),
            '\r' => literal.push_str("\\r"),
            '\t' => literal.push_str("\\t"),
            c if c.is_control() || extra(c) => literal.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => literal.push(c),
        }
    }
    literal.push('"');
    literal
}

fn python_literal(text: &str) -> String {
    literal(text, |_| false)
}

/// As JavaScript wants it, also inside `<script>`: no `<`, no line separators.
fn javascript_literal(text: &str) -> String {
    literal(text, |c| matches!(c, '<' | '\u{2028}' | '\u{2029}'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_spelt_in_every_way() {
        for text in ["shopping_list", "shopping-list", "Shopping list", "ShoppingList", "shoppingList"] {
            assert_eq!(pascal(text), "ShoppingList", "{text}");
            assert_eq!(camel(text), "shoppingList", "{text}");
            assert_eq!(words(text).join("-"), "shopping-list", "{text}");
        }
        assert_eq!(pascal(""), "");
    }

    #[test]
    fn literals_cannot_be_left_early() {
        assert_eq!(python_literal("a\"b\\c\nd\u{1}"), r#""a\"b\\c\nd\u0001""#);
        assert_eq!(javascript_literal("</script>\u{2028}'"), r#""\u003c/script>\u2028'""#);
    }
}
