//! Signals as messages, from a thread of their own: it waits in the kernel, costs nothing at rest, and
//! ends the process even when everything else hangs. It also sees that the terminal hung up.

use std::io;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, getpgid, getpgrp, getsid, kill_process, kill_process_group};
use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP};
use signal_hook::iterator::backend::SignalDelivery;
use signal_hook::iterator::exfiltrator::SignalOnly;
use tokio::sync::mpsc::UnboundedSender;

use super::guard::Guard;

/// How long the console has to end by itself.
const PATIENCE: Duration = Duration::from_millis(300);
/// How long giving the terminal back in its stead may take.
const LAST_PATIENCE: Duration = Duration::from_millis(120);
/// What a shell reports of a process that a signal ended.
const BY_SIGNAL: i32 = 128;

/// What came from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    /// To end, with this exit code.
    Quit(u8),
    /// To stop until a shell continues us.
    Suspend,
    /// Continued: somebody else had the terminal meanwhile.
    Continued,
}

/// Starts the thread. It lives as long as the process.
///
/// # Errors
/// When the system refuses it.
pub(super) fn listen(guard: Arc<Guard>, sender: UnboundedSender<Signal>) -> io::Result<()> {
    let (read, write) = UnixStream::pair()?;
    let wanted = [SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP];
    let signals = SignalDelivery::with_pipe(read, write, SignalOnly, wanted)?;
    let thread = move || run(signals, &guard, &sender);
    std::thread::Builder::new().name("signals".to_owned()).spawn(thread)?;
    Ok(())
}

type Delivery = SignalDelivery<UnixStream, SignalOnly>;

fn run(mut signals: Delivery, guard: &Arc<Guard>, sender: &UnboundedSender<Signal>) {
    loop {
        let hung_up = wait(&signals, guard);
        for number in signals.pending() {
            take(number, guard, sender);
        }
        if hung_up {
            quit(SIGHUP, guard, sender);
            return;
        }
    }
}

/// Waits for a signal. Returns whether the terminal hung up.
fn wait(signals: &Delivery, guard: &Guard) -> bool {
    // Of the terminal nothing is wanted but that it is there, which is always told.
    let mut polled =
        [PollFd::new(signals.get_read(), PollFlags::IN), PollFd::new(&guard.tty, PollFlags::empty())];
    match poll(&mut polled, None) {
        Ok(_) => polled[1].revents().intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL),
        // A signal broke the waiting off; it is in the pipe.
        Err(_) => false,
    }
}

fn take(number: i32, guard: &Arc<Guard>, sender: &UnboundedSender<Signal>) {
    let lent = guard.lent.load(Ordering::Relaxed);
    match number {
        // Typed for the program that has the terminal.
        SIGINT | SIGQUIT if lent => {}
        SIGINT | SIGQUIT | SIGTERM | SIGHUP => quit(number, guard, sender),
        // The whole group was told; the program that has the terminal put it right by itself.
        SIGTSTP if lent => {
            let _stopped_here = kill_process(rustix::process::getpid(), rustix::process::Signal::STOP);
        }
        SIGTSTP => {
            let _ended_already = sender.send(Signal::Suspend);
        }
        SIGCONT if !lent => {
            let _ended_already = sender.send(Signal::Continued);
        }
        _ => {}
    }
}

/// Asks the console to end, and ends the process if it does not.
fn quit(number: i32, guard: &Arc<Guard>, sender: &UnboundedSender<Signal>) {
    let code = u8::try_from(BY_SIGNAL + number).unwrap_or(u8::MAX);
    let _ended_already = sender.send(Signal::Quit(code));
    std::thread::sleep(PATIENCE);
    // Where the terminal could not be opened anew, even this may hang.
    let guard = Arc::clone(guard);
    std::thread::spawn(move || {
        let _gone = guard.leave();
        std::process::exit(i32::from(code));
    });
    std::thread::sleep(LAST_PATIENCE);
    std::process::exit(i32::from(code));
}

/// Whether a shell is there that would continue us after we stopped. Under `ssh host codegod console`
/// there is none: nobody made a process group of ours, and stopping would be for ever.
pub(super) fn has_shell() -> bool {
    let session = getsid(None).and_then(|leader| getpgid(Some(leader)));
    session.is_ok_and(|group| group != getpgrp())
}

/// Stops the process, with all that the shell started together with it, as ctrl-z does to others.
/// Returns when it was continued, or shortly before it is stopped.
///
/// # Errors
/// When the system refuses it.
pub(super) fn stop() -> io::Result<()> {
    let group: Pid = getpgrp();
    Ok(kill_process_group(group, rustix::process::Signal::STOP)?)
}
