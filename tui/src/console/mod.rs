//! The console: a screen that shows everything that the fleet does and takes every command.
//!
//! One task owns all state ([`app::App`], no mutex). Keys, what the feed reads from Redis and what commands say
//! come to it as messages; [`app::App::update`] turns each into a new state and effects; [`draw::draw`] is a
//! function of the state alone, so that every screen can be tested without a terminal. Effects run on other
//! tasks and report back as messages. Nothing polls: at rest the console sleeps until the next minute of its
//! clock, or second while something on the screen counts seconds.
//!
//! | folder | is |
//! |---|---|
//! | `term` | the terminal: taken over, given back, lent; when to draw |
//! | `feed` | reads Redis for what is on the screen |
//! | `store` | what is known |
//! | `views`, `widgets`, `logs` | what is shown |
//! | `typed` | commands, goals and questions, as a person types them |
//! | `keys` | the one table of keys |

mod app;
mod commits;
mod diff;
mod draw;
mod effect;
mod feed;
#[cfg(test)]
mod fixtures;
mod keys;
mod logs;
mod message;
mod overlay;
mod perform;
#[cfg(test)]
mod properties;
mod run;
mod said;
#[cfg(test)]
mod screens;
mod snapshot;
mod store;
mod target;
mod term;
mod theme;
mod typed;
mod views;
mod widgets;

pub(crate) use run::run;
pub(crate) use snapshot::{Size, Subject};
pub(crate) use target::ViewName;
pub(crate) use theme::Theme;
