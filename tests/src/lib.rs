//! Fixtures for whole-system tests: real servers on loopback, started and stopped by the test.

pub mod by_hand;
pub mod faults;
pub mod files;
pub mod fleet;
pub mod handmade;
pub mod noop;
pub mod plans;
pub mod proxy;
pub mod redis_cluster;
pub mod redis_sentinel;
pub mod redis_server;
pub mod redis_tls;
pub mod redis_work;
pub mod terminal;
pub mod tmux;
