//! Programs that borrow the terminal, and what is copied through it.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use codegod_tests::terminal::{Modes, Shell, Terminal};

use crate::common::{Result, TAKEN, USUAL, World, drawn};

const SOON: Duration = Duration::from_secs(10);

/// A world with an agent that has a log, and a console whose pager is a script.
async fn with_pager(script: &str) -> Result<(World, Terminal)> {
    let world = World::new()?;
    world.agent_says(&["the first line", "the last line"]).await?;
    let pager = world.path("pager");
    std::fs::write(&pager, format!("#!/bin/sh\n{script}\n"))?;
    std::fs::set_permissions(&pager, std::fs::Permissions::from_mode(0o755))?;
    let mut command = world.command(&[])?;
    command.env("PAGER", &pager);
    let mut terminal = Terminal::start(&command, Shell::Script, USUAL)?;
    drawn(&mut terminal)?;
    terminal.send("5")?;
    terminal.shows("the last line")?;
    Ok((world, terminal))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pager_has_the_terminal_as_it_was_and_gives_it_back() -> Result {
    let script = r#"ls -l "$1" | cut -c1-10; echo "[lines $(grep -cE "the (first|last) line" "$1")]"; echo "$1" >"$0.saw"; read -r answer; echo "$answer""#;
    let (world, mut terminal) = with_pager(script).await?;
    terminal.send("o")?;
    terminal.shows("[lines 2]")?;
    terminal.shows("-rw-------")?;
    assert_eq!(terminal.modes()?, Modes::GIVEN_BACK);
    terminal.send("enough\n")?;
    terminal.wait("the console", SOON, |screen| screen.alternate_screen())?;
    terminal.shows("the last line")?;
    assert_eq!(terminal.modes()?, TAKEN);
    let saw = std::fs::read_to_string(world.path("pager.saw"))?;
    assert!(!std::path::Path::new(saw.trim()).exists(), "{saw} is still there");
    terminal.send("q")?;
    assert_eq!(terminal.ends(SOON)?.0, 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_typed_to_interrupt_a_pager_interrupts_only_that() -> Result {
    let (_world, mut terminal) = with_pager("echo [paging]; exec sleep 60").await?;
    terminal.send("o")?;
    terminal.shows("[paging]")?;
    terminal.send("\u{3}")?;
    terminal.wait("the console", SOON, |screen| screen.alternate_screen())?;
    terminal.shows("the last line")?;
    terminal.send("q")?;
    assert_eq!(terminal.ends(SOON)?.0, 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_ends_the_console_while_a_pager_has_the_terminal() -> Result {
    let (_world, mut terminal) = with_pager("echo [paging]; exec sleep 60").await?;
    terminal.send("o")?;
    terminal.shows("[paging]")?;
    terminal.signal(rustix::process::Signal::TERM)?;
    let (code, _) = terminal.ends(Duration::from_secs(2))?;
    assert_eq!((code, terminal.modes()?), (143, Modes::GIVEN_BACK));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_can_be_printed_on_the_usual_screen_until_a_key_is_pressed() -> Result {
    let (world, mut terminal) = with_pager("true").await?;
    terminal.send("S")?;
    terminal.wait("the usual screen", SOON, |screen| !screen.alternate_screen())?;
    world.agent_says(&["\u{1b}[31ma line\u{1b}[0m that comes later"]).await?;
    terminal.shows("a line that comes later")?;
    // The terminal has its mouse for itself, to select with.
    let modes = terminal.modes()?;
    assert!(!modes.mouse && !modes.cooked, "{modes:?}");
    terminal.send(" ")?;
    drawn(&mut terminal)?;
    assert_eq!(terminal.modes()?, TAKEN);
    terminal.send("S")?;
    terminal.wait("the usual screen", SOON, |screen| !screen.alternate_screen())?;
    terminal.signal(rustix::process::Signal::TERM)?;
    assert_eq!(terminal.ends(SOON)?.0, 143);
    assert_eq!(terminal.modes()?, Modes::GIVEN_BACK);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_copied_goes_to_the_terminal_once() -> Result {
    let (_world, mut terminal) = with_pager("true").await?;
    terminal.send("ky")?;
    terminal.shows("copied")?;
    let sent = String::from_utf8_lossy(terminal.bytes()).into_owned();
    let copies: Vec<&str> = sent.split("\u{1b}]52;c;").skip(1).collect();
    assert_eq!(copies.len(), 1, "{copies:?}");
    let encoded = copies.first().and_then(|copy| copy.split('\u{7}').next()).unwrap_or_default();
    let copied = String::from_utf8(STANDARD.decode(encoded)?)?;
    assert!(copied.contains("line"), "{copied:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_can_neither_move_the_cursor_nor_speak_to_the_terminal() -> Result {
    let world = World::new()?;
    let evil = [
        "before",
        "\u{1b}]0;evil title\u{7}title",
        "\u{1b}[2J\u{1b}[Hwiped",
        "\u{1b}[?1049lscreen",
        "\u{1b}]52;c;ZXZpbA==\u{7}clipboard",
        "wide 表 and \u{202e}turned\u{200b}",
        "\u{9b}31mcontrol\u{8}\u{8}\u{8}\u{0}",
        "after",
    ];
    world.agent_says(&evil).await?;
    let mut terminal = world.console()?;
    terminal.send("5")?;
    terminal.shows("after")?;
    let text = terminal.text();
    for word in ["before", "title", "wiped", "screen", "clipboard", "wide 表 and turned", "control"] {
        assert!(text.contains(word), "{word} in\n{text}");
    }
    let sent = String::from_utf8_lossy(terminal.bytes()).into_owned();
    for evil in
        ["\u{1b}]0;", "\u{1b}]52", "\u{1b}[?1049l", "\u{9b}", "\u{202e}", "\u{200b}", "\u{0}", "\u{8}"]
    {
        assert!(!sent.contains(evil), "{evil:?} reached the terminal");
    }
    assert_eq!(terminal.modes()?, TAKEN);
    Ok(())
}
