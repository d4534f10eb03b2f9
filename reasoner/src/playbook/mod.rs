//! Playbooks: knowledge as data. [`Library`] reads and checks them, [`Renderer`] turns one and an
//! intent into text; which of them a goal needs is the planner's business.

mod context;
mod filters;
mod folder;
mod inspect;
mod library;
mod render;
pub mod schema;

pub use context::context;
pub(crate) use folder::{files_built_in, read as files_below};
pub use library::{Library, Playbook, Problem};
pub use render::{RenderError, RenderedTask, Renderer};
