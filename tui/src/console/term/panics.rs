//! A panic, on whatever thread, first gives the terminal back: what it says must be readable, and stay.

use std::sync::Arc;

use tokio::sync::mpsc::UnboundedSender;

use super::guard::Guard;
use super::signals::Signal;
use crate::diagnostics;

/// What Rust programs end with after a panic.
const EXIT_PANIC: u8 = 101;

/// Sets the hook before all that were set so far. A panic of another thread ends the console as well: a
/// console that lost one of its parts shows what is no longer true.
pub(super) fn hook(guard: Arc<Guard>, signals: UnboundedSender<Signal>) {
    let earlier = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let had_terminal = guard.is_ours();
        let _gone = guard.leave();
        earlier(info);
        tracing::error!(panic = %info, "the console panicked");
        if had_terminal {
            eprintln!(
                "This is a mistake in codegod. Its log is in {}; the fleet goes on without the console.",
                diagnostics::state_dir().display()
            );
        }
        let _ended_already = signals.send(Signal::Quit(EXIT_PANIC));
    }));
}

/// Panics where a test asks for it (`CODEGOD_TEST_PANIC`), in debug builds only.
pub(super) fn asked_for(place: &str) {
    if cfg!(debug_assertions) {
        let asked = std::env::var_os("CODEGOD_TEST_PANIC").is_some_and(|asked| asked == place);
        assert!(!asked, "a test asked for this");
    }
}
