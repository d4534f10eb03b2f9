//! Programs that borrow the terminal: a pager, an editor, a shell in a container. Text goes to them
//! through a private file that is removed afterwards.

use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::process::ExitStatus;

use tempfile::NamedTempFile;
use tokio::process::Command;

/// Where nobody chose a pager or an editor.
const PAGER: &str = r#"command -v less >/dev/null && exec less "$@"; exec more "$@""#;
const EDITOR: &str = r#"exec vi "$@""#;

/// A program to run on the terminal.
#[derive(Debug)]
pub(crate) struct External {
    /// What it is called in what is said about it.
    name: String,
    args: Vec<OsString>,
    file: Option<NamedTempFile>,
}

/// What came of it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It ended well; the text that it was given, as it is now.
    Done(Option<String>),
    /// It could not be started, or ended badly; the sentence says it.
    Failed(String),
}

impl External {
    /// `$PAGER` on a text.
    ///
    /// # Errors
    /// When the text can't be put into a file.
    pub(crate) fn pager(text: &str) -> io::Result<Self> {
        Self::on_text(chosen(&["PAGER"]), PAGER, "the pager", text)
    }

    /// `$VISUAL` or `$EDITOR` on a text.
    ///
    /// # Errors
    /// As [`External::pager`].
    pub(crate) fn editor(text: &str) -> io::Result<Self> {
        Self::on_text(chosen(&["VISUAL", "EDITOR"]), EDITOR, "the editor", text)
    }

    /// Any program; the first word is its name.
    pub(crate) fn command<I: IntoIterator<Item: Into<OsString>>>(words: I) -> Self {
        let args: Vec<OsString> = words.into_iter().map(Into::into).collect();
        let name = args.first().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        Self { name, args, file: None }
    }

    /// What people set is a line for the shell: `less -R`.
    fn on_text(chosen: Option<OsString>, otherwise: &str, name: &str, text: &str) -> io::Result<Self> {
        let mut file = tempfile::Builder::new().prefix("codegod-").suffix(".txt").tempfile()?;
        file.write_all(text.as_bytes())?;
        file.flush()?;
        let script = chosen.map_or_else(
            || otherwise.into(),
            |mut line| {
                line.push(r#" "$@""#);
                line
            },
        );
        let args = ["sh".into(), "-c".into(), script, name.into(), file.path().into()];
        Ok(Self { name: name.to_owned(), args: args.into(), file: Some(file) })
    }

    /// Runs it to its end on the terminal that this process has. It dies with the future.
    pub(crate) async fn run(self) -> Outcome {
        let Some((program, args)) = self.args.split_first() else {
            return Outcome::Failed("there is no program to run".to_owned());
        };
        match Command::new(program).args(args).kill_on_drop(true).status().await {
            Ok(status) if status.success() => Outcome::Done(self.text()),
            Ok(status) => Outcome::Failed(format!("{} {}", self.name, ended(status))),
            Err(error) => Outcome::Failed(format!("{} did not start: {error}", self.name)),
        }
    }

    fn text(&self) -> Option<String> {
        // By its path: an editor may have put another file there.
        let bytes = std::fs::read(self.file.as_ref()?.path()).ok()?;
        String::from_utf8(bytes).ok()
    }
}

fn chosen(names: &[&str]) -> Option<OsString> {
    names.iter().find_map(|name| std::env::var_os(name).filter(|line| !is_blank(line)))
}

fn is_blank(line: &OsStr) -> bool {
    line.to_string_lossy().trim().is_empty()
}

fn ended(status: ExitStatus) -> String {
    match status.code() {
        Some(code) => format!("ended with exit code {code}"),
        None => "was killed".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[tokio::test]
    async fn a_program_gets_the_text_in_a_private_file_that_is_gone_afterwards() {
        let script = OsString::from(r#"f() { cp "$2" "$2.seen"; printf '%s' "$1" >> "$2"; }; f ' more'"#);
        let external = External::on_text(Some(script), EDITOR, "the editor", "text").unwrap();
        let path = external.file.as_ref().unwrap().path().to_owned();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(external.run().await, Outcome::Done(Some("text more".to_owned())));
        assert!(!path.exists());
        let seen = path.with_extension("txt.seen");
        assert_eq!(std::fs::read_to_string(&seen).unwrap(), "text");
        std::fs::remove_file(seen).unwrap();
    }

    #[tokio::test]
    async fn how_a_program_failed_is_said() {
        let failed = |words: &[&str]| External::command(words.iter().copied()).run();
        assert_eq!(
            failed(&["sh", "-c", "exit 3"]).await,
            Outcome::Failed("sh ended with exit code 3".to_owned())
        );
        assert_eq!(failed(&["sh", "-c", "kill -9 $$"]).await, Outcome::Failed("sh was killed".to_owned()));
        let Outcome::Failed(sentence) = failed(&["/nowhere/program"]).await else {
            unreachable!("there is no such program")
        };
        assert!(sentence.starts_with("/nowhere/program did not start: "), "{sentence}");
        assert_eq!(failed(&[]).await, Outcome::Failed("there is no program to run".to_owned()));
    }

    #[tokio::test]
    async fn a_program_that_ends_well_without_a_text_gives_none() {
        assert_eq!(External::command(["true"]).run().await, Outcome::Done(None));
    }
}
