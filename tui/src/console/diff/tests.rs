//! What of a diff is seen, and that nothing in it is taken for something else.

use insta::assert_snapshot;
use proptest::prelude::*;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::layout::Position;

use super::read::Kind;
use super::{Diff, DiffPane};
use crate::console::keys::{Action, Motion};
use crate::console::theme::{Focus, Look, Theme};
use crate::follow::Glyphs;

const DIFF: &str = r#"diff --git a/app/main.py b/app/main.py
index 3f1c2aa..9b0c111 100644
--- a/app/main.py
+++ b/app/main.py
@@ -1,5 +1,6 @@ from flask import Flask
 app = Flask(__name__)
-
--- not the head of a file
+	@app.route("/")
+def home():
+    return "Grüße, 日本"
 
 if __name__ == "__main__":
@@ -20 +21 @@
-old
+new
\ No newline at end of file
diff --git a/requirements.txt b/requirements.txt
new file mode 100644
index 0000000..7e10602
--- /dev/null
+++ b/requirements.txt
@@ -0,0 +1,2 @@
+flask==3.0
+gunicorn
diff --git a/logo one.png b/logo one.png
deleted file mode 100644
index 7e10602..0000000
Binary files a/logo one.png and /dev/null differ
diff --git a/old name.md b/docs/new.md
similarity index 100%
rename from old name.md
rename to docs/new.md
"#;

fn pane(text: &str) -> DiffPane {
    let mut pane = DiffPane::default();
    pane.show(Diff::read(text));
    pane
}

fn picture(pane: &DiffPane, columns: u16, rows: u16, glyphs: Glyphs) -> String {
    let look = Look { theme: Theme::Plain, glyphs, now_ms: 0, utc_offset_seconds: 0 };
    let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
    terminal.draw(|frame| pane.draw(frame, frame.area(), &look, Focus::Here)).unwrap();
    let buffer = terminal.backend().buffer();
    let row = |y| (0..columns).map(|x| buffer[(x, y)].symbol()).collect::<String>().trim_end().to_owned();
    (0..rows).map(row).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_diff_is_read_without_colour() {
    let pane = pane(DIFF);
    assert_snapshot!("60x16", picture(&pane, 60, 16, Glyphs::ascii()));
    assert_snapshot!("80x24", picture(&pane, 80, 24, Glyphs::unicode()));
    assert_snapshot!("120x40", picture(&pane, 120, 40, Glyphs::unicode()));
    assert_snapshot!("200x50", picture(&pane, 200, 50, Glyphs::unicode()));
}

#[test]
fn a_removed_line_with_dashes_is_no_file() {
    let diff = Diff::read(DIFF);
    let paths: Vec<_> = diff.files().iter().map(|f| (f.path.as_str(), f.added, f.removed)).collect();
    assert_eq!(
        paths,
        [("app/main.py", 4, 3), ("requirements.txt", 2, 0), ("logo one.png", 0, 0), ("docs/new.md", 0, 0)]
    );
    let removed: Vec<_> = (0..diff.len()).filter_map(|row| diff.row(row)).collect();
    let removed: Vec<_> = removed.iter().filter(|row| row.kind == Kind::Removed).collect();
    assert_eq!(
        removed.iter().map(|row| row.text).collect::<Vec<_>>(),
        ["", "-- not the head of a file", "old"]
    );
    assert_eq!(removed.iter().map(|row| row.numbers.0).collect::<Vec<_>>(), [2, 3, 20]);
}

#[test]
fn files_and_matches_are_gone_to() {
    let mut pane = pane(DIFF);
    picture(&pane, 80, 6, Glyphs::unicode());
    pane.act(Action::NextMatch);
    let seen = picture(&pane, 80, 6, Glyphs::unicode());
    assert!(seen.contains("\n── requirements.txt"), "{seen}");
    pane.act(Action::PreviousMatch);
    assert_eq!(pane.act(Action::PreviousMatch), Some(Some("there are no more that way")));
    pane.search(Some("gunicorn")).unwrap();
    let seen = picture(&pane, 80, 6, Glyphs::unicode());
    assert!(seen.contains("/gunicorn 1/1") && seen.contains("\n+ gunicorn"), "{seen}");
    assert_eq!(pane.act(Action::Back), Some(None));
    assert_eq!(pane.act(Action::Back), None);
    pane.act(Action::Move(Motion::Bottom));
    assert!(picture(&pane, 80, 6, Glyphs::unicode()).ends_with("rename from old name.md"));
}

#[test]
fn a_click_on_a_file_shows_it() {
    let mut pane = pane(DIFF);
    picture(&pane, 120, 6, Glyphs::unicode());
    pane.click(Position::new(3, 2));
    assert!(
        picture(&pane, 120, 6, Glyphs::unicode()).lines().next().unwrap().contains("2/4 requirements.txt")
    );
}

#[test]
fn what_is_too_long_is_counted() {
    let mut text = "diff --git a/x b/x\n@@ -0,0 +1,30000 @@\n".to_owned();
    text.extend((0..30_000).map(|line| format!("+line {line}\n")));
    let mut pane = pane(&text);
    picture(&pane, 80, 6, Glyphs::unicode());
    pane.act(Action::Move(Motion::Bottom));
    assert!(picture(&pane, 80, 6, Glyphs::unicode()).ends_with("10002 more lines are not shown"));
    assert!(pane.diff().plain().ends_with("10002 more lines are not shown\n"));
}

#[test]
fn no_change_says_so_and_another_text_is_shown_as_it_is() {
    assert!(picture(&pane(""), 80, 3, Glyphs::unicode()).contains("nothing changed"));
    assert!(
        picture(&pane("fatal: bad object"), 80, 3, Glyphs::unicode())
            .trim_end()
            .ends_with("fatal: bad object")
    );
}

proptest! {
    #[test]
    fn any_text_gives_printable_rows(
        lines in proptest::collection::vec(
            prop_oneof![
                any::<String>(), "[-+ @\\\\].{0,20}", "@@ -[0-9]{1,12},[0-9]{1,12} \\+[0-9]{1,4} @@.{0,5}",
                "diff --git .{0,20}", "[-+]{3} .{0,10}",
            ],
            0..30,
        ),
        top in 0_usize..40,
        size in (1_u16..130, 1_u16..30),
    ) {
        let mut pane = pane(&lines.join("\n"));
        picture(&pane, size.0, size.1, Glyphs::unicode());
        pane.scroll(isize::try_from(top).unwrap());
        pane.act(Action::Move(Motion::Right));
        pane.search(Some("a")).unwrap();
        picture(&pane, size.0, size.1, Glyphs::unicode());
        prop_assert!(pane.diff().plain().chars().all(|c| c == '\n' || !c.is_control()));
    }
}
