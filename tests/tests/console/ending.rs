//! Every way to leave gives the terminal back, at once.

use std::time::{Duration, Instant};

use anyhow::ensure;
use codegod_tests::terminal::{Modes, Shell, Terminal};
use rustix::process::Signal;

use crate::common::{AT_ONCE, Result, TAKEN, USUAL, World, drawn};

/// Leaves, and checks the exit code, the modes, and that it did not take long.
fn left_well(mut terminal: Terminal, code: i32) -> Result<String> {
    let (ended, took) = terminal.ends(Duration::from_secs(10))?;
    assert_eq!(ended, code, "{}", terminal.text());
    assert_eq!(terminal.modes()?, Modes::GIVEN_BACK);
    ensure!(took < AT_ONCE, "it took {took:?}");
    Ok(terminal.text())
}

#[test]
fn the_terminal_is_taken_while_the_console_has_it_and_given_back_when_a_key_leaves_it() -> Result {
    let mut terminal = World::new()?.console()?;
    assert_eq!(terminal.modes()?, TAKEN);
    terminal.send("q")?;
    left_well(terminal, 0)?;
    Ok(())
}

#[test]
fn signals_leave_it_with_the_code_that_a_shell_expects() -> Result {
    let world = World::new()?;
    for (signal, code) in [(Signal::TERM, 143), (Signal::INT, 130), (Signal::HUP, 129), (Signal::QUIT, 131)] {
        let terminal = world.console()?;
        terminal.signal(signal)?;
        left_well(terminal, code)?;
    }
    Ok(())
}

#[test]
fn a_panic_is_readable_says_where_the_log_is_and_ends_the_console() -> Result {
    let world = World::new()?;
    for place in ["drawing", "elsewhere"] {
        let mut command = world.command(&[])?;
        command.env("CODEGOD_TEST_PANIC", place);
        let mut terminal = Terminal::start(&command, Shell::Script, USUAL)?;
        terminal.held().pid()?;
        let (code, _) = terminal.ends(Duration::from_secs(10))?;
        let text = terminal.text();
        assert_eq!(code, 101, "{place}: {text}");
        assert_eq!(terminal.modes()?, Modes::GIVEN_BACK, "{place}");
        assert!(text.contains("a test asked for this"), "{place}: {text}");
        assert!(text.replace('\n', "").contains("Its log is in"), "{place}: {text}");
    }
    Ok(())
}

#[test]
fn an_error_at_the_start_takes_nothing() -> Result {
    let world = World::new()?;
    for args in [["--theme", "unheard-of"], ["--redis-url", "nowhere"]] {
        let mut terminal = Terminal::start(&world.command(&args)?, Shell::Script, USUAL)?;
        let (code, _) = terminal.ends(Duration::from_secs(10))?;
        assert_eq!(code, 64, "{}", terminal.text());
        assert_eq!(terminal.modes()?, Modes::GIVEN_BACK);
        assert!(!contains(terminal.bytes(), "\u{1b}[?1049h"), "{}", terminal.text());
    }
    Ok(())
}

#[test]
fn without_a_terminal_it_says_so_and_what_works_instead() -> Result {
    let ran = World::new()?.command(&[])?.output()?;
    let said = String::from_utf8_lossy(&ran.stderr);
    assert_ne!(ran.status.code(), Some(0));
    assert!(ran.stdout.is_empty() && said.contains("terminal"), "{said}");
    Ok(())
}

#[test]
fn a_terminal_that_reads_nothing_holds_no_signal_up() -> Result {
    let world = World::new()?;
    for (signal, code) in [(Signal::TERM, 143), (Signal::HUP, 129)] {
        let mut terminal = world.console()?;
        // Pictures that nobody reads, until there is room for no more.
        for round in 0..60 {
            terminal.resize(200 - round % 2, 60)?;
            terminal.send("2\u{c}1\u{c}")?;
            std::thread::sleep(Duration::from_millis(15));
        }
        terminal.signal(signal)?;
        let took = terminal.held().ends(Duration::from_secs(5))?;
        ensure!(took < AT_ONCE, "it took {took:?}");
        let (ended, _) = terminal.ends(Duration::from_secs(5))?;
        assert_eq!((ended, terminal.modes()?), (code, Modes::GIVEN_BACK));
    }
    Ok(())
}

#[test]
fn a_terminal_that_is_gone_ends_it() -> Result {
    let held = World::new()?.console()?.hang_up();
    let took = held.ends(Duration::from_secs(5))?;
    ensure!(took < Duration::from_secs(1), "it took {took:?}");
    Ok(())
}

#[test]
fn a_shell_stops_it_and_gets_the_terminal_meanwhile() -> Result {
    let world = World::new()?;
    let mut terminal = Terminal::start(&world.command(&[])?, Shell::Jobs, USUAL)?;
    drawn(&mut terminal)?;
    for (way, seen) in [("a key", "[stopped 1]"), ("a signal", "[stopped 2]")] {
        match way {
            "a key" => terminal.send("\u{1a}")?,
            _ => terminal.signal(Signal::TSTP)?,
        }
        terminal.shows(seen)?;
        assert_eq!(terminal.modes()?, Modes::GIVEN_BACK, "{way}");
        terminal.send("back\n")?;
        drawn(&mut terminal)?;
        assert_eq!(terminal.modes()?, TAKEN, "{way}");
    }
    terminal.send("q")?;
    left_well(terminal, 0)?;
    Ok(())
}

#[test]
fn a_stop_from_elsewhere_is_survived() -> Result {
    let world = World::new()?;
    let mut terminal = world.console()?;
    terminal.signal(Signal::STOP)?;
    terminal.read_on(Duration::from_millis(100))?;
    terminal.signal(Signal::CONT)?;
    let before = terminal.bytes().len();
    let until = Instant::now() + Duration::from_secs(5);
    while !contains(&terminal.bytes()[before..], "\u{1b}[?1049h") {
        ensure!(Instant::now() < until, "the modes were not set again");
        terminal.read_on(Duration::from_millis(20))?;
    }
    assert_eq!(terminal.modes()?, TAKEN);
    terminal.send("q")?;
    left_well(terminal, 0)?;
    Ok(())
}

#[test]
fn where_no_shell_would_continue_it_it_does_not_stop() -> Result {
    let mut terminal = World::new()?.console()?;
    terminal.send("\u{1a}")?;
    terminal.shows("no shell")?;
    assert_eq!(terminal.modes()?, TAKEN);
    terminal.send("q")?;
    left_well(terminal, 0)?;
    Ok(())
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|part| part == text.as_bytes())
}
