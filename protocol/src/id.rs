//! Identifiers: each its own type, with a readable form that parses back to the same value.

use std::fmt;
use std::str::FromStr;

use rand::Rng;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Why a text is not an identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// The text is not a goal's id.
    #[error("{0:?} is not a goal id (they look like g-7k2m9qx4)")]
    Goal(String),
    /// The text is not a task's id.
    #[error("{0:?} is not a task id (they look like g-7k2m9qx4.3)")]
    Task(String),
    /// The text is not an agent's id.
    #[error("{0:?} is not an agent id (they look like backend-7k2m9q)")]
    Agent(String),
    /// The text names no role.
    #[error("{0:?} is not a role (roles are {roles})", roles = Role::names())]
    Role(String),
}

/// Crockford's base 32 in lower case: no letter that is mistaken for a digit.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

fn random_text(length: usize) -> String {
    let mut rng = rand::rng();
    (0..length).map(|_| char::from(ALPHABET[rng.random_range(0..ALPHABET.len())])).collect()
}

fn is_random_text(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|byte| ALPHABET.contains(&byte))
}

macro_rules! serde_as_text {
    ($name:ident) => {
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
            }
        }
    };
}

/// A goal: `g-` and eight characters (40 random bits; intake refuses one that is taken).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GoalId(String);

impl GoalId {
    /// A new random id.
    #[must_use]
    pub fn random() -> Self {
        Self(format!("g-{}", random_text(8)))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id of this goal's task with that number.
    #[must_use]
    pub fn task(&self, number: u32) -> TaskId {
        TaskId { goal: self.clone(), number }
    }
}

impl fmt::Display for GoalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for GoalId {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        match text.strip_prefix("g-") {
            Some(rest) if is_random_text(rest, 8) => Ok(Self(text.to_owned())),
            _ => Err(IdError::Goal(text.to_owned())),
        }
    }
}
serde_as_text!(GoalId);

/// A task: its goal's id and its number in the goal's plan, from 1.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TaskId {
    goal: GoalId,
    number: u32,
}

impl TaskId {
    /// The goal whose plan the task stands in.
    #[must_use]
    pub fn goal(&self) -> &GoalId {
        &self.goal
    }

    /// The task's number in its plan, from 1.
    #[must_use]
    pub fn number(&self) -> u32 {
        self.number
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.goal, self.number)
    }
}

impl FromStr for TaskId {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        let wrong = || IdError::Task(text.to_owned());
        let (goal, number) = text.split_once('.').ok_or_else(wrong)?;
        if number.starts_with(['0', '+']) {
            return Err(wrong());
        }
        Ok(Self { goal: goal.parse().map_err(|_| wrong())?, number: number.parse().map_err(|_| wrong())? })
    }
}
serde_as_text!(TaskId);

/// An agent: its role and six characters (30 random bits: a thousand agents of a role share none).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AgentId {
    role: Role,
    suffix: String,
}

impl AgentId {
    /// A new random id for an agent of `role`.
    #[must_use]
    pub fn random(role: Role) -> Self {
        Self { role, suffix: random_text(6) }
    }

    /// The agent's role.
    #[must_use]
    pub fn role(&self) -> Role {
        self.role
    }
}

impl fmt::Display for AgentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.role, self.suffix)
    }
}

impl FromStr for AgentId {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        let wrong = || IdError::Agent(text.to_owned());
        let (role, suffix) = text.rsplit_once('-').ok_or_else(wrong)?;
        let role = Role::ALL.into_iter().find(|r| r.name() == role).ok_or_else(wrong)?;
        if !is_random_text(suffix, 6) && !is_random_text(suffix, 4) {
            return Err(wrong());
        }
        Ok(Self { role, suffix: suffix.to_owned() })
    }
}
serde_as_text!(AgentId);

/// What an agent specialises in; each role has a binary and a queue of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// Servers, data and what they need installed.
    Backend,
    /// What runs in a browser.
    Frontend,
    /// Images, deployment, settings.
    Devops,
    /// Running tests and finding causes.
    Testing,
}

impl Role {
    /// Every role, in the order in which screens show them.
    pub const ALL: [Role; 4] = [Role::Backend, Role::Frontend, Role::Devops, Role::Testing];

    /// The role's word, as in keys, files and screens.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Role::Backend => "backend",
            Role::Frontend => "frontend",
            Role::Devops => "devops",
            Role::Testing => "testing",
        }
    }

    /// The name of the role's binary.
    #[must_use]
    pub fn binary(self) -> String {
        format!("{}-agent", self.name())
    }

    fn names() -> String {
        Self::ALL.map(Role::name).join(", ")
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Role {
    type Err = IdError;
    /// Takes the role's word or the name of its binary (`backend` or `backend-agent`).
    fn from_str(text: &str) -> Result<Self, IdError> {
        let word = text.strip_suffix("-agent").unwrap_or(text);
        Self::ALL.into_iter().find(|r| r.name() == word).ok_or_else(|| IdError::Role(text.to_owned()))
    }
}
serde_as_text!(Role);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_id_parses_back_from_its_text() {
        let goal = GoalId::random();
        assert_eq!(goal.to_string().parse(), Ok(goal.clone()));
        let task = goal.task(12);
        assert_eq!(task.to_string().parse(), Ok(task));
        for role in Role::ALL {
            let agent = AgentId::random(role);
            assert_eq!(agent.to_string().parse(), Ok(agent));
            assert_eq!(role.binary().parse(), Ok(role));
        }
    }

    #[test]
    fn texts_that_are_no_ids_are_refused() {
        for text in ["", "g-", "g-7k2m9qx", "G-7k2m9qx4", "g-7k2m9qxi", "g-../../etc"] {
            assert!(text.parse::<GoalId>().is_err(), "{text:?}");
        }
        for text in ["g-7k2m9qx4", "g-7k2m9qx4.", "g-7k2m9qx4.01", "g-7k2m9qx4.+1", "g-7k2m9qx4.-1"] {
            assert!(text.parse::<TaskId>().is_err(), "{text:?}");
        }
        assert!("cook-7k2m".parse::<AgentId>().is_err());
        assert!("cook-agent".parse::<Role>().is_err());
    }
}
