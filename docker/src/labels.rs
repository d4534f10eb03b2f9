//! Labels: whose every container, network, volume and image is, so that the reaper finds orphans.

use std::collections::HashMap;

use codegod_protocol::id::{AgentId, GoalId, TaskId};

/// The label that every object of codegod carries; its value is the purpose.
pub const LABEL: &str = "codegod";
const GOAL: &str = "codegod.goal";
const TASK: &str = "codegod.task";
const ATTEMPT: &str = "codegod.attempt";
pub(crate) const AGENT: &str = "codegod.agent";
const FLEET: &str = "codegod.fleet";
/// The label of an image that was built under a name from a plan; its value is that name.
pub(crate) const NAME: &str = "codegod.name";

/// What an object is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// A container in which actions run.
    Sandbox,
    /// A container from which an image is being committed; also the lock of that build.
    Builder,
    /// An app under probe, its services and their network.
    App,
    /// An app that was left running because the goal asked for it.
    Deployment,
    /// A volume that outlives goals: download caches, the CA bundle.
    Cache,
    /// The image of an environment.
    Env,
    /// An image that codegod defines itself.
    Image,
}

impl Purpose {
    const ALL: [Purpose; 7] = [
        Purpose::Sandbox,
        Purpose::Builder,
        Purpose::App,
        Purpose::Deployment,
        Purpose::Cache,
        Purpose::Env,
        Purpose::Image,
    ];

    /// The purpose's word in the label.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Purpose::Sandbox => "sandbox",
            Purpose::Builder => "builder",
            Purpose::App => "app",
            Purpose::Deployment => "deployment",
            Purpose::Cache => "cache",
            Purpose::Env => "env",
            Purpose::Image => "image",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.name() == word)
    }
}

/// Whose an object is, as far as known when it is made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Labels {
    /// The fleet: several may share a Docker host, and none removes what is another's.
    pub fleet: Option<String>,
    /// The goal.
    pub goal: Option<GoalId>,
    /// The task.
    pub task: Option<TaskId>,
    /// The attempt at the task.
    pub attempt: Option<u32>,
    /// The agent.
    pub agent: Option<AgentId>,
}

impl Labels {
    /// The labels as Docker takes them. What is not known is there, too, and empty: a container else
    /// inherits it from its image, and an image from the container that it was committed from.
    #[must_use]
    pub fn to_map(&self, purpose: Purpose) -> HashMap<String, String> {
        let mut map = HashMap::from([(LABEL.to_owned(), purpose.name().to_owned())]);
        let known = [
            (FLEET, self.fleet.clone()),
            (GOAL, self.goal.as_ref().map(ToString::to_string)),
            (TASK, self.task.as_ref().map(ToString::to_string)),
            (ATTEMPT, self.attempt.map(|attempt| attempt.to_string())),
            (AGENT, self.agent.as_ref().map(ToString::to_string)),
        ];
        map.extend(known.into_iter().map(|(name, value)| (name.to_owned(), value.unwrap_or_default())));
        map
    }
}

/// Whose an object that was found is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// What it is there for; none when the word is not known to this version.
    pub purpose: Option<Purpose>,
    /// Whose it is; a label that does not parse counts as absent.
    pub labels: Labels,
}

impl Owner {
    /// Reads the labels of an object; none when it is not codegod's.
    #[must_use]
    pub fn from_map(map: &HashMap<String, String>) -> Option<Self> {
        let purpose = Purpose::parse(map.get(LABEL)?);
        let labels = Labels {
            fleet: map.get(FLEET).filter(|fleet| !fleet.is_empty()).cloned(),
            goal: map.get(GOAL).and_then(|text| text.parse().ok()),
            task: map.get(TASK).and_then(|text| text.parse().ok()),
            attempt: map.get(ATTEMPT).and_then(|text| text.parse().ok()),
            agent: map.get(AGENT).and_then(|text| text.parse().ok()),
        };
        Some(Self { purpose, labels })
    }
}

#[cfg(test)]
mod tests {
    use codegod_protocol::id::Role;

    use super::*;

    #[test]
    fn labels_read_back_as_they_were_written() {
        let goal = GoalId::random();
        let labels = Labels {
            fleet: Some("f1".into()),
            task: Some(goal.task(3)),
            goal: Some(goal),
            attempt: Some(2),
            agent: Some(AgentId::random(Role::Backend)),
        };
        for purpose in Purpose::ALL {
            let owner = Owner::from_map(&labels.to_map(purpose));
            assert_eq!(owner, Some(Owner { purpose: Some(purpose), labels: labels.clone() }));
            let unknown = Labels::default();
            let mut inherited = labels.to_map(Purpose::Builder);
            inherited.extend(unknown.to_map(purpose));
            assert_eq!(Owner::from_map(&inherited), Some(Owner { purpose: Some(purpose), labels: unknown }));
        }
    }

    #[test]
    fn strangers_are_nobodys() {
        assert_eq!(Owner::from_map(&HashMap::from([("com.example".into(), "x".into())])), None);
    }
}
