//! What the host of the containers has to give: its memory, its disks, and sizes as people read them.
//!
//! Everything here reads files of the kernel and costs microseconds, so that it can be asked before
//! each task. What Docker knows beside that is asked by those who need it.

mod disk;
mod locality;
mod memory;
mod size;

pub use disk::Disk;
pub use locality::Locality;
pub use memory::{ControlGroups, Memory};
pub use size::Size;
pub(crate) use size::parse_size;
