//! What turns findings into a plan: one trait, a ladder of ways.

pub(crate) mod expression;

/// Before the name of a symptom's group in a task's metadata; `when` sees it as `symptom.<group>`.
pub(crate) const SYMPTOM_PREFIX: &str = "symptom.";
