//! What must always be true, by name, and who broke it.

use std::collections::BTreeMap;
use std::fmt;

/// What must always be true.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// Whatever was accepted has come to an end.
    NothingLost,
    /// Nothing was published twice, and no plan submitted twice.
    OnlyOnce,
    /// Only the holder of the current attempt published or failed it.
    HolderOnly,
    /// No attempt began while another held the task.
    OneHolder,
    /// Attempts count up by one, and there are not more of them than allowed.
    Attempts,
    /// No attempt began before everything that its task needs had succeeded.
    NeedsFirst,
    /// Nothing of a goal or task began or succeeded after its end.
    NothingAfterTheEnd,
    /// Nothing of a paused goal was handed out.
    Paused,
    /// Every task that asked for more was answered.
    Answered,
    /// Goals and tasks ended as their plan has it.
    AsPlanned,
    /// The hashes say what the events say.
    HashesAgree,
    /// The metrics say what the events say.
    MetricsAgree,
    /// Nothing is left in queues, lists and groups.
    NothingLeft,
    /// Tasks of killed agents were picked up in time.
    PickedUp,
    /// No process ended by itself or panicked.
    NobodyDied,
    /// It was done in time.
    InTime,
}

impl Rule {
    /// All of them.
    pub const ALL: [Rule; 16] = [
        Rule::NothingLost,
        Rule::OnlyOnce,
        Rule::HolderOnly,
        Rule::OneHolder,
        Rule::Attempts,
        Rule::NeedsFirst,
        Rule::NothingAfterTheEnd,
        Rule::Paused,
        Rule::Answered,
        Rule::AsPlanned,
        Rule::HashesAgree,
        Rule::MetricsAgree,
        Rule::NothingLeft,
        Rule::PickedUp,
        Rule::NobodyDied,
        Rule::InTime,
    ];

    /// As a sentence.
    #[must_use]
    pub const fn told(self) -> &'static str {
        match self {
            Rule::NothingLost => "every accepted goal and task came to an end",
            Rule::OnlyOnce => "nothing was published, planned or ended twice",
            Rule::HolderOnly => "only the holder of the newest attempt published",
            Rule::OneHolder => "no task had two holders at once",
            Rule::Attempts => "attempts count up by one, up to their limit",
            Rule::NeedsFirst => "nothing began before what it needs",
            Rule::NothingAfterTheEnd => "nothing happened after an end or a cancel",
            Rule::Paused => "nothing of a paused goal was handed out",
            Rule::Answered => "every task that asked for more got it, once",
            Rule::AsPlanned => "goals and tasks ended as their plans have it",
            Rule::HashesAgree => "goals, tasks and results agree with the events",
            Rule::MetricsAgree => "the metrics agree with the events",
            Rule::NothingLeft => "queues, lists and groups are empty at the end",
            Rule::PickedUp => "tasks of killed agents were picked up in time",
            Rule::NobodyDied => "no process panicked or ended by itself",
            Rule::InTime => "it was done in time",
        }
    }
}

/// How many breaks of one rule are listed.
const LISTED: usize = 12;

/// Who broke which rule.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Breaks(BTreeMap<Rule, Vec<String>>);

impl Breaks {
    /// Notes a break.
    pub fn add(&mut self, rule: Rule, what: impl Into<String>) {
        self.0.entry(rule).or_default().push(what.into());
    }

    /// Notes a break unless `holds`.
    pub fn unless(&mut self, holds: bool, rule: Rule, what: impl FnOnce() -> String) {
        if !holds {
            self.add(rule, what());
        }
    }

    /// Adds another's.
    pub fn extend(&mut self, other: &Self) {
        for (rule, breaks) in &other.0 {
            self.0.entry(*rule).or_default().extend(breaks.iter().cloned());
        }
    }

    /// The rules that were broken.
    #[must_use]
    pub fn rules(&self) -> Vec<Rule> {
        self.0.keys().copied().collect()
    }

    /// Whether none was.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Breaks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for rule in Rule::ALL {
            let breaks = self.0.get(&rule).map(Vec::as_slice).unwrap_or_default();
            let word = if breaks.is_empty() { "ok    " } else { "BROKEN" };
            writeln!(f, "  {word} {}", rule.told())?;
            for what in breaks.iter().take(LISTED) {
                writeln!(f, "           {what}")?;
            }
            if breaks.len() > LISTED {
                writeln!(f, "           … and {} more", breaks.len() - LISTED)?;
            }
        }
        Ok(())
    }
}
