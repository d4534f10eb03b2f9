//! Goals and observations in, plans out: playbooks (and models) behind one trait.

pub mod intent;
pub mod planner;
pub mod playbook;
pub mod reasoning;
