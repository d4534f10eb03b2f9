//! The disk budget of a host: images and download caches are held to it, the least recently used go first.
//!
//! **What counts.** Images with codegod's label (environments, apps, base images): the layers that no
//! other image has, each once. `CODEGOD_IMAGE_BUDGET`, unless set 20 GiB or a quarter of the disk,
//! whichever is less. Download caches: `CODEGOD_CACHE_BUDGET`, unless set 5 GiB. When a disk is too full
//! for another task (see [`super::admission`]), both are held to what brings the disk back.
//!
//! **What stays.** An image that a container of anybody was made from; one used in the last [`GRACE`],
//! which is the mark of an attempt that is about to start; the base images of this version; and one to
//! which a person gave a name. Only codegod's own names are ever taken away. Should an image go between
//! the moment a worker looked it up and the moment it starts a container, that is told as
//! [`super::Error::ImageGone`], and the recipe makes it again.
//!
//! **Last used** is what the daemon says (`last_use.rs`).
//!
//! **Caches** are used by every sandbox all the time, so a whole volume is never idle on a busy host, and
//! dropping it would throw the hot half away with the cold one. What goes is its files, those that were
//! not read for the longest time first, in a container that sees nothing but the caches. pip and npm take
//! a missing file for one to fetch. Nothing younger than an hour goes.
//!
//! **Who does it.** Every agent and master has a sweeper that comes here every few minutes; the daemon's
//! note of when the empty image was last named says whether another was here meanwhile, so it is done
//! once for a daemon, whatever the fleets and users on it.

mod caches;
mod collect;
mod images;
mod keeper;
mod layers;
mod report;
mod survey;

pub use collect::collect;
pub(crate) use keeper::Keeper;
pub use report::{Budget, Collected, Family, GRACE, Kept, Mode, Removed, Request};
pub use survey::holdings;
