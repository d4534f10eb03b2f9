//! A console beside others, and beside a Redis that comes and goes.

use std::time::Duration;

use codegod_tests::terminal::{Shell, Terminal};

use crate::common::{Result, USUAL, World, connected, is_connected};

const SOON: Duration = Duration::from_secs(10);

#[test]
fn two_consoles_at_once_show_the_same() -> Result {
    let world = World::new()?;
    let (mut one, mut other) = (world.console()?, world.console()?);
    connected(&mut one)?;
    connected(&mut other)?;
    one.send("q")?;
    assert_eq!(one.ends(SOON)?.0, 0);
    other.send("2")?;
    other.read_on(Duration::from_millis(300))?;
    assert!(is_connected(&other.text()), "{}", other.text());
    other.send("1q")?;
    assert_eq!(other.ends(SOON)?.0, 0);
    Ok(())
}

#[test]
fn a_redis_that_goes_away_is_said_and_so_is_its_return() -> Result {
    let mut world = World::new()?;
    let mut terminal = world.console()?;
    connected(&mut terminal)?;
    world.redis.kill()?;
    terminal.shows("redis away")?;
    // Keys go on being answered.
    terminal.send("?")?;
    terminal.wait("the keys", Duration::from_secs(2), |screen| screen.contents().contains("everywhere"))?;
    terminal.send("\u{1b}")?;
    world.redis.restart()?;
    connected(&mut terminal)?;
    Ok(())
}

#[test]
fn without_a_redis_the_first_picture_comes_all_the_same() -> Result {
    let mut world = World::new()?;
    world.redis.kill()?;
    let mut terminal = Terminal::start(&world.command(&[])?, Shell::Script, USUAL)?;
    terminal.shows("redis away")?;
    world.redis.restart()?;
    connected(&mut terminal)?;
    terminal.send("q")?;
    assert_eq!(terminal.ends(SOON)?.0, 0);
    Ok(())
}
