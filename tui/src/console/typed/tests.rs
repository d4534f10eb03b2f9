//! What people type, key by key, and how it looks.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use insta::assert_snapshot;
use proptest::prelude::*;
use ratatui::layout::{Position, Rect};
use ratatui::{Frame, Terminal, backend::TestBackend};
use tokio::sync::oneshot;

use super::complete::tests::Fleet;
use super::history::History;
use super::table::{Refused, order};
use super::*;
use crate::console::keys::Context;
use crate::console::target::ViewName;
use crate::console::target::{LogTarget, Target};
use crate::console::theme::{Look, Theme};
use crate::follow::Glyphs;
use crate::output::{Answer, Line, Meaning, Question};

const SIZES: [(u16, u16); 4] = [(60, 16), (80, 24), (120, 40), (200, 50)];

fn look() -> Look {
    Look { theme: Theme::Dark, glyphs: Glyphs::unicode(), now_ms: 1_700_000_000_000, utc_offset_seconds: 0 }
}

fn screen((columns, rows): (u16, u16), draw: impl FnOnce(&mut Frame<'_>)) -> String {
    let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
    terminal.draw(draw).unwrap();
    terminal.backend().to_string()
}

fn key(code: KeyCode) -> KeyEvent {
    KeyEvent::new(code, KeyModifiers::NONE)
}

fn ctrl(letter: char) -> KeyEvent {
    KeyEvent::new(KeyCode::Char(letter), KeyModifiers::CONTROL)
}

fn refused(line: &str) -> String {
    match order(line) {
        Err(Refused(why)) => why,
        Ok(order) => panic!("{line:?} is {order:?}"),
    }
}

mod reading {
    use super::*;

    #[test]
    fn commands_that_a_view_shows_open_it_and_the_others_run() {
        let goal = "g-7k2m9qx4".parse().unwrap();
        let agent = "backend-7k2m9q".parse().unwrap();
        let go = |target| Ok(Order::Go(target));
        assert_eq!(order("show g-7k2m9qx4"), go(Target::Goal(goal)));
        assert_eq!(order("memory backend-7k2m9q"), go(Target::Agent(agent)));
        assert_eq!(order("logs"), go(Target::Logs(LogTarget::All)));
        assert_eq!(order(" status "), go(Target::View(ViewName::Overview)));
        assert_eq!(order("codegod fleet"), go(Target::View(ViewName::Fleet)));
        assert_eq!(order("theme light"), Ok(Order::Look(Theme::Light)));
        assert_eq!(order("q"), Ok(Order::Quit));
        assert_eq!(order("build"), Ok(Order::Ask));
        assert_eq!(order("help"), Ok(Order::Help));
        for line in ["scale backend 4", "wipe", "doctor", "build a page that says hi", "retry g-7k2m9qx4.3"] {
            assert_eq!(order(line), Ok(Order::Run(line.to_owned())));
        }
        assert!(matches!(order("wipe --help"), Ok(Order::Usage(text)) if text.contains("Usage: wipe")));
    }

    #[test]
    fn what_is_not_whole_is_refused_in_a_sentence() {
        let lines = [
            "wpe backend-7k2m9q",
            "cancel",
            "cancel 7",
            "wipe cook",
            "scale backend many",
            "scale backend 100000",
            "build it --priority 11",
            "build 'it",
            "wipe backend\\",
            "drain",
            "show g-7k2m9qx4 g-9ttw2abc",
            "  ",
            "overview now",
        ];
        let said: Vec<String> = lines.iter().map(|line| format!("{line}\n  {}", refused(line))).collect();
        assert_snapshot!(said.join("\n"));
    }

    #[test]
    fn only_what_looks_runs_in_a_console_that_only_looks() {
        for line in ["doctor", "dead -n 3", "quarantine", "gc --dry-run", "nonsense"] {
            assert_eq!(effects(line), Effects::Looks, "{line}");
        }
        for line in ["wipe", "quarantine --clear", "gc", "build x", "scale backend 1"] {
            assert_eq!(effects(line), Effects::Changes, "{line}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused_and_never_run_half(line in "[a-z ]{0,12}[\\PC]{0,40}") {
            if let Ok(Order::Run(run)) = order(&line) {
                prop_assert_eq!(&run, &line);
                prop_assert!(crate::console::typed::table::command(&run).is_ok());
            }
        }

        #[test]
        fn a_line_that_ends_within_a_quote_never_runs(start in "(build|wipe|cancel) ", rest in "[^'\"\\\\]{0,20}") {
            for open in ["'", "\"", "\\"] {
                let line = format!("{start}{rest}{open}");
                prop_assert!(order(&line).is_err(), "{}", line);
            }
        }
    }
}

mod palette {
    use super::*;

    fn typed(text: &str) -> Palette {
        Palette::new(text, &Fleet)
    }

    /// Types letters and named keys; returns what the last one led to.
    fn press(palette: &mut Palette, history: &mut History, keys: &[KeyCode]) -> Typed {
        keys.iter().fold(Typed::Stay, |_, code| palette.key(key(*code), history, &Fleet))
    }

    fn run(line: &str) -> Typed {
        Typed::Done(Order::Run(line.to_owned()), line.to_owned(), Keep::Yes)
    }

    #[test]
    fn tab_completes_a_word_and_enter_runs_the_line() {
        let (mut palette, mut history) = (typed("canc"), History::default());
        press(
            &mut palette,
            &mut history,
            &[KeyCode::Tab, KeyCode::Char('g'), KeyCode::Tab, KeyCode::Char('9')],
        );
        press(&mut palette, &mut history, &[KeyCode::Tab]);
        let done = press(&mut palette, &mut history, &[KeyCode::Enter]);
        assert_eq!(done, run("cancel g-9ttw2abc"));
    }

    #[test]
    fn arrows_choose_a_candidate_and_esc_takes_it_back_before_it_closes() {
        let (mut palette, mut history) = (typed("wipe "), History::default());
        let down = [KeyCode::Down; 5];
        press(&mut palette, &mut history, &down);
        assert_eq!(press(&mut palette, &mut history, &[KeyCode::Esc]), Typed::Stay);
        press(&mut palette, &mut history, &[KeyCode::Up]);
        assert_eq!(press(&mut palette, &mut history, &[KeyCode::Enter]), run("wipe frontend-1a2b3c"));
        assert_eq!(press(&mut typed("x"), &mut history, &[KeyCode::Esc]), Typed::Close);
    }

    #[test]
    fn earlier_lines_come_back_with_the_arrows() {
        let mut history = History::default();
        for line in ["scale backend 2", "doctor"] {
            history.add(line);
        }
        let mut palette = typed("");
        press(&mut palette, &mut history, &[KeyCode::Up, KeyCode::Up]);
        assert_eq!(press(&mut palette, &mut history, &[KeyCode::Enter]), run("scale backend 2"));
    }

    #[test]
    fn a_refused_line_stays_to_be_mended_and_a_paste_runs_nothing() {
        let (mut palette, mut history) = (typed("wpe"), History::default());
        assert_eq!(press(&mut palette, &mut history, &[KeyCode::Enter]), Typed::Stay);
        assert_snapshot!(screen((80, 24), |frame| palette.draw(frame, Rect::new(0, 22, 80, 1), &look())));
        let mut palette = typed("");
        palette.paste("doctor\nwipe --yes\n\u{1b}[2J", &Fleet);
        let done = press(&mut palette, &mut history, &[KeyCode::Enter]);
        assert_eq!(done, Typed::Stay, "two commands in one line are none");
    }

    #[test]
    fn a_line_that_begins_with_a_blank_is_not_kept() {
        let (mut palette, mut history) = (typed(" doctor"), History::default());
        let done = press(&mut palette, &mut history, &[KeyCode::Enter]);
        assert_eq!(done, Typed::Done(Order::Run("doctor".into()), "doctor".into(), Keep::No));
    }

    #[test]
    fn candidates_stand_above_the_line_at_every_size() {
        for (columns, rows) in SIZES {
            let mut palette = typed("wipe ");
            press(&mut palette, &mut History::default(), &[KeyCode::Down]);
            let line = Rect::new(0, rows - 2, columns, 1);
            let shown = screen((columns, rows), |frame| palette.draw(frame, line, &look()));
            assert_snapshot!(format!("palette_{columns}x{rows}"), shown);
        }
        let shown = screen((60, 16), |frame| typed("").draw(frame, Rect::new(0, 14, 60, 1), &look()));
        assert_snapshot!("palette_of_all_commands", shown);
    }

    #[test]
    fn a_click_on_a_candidate_types_it() {
        let mut palette = typed("wipe ");
        let line = Rect::new(0, 22, 80, 1);
        let shown = screen((80, 24), |frame| palette.draw(frame, line, &look()));
        let row = shown.lines().position(|text| text.contains("backend-7k2m9q")).unwrap();
        let candidate = palette.row_at(u16::try_from(row).unwrap(), line).unwrap();
        palette.click(candidate, &Fleet);
        let done = press(&mut palette, &mut History::default(), &[KeyCode::Enter]);
        assert_eq!(done, run("wipe backend-7k2m9q"));
    }

    fn any_key() -> impl Strategy<Value = KeyEvent> {
        let code = prop_oneof![
            6 => any::<char>().prop_map(KeyCode::Char),
            4 => "[a-z '\\\\-]".prop_map(|text| KeyCode::Char(text.chars().next().unwrap())),
            3 => proptest::sample::select(vec![
                KeyCode::Tab, KeyCode::BackTab, KeyCode::Up, KeyCode::Down, KeyCode::Left, KeyCode::Right,
                KeyCode::Home, KeyCode::End, KeyCode::Backspace, KeyCode::Delete, KeyCode::Enter, KeyCode::Esc,
            ]),
        ];
        (code, proptest::sample::select(vec![0u8, 0, 0, 1, 2, 4]))
            .prop_map(|(code, modifiers)| KeyEvent::new(code, KeyModifiers::from_bits_truncate(modifiers)))
    }

    proptest! {
        #[test]
        fn any_keys_on_any_screen_are_survived(
            keys in proptest::collection::vec(any_key(), 0..40), columns in 1u16..140, rows in 1u16..40,
        ) {
            let mut history = History::default();
            history.add("scale backend 2");
            let (mut palette, mut prompt) = (typed(""), Prompt::new(&Draft::default()));
            for pressed in keys {
                if let Typed::Done(Order::Run(line), _, _) = palette.key(pressed, &mut history, &Fleet) {
                    prop_assert!(crate::console::typed::table::command(&line).is_ok());
                }
                if let Written::Run(line, _, _) = prompt.key(pressed, &mut history) {
                    prop_assert!(crate::console::typed::table::command(&line).is_ok());
                }
            }
            let line = Rect::new(0, rows.saturating_sub(2), columns, 1);
            screen((columns, rows), |frame| {
                palette.draw(frame, line, &look());
                prompt.draw(frame, frame.area(), &look());
            });
        }
    }
}

mod prompt {
    use super::*;
    use crate::cli::Command;

    fn write(prompt: &mut Prompt, text: &str) {
        for letter in text.chars() {
            prompt.key(key(KeyCode::Char(letter)), &mut History::default());
        }
    }

    /// What the line of a handed over goal is, as the command line reads it.
    fn handed(prompt: &mut Prompt) -> (String, Option<String>, u8) {
        let Written::Run(line, _, _) = prompt.key(key(KeyCode::Enter), &mut History::default()) else {
            panic!("it was not handed over")
        };
        let Ok(Command::Build(build)) = crate::console::typed::table::command(&line) else {
            panic!("{line} is no build")
        };
        (build.goal.join(" "), build.dir.map(|dir| dir.display().to_string()), build.options.priority)
    }

    #[test]
    fn a_goal_of_any_text_is_handed_over_as_it_was_written() {
        for text in ["--help", "-", ":q", "don't \"break\" $HOME `it` \\", "--in x", "日本語 ✓"] {
            let mut prompt = Prompt::new(&Draft::default());
            write(&mut prompt, text);
            assert_eq!(handed(&mut prompt), (text.to_owned(), None, 5));
        }
    }

    #[test]
    fn lines_folder_and_priority_are_reached_by_keys() {
        let mut prompt = Prompt::new(&Draft::default());
        let mut history = History::default();
        write(&mut prompt, "one");
        prompt.key(KeyEvent::new(KeyCode::Enter, KeyModifiers::ALT), &mut history);
        prompt.key(ctrl('j'), &mut history);
        write(&mut prompt, "two");
        prompt.key(key(KeyCode::Tab), &mut history);
        write(&mut prompt, "/a shop");
        prompt.key(key(KeyCode::Tab), &mut history);
        prompt.key(key(KeyCode::Char('7')), &mut history);
        prompt.key(key(KeyCode::Right), &mut history);
        assert_eq!(handed(&mut prompt), ("one\n\ntwo".into(), Some("/a shop".into()), 8));
    }

    #[test]
    fn a_paste_of_many_lines_is_one_edit_and_hands_nothing_over() {
        let mut prompt = Prompt::new(&Draft::default());
        let text: String = (1..=20).map(|number| format!("line {number}\r\n")).collect();
        prompt.paste(&format!("{text}\u{1b}[31mend\u{7}"));
        let lines: Vec<String> = (1..=20).map(|number| format!("line {number}")).collect();
        assert_eq!(handed(&mut prompt).0, format!("{}\nend", lines.join("\n")));
        prompt.key(ctrl('u'), &mut History::default());
    }

    #[test]
    fn what_was_written_is_kept_by_esc_and_an_empty_goal_is_not_handed_over() {
        let mut prompt = Prompt::new(&Draft::default());
        assert_eq!(prompt.key(key(KeyCode::Enter), &mut History::default()), Written::Stay);
        write(&mut prompt, "a shop");
        assert_eq!(prompt.key(key(KeyCode::Esc), &mut History::default()), Written::Close);
        let mut again = Prompt::new(&prompt.draft());
        assert_eq!(handed(&mut again).0, "a shop");
    }

    #[test]
    fn the_field_fits_every_size() {
        for (columns, rows) in SIZES {
            let mut prompt = Prompt::new(&Draft::default());
            prompt.paste("Build a Flask + React app with a list of things to do, kept in SQLite.\nAdd tests for both sides.");
            let shown = screen((columns, rows), |frame| prompt.draw(frame, frame.area(), &look()));
            assert_snapshot!(format!("prompt_{columns}x{rows}"), shown);
        }
        let mut empty = Prompt::new(&Draft::default());
        empty.key(key(KeyCode::Enter), &mut History::default());
        empty.key(key(KeyCode::Tab), &mut History::default());
        assert_snapshot!("prompt_empty", screen((80, 24), |frame| empty.draw(frame, frame.area(), &look())));
    }
}

mod dialog {
    use super::*;

    const WIPE: &str = "Wipe backend-7k2m9q? It forgets 12 observations and 3 reasonings; its core knowledge (5 facts) stays.";

    fn asked() -> (Dialog, oneshot::Receiver<Answer>) {
        let (answer, answered) = oneshot::channel();
        (Dialog::new(Question { text: WIPE.to_owned(), answer }), answered)
    }

    fn after(keys: &[KeyCode]) -> Option<Answer> {
        let (mut dialog, mut answered) = asked();
        for code in keys {
            dialog.key(key(*code));
        }
        answered.try_recv().ok()
    }

    #[test]
    fn no_is_under_the_cursor_and_yes_must_be_meant() {
        assert_eq!(after(&[KeyCode::Enter]), Some(Answer::No));
        assert_eq!(after(&[KeyCode::Esc]), Some(Answer::No));
        assert_eq!(after(&[KeyCode::Char('n')]), Some(Answer::No));
        assert_eq!(after(&[KeyCode::Char('y')]), Some(Answer::Yes));
        assert_eq!(after(&[KeyCode::Right, KeyCode::Enter]), Some(Answer::Yes));
        assert_eq!(after(&[KeyCode::Tab, KeyCode::Left, KeyCode::Enter]), Some(Answer::No));
        assert_eq!(after(&[KeyCode::Char('x'), KeyCode::Down]), None);
    }

    #[test]
    fn a_click_answers() {
        let screen_area = Rect::new(0, 0, 80, 24);
        let (mut dialog, mut answered) = asked();
        let shown = screen((80, 24), |frame| dialog.draw(frame, frame.area(), &look()));
        let row = shown.lines().position(|line| line.contains(" Yes ")).unwrap();
        let line = shown.lines().nth(row).unwrap();
        let column = line.chars().position(|c| c == 'Y').unwrap() - 1; // the backend quotes each line
        let at = |x: usize, y: usize| Position::new(u16::try_from(x).unwrap(), u16::try_from(y).unwrap());
        assert_eq!(dialog.click(at(1, 1), screen_area), Asked::Still);
        assert_eq!(dialog.click(at(column, row), screen_area), Asked::Answered);
        assert_eq!(answered.try_recv(), Ok(Answer::Yes));
    }

    #[test]
    fn the_question_fits_every_size() {
        for (columns, rows) in SIZES {
            let (dialog, _answered) = asked();
            let shown = screen((columns, rows), |frame| dialog.draw(frame, frame.area(), &look()));
            assert_snapshot!(format!("dialog_{columns}x{rows}"), shown);
        }
    }
}

mod pane {
    use super::*;

    fn lines(count: usize) -> Vec<Line> {
        (1..=count).map(|number| Line::new(Meaning::Plain, format!("line {number}"))).collect()
    }

    fn shown(pane: &Pane, size: (u16, u16)) -> String {
        screen(size, |frame| pane.draw(frame, frame.area(), &look()))
    }

    #[test]
    fn lines_scroll_to_both_ends_and_no_further() {
        let mut pane = Pane::new("dead", lines(40));
        assert!(shown(&pane, (60, 12)).contains("1–10 of 40"));
        pane.key(key(KeyCode::Char('G')));
        assert!(shown(&pane, (60, 12)).contains("31–40 of 40"));
        pane.key(key(KeyCode::PageUp));
        pane.key(key(KeyCode::Char('j')));
        assert!(shown(&pane, (60, 12)).contains("22–31 of 40"));
        pane.key(key(KeyCode::Char('g')));
        assert!(shown(&pane, (60, 12)).contains("1–10 of 40"));
    }

    #[test]
    fn a_search_leaves_only_lines_with_the_text_and_esc_takes_it_away() {
        let mut pane = Pane::new("dead", lines(40));
        for code in [KeyCode::Char('/'), KeyCode::Char('3'), KeyCode::Char('7'), KeyCode::Enter] {
            pane.key(key(code));
        }
        assert!(shown(&pane, (60, 12)).contains("1–1 of 1"));
        assert_eq!(pane.key(key(KeyCode::Esc)), Read::Stay);
        assert!(shown(&pane, (60, 12)).contains("of 40"));
        assert_eq!(pane.key(key(KeyCode::Esc)), Read::Close);
        assert!(
            matches!(pane.key(key(KeyCode::Char('y'))), Read::Copy(text) if text.starts_with("line 1\nline 2\n"))
        );
    }

    #[test]
    fn keys_and_commands_fit_every_size() {
        let contexts = [Context::Agent, Context::Rows, Context::Panes, Context::Everywhere];
        for (columns, rows) in SIZES {
            let mut pane = help(&contexts);
            pane.fit(columns);
            assert_snapshot!(format!("help_{columns}x{rows}"), shown(&pane, (columns, rows)));
        }
        let mut pane = help(&contexts);
        pane.key(key(KeyCode::Char('/')));
        for letter in "wipe".chars() {
            pane.key(key(KeyCode::Char(letter)));
        }
        assert_snapshot!("help_found", shown(&pane, (60, 16)));
    }
}
