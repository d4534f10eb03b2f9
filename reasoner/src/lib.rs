//! Goals and observations in, plans out: playbooks (and models) behind one trait.

pub mod diagnosis;
pub mod intent;
mod interpreter;
pub mod planner;
pub mod playbook;
pub mod reasoning;
pub mod setup;
pub mod shell;
pub mod survey;
