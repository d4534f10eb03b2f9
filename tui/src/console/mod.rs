//! The console: a screen that shows everything that the fleet does.

mod feed;
mod logs;
mod store;
#[expect(dead_code, unused_imports, reason = "the console's loop is not there yet")]
mod term;
