//! Admission: an agent claims nothing that its host's free memory and disk can't hold.
//!
//! **The rule.** A limit is not a need: four sandboxes that may take 2 GiB each and really take 300 MiB
//! run well on a host of 4 GiB. So an attempt is expected to take a *quarter* of a sandbox's limit
//! (which counts at most as half of the host's memory), and what it is expected to take counts as gone
//! from the moment it is let in until it ends:
//!
//! ```text
//! open  ⇔  available − promised ≥ CODEGOD_MIN_FREE_MEMORY     and, for each disk, free ≥ CODEGOD_MIN_FREE_DISK
//! promised = attempts × need − what their sandboxes already use (each counts up to need)
//! need     = min(limit, half of the host's memory) / 4
//! ```
//!
//! Unless set, `CODEGOD_MIN_FREE_MEMORY` is need + 256 MiB, and `CODEGOD_MIN_FREE_DISK` 5 GiB or a
//! twentieth of the disk, whichever is less. An attempt that takes more than was expected of it lowers
//! what is available, which closes the host for the next ones; at its limit, the kernel ends its
//! processes, not others.
//!
//! **At the same moment.** Whoever is let in holds a [`Place`] until its attempt ends: a locked file in
//! the state folder. Those who decide do so one after another and count the places. So agents that share
//! a state folder are never let in on the same memory. Agents that do not (in containers of their own)
//! see one another's attempts once their sandboxes run: in the seconds before, each can be let in once
//! too often, so by one need an agent.
//!
//! **What it costs.** Reading a few files of the kernel. Docker is asked which sandboxes run only when
//! memory is short, at most once a second for all of a process.
//!
//! **Elsewhere.** Of a daemon on another machine only its host's memory is known, and which sandboxes
//! run. Nine tenths of it count as available to them; its disk can't be seen and closes nothing.

mod decision;
mod gate;
mod places;

pub use decision::{Figures, Floors, decide};
pub use gate::{Admission, Gate};
pub use places::Place;
