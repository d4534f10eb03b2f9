//! What the console sends to a terminal, of whatever size.

use std::time::Duration;

use codegod_tests::terminal::{Shell, Terminal};

use crate::common::{Result, USUAL, World, drawn};

const SOON: Duration = Duration::from_secs(10);

/// The parameters of every sequence that sets how text looks.
fn looks(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    let mut found = Vec::new();
    for part in text.split("\u{1b}[").skip(1) {
        let end = part.find(|c: char| !(c.is_ascii_digit() || c == ';' || c == ':')).unwrap_or(0);
        if part[end..].starts_with('m') {
            found.push(part[..end].to_owned());
        }
    }
    found
}

fn is_colour(parameters: &str) -> bool {
    let numbers = parameters.split([';', ':']).filter_map(|number| number.parse::<u16>().ok());
    numbers.into_iter().any(|n| matches!(n, 30..=38 | 40..=48 | 90..=97 | 100..=107))
}

#[test]
fn the_terminal_is_asked_nothing() -> Result {
    let mut terminal = World::new()?.console()?;
    terminal.send("1234567?")?;
    terminal.resize(100, 40)?;
    terminal.read_on(Duration::from_millis(400))?;
    let sent = String::from_utf8_lossy(terminal.bytes()).into_owned();
    for question in ["[6n", "[?6n", "[5n", "[c", "[>c", "[0c", "[>q", "[?u", "]10;?", "]11;?", "$p"] {
        assert!(!sent.contains(&format!("\u{1b}{question}")), "{question}");
    }
    assert!(!sent.contains("$p"));
    Ok(())
}

#[test]
fn no_color_sends_none_and_something_is_still_marked() -> Result {
    let world = World::new()?;
    let coloured = world.console()?;
    assert!(looks(coloured.bytes()).iter().any(|look| is_colour(look)), "{:?}", looks(coloured.bytes()));
    let mut command = world.command(&[])?;
    command.env("NO_COLOR", "1");
    let mut terminal = Terminal::start(&command, Shell::Script, USUAL)?;
    drawn(&mut terminal)?;
    terminal.send("234567")?;
    terminal.read_on(Duration::from_millis(300))?;
    let sent = looks(terminal.bytes());
    assert!(!sent.iter().any(|look| is_colour(look)), "{sent:?}");
    let cells = (0..24).flat_map(|row| (0..80).map(move |column| (row, column)));
    let mut cells = cells.filter_map(|(row, column)| terminal.screen().cell(row, column));
    let marked = cells.any(|cell| cell.inverse() || cell.bold());
    assert!(marked, "{}", terminal.text());
    Ok(())
}

#[test]
fn it_fits_into_any_size_and_says_when_that_is_too_small() -> Result {
    let mut terminal = World::new()?.console()?;
    terminal.resize(20, 5)?;
    terminal.wait("a sentence", SOON, |screen| {
        let text = screen.contents();
        text.contains("60") && text.contains("16") && !text.contains("quit")
    })?;
    terminal.resize(200, 50)?;
    let keys = "the keys on the last row";
    terminal
        .wait(keys, SOON, |screen| screen.rows(0, 200).nth(49).is_some_and(|row| row.contains("? keys")))?;
    terminal.resize(60, 16)?;
    terminal
        .wait(keys, SOON, |screen| screen.rows(0, 60).nth(15).is_some_and(|row| row.contains("? keys")))?;
    terminal.resize(1, 1)?;
    terminal.read_on(Duration::from_millis(200))?;
    terminal.resize(80, 24)?;
    terminal
        .wait(keys, SOON, |screen| screen.rows(0, 80).nth(23).is_some_and(|row| row.contains("? keys")))?;
    Ok(())
}
