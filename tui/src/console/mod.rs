//! The console: a screen that shows everything that the fleet does.

mod feed;
mod logs;
mod store;
