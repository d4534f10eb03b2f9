//! The server-side scripts, each with the shared parts that it takes in front, loaded by hash on first use.

use std::sync::LazyLock;

use redis::{Script, ScriptInvocation};

use crate::keys::Keys;

/// One script and what it does, for errors.
pub(super) struct Named {
    /// What was being done when it failed.
    pub(super) doing: &'static str,
    script: Script,
}

macro_rules! part {
    ($name:literal) => {
        include_str!(concat!("../scripts/", $name, ".lua"))
    };
}

impl Named {
    fn new(doing: &'static str, parts: &[&str]) -> Self {
        Self { doing, script: Script::new(&parts.join("\n")) }
    }

    /// An invocation with the arguments that every script takes. One key is named so that a cluster
    /// client finds the slot; the others share its hash tag.
    pub(super) fn prepare<'a>(&'a self, keys: &Keys, who: &str) -> ScriptInvocation<'a> {
        let mut invocation = self.script.key(keys.metrics());
        invocation.arg(keys.prefix()).arg(who);
        invocation
    }
}

macro_rules! scripts {
    ($($name:ident = $file:literal [$($part:literal),*], $doing:literal;)*) => {
        $(pub(super) static $name: LazyLock<Named> = LazyLock::new(|| {
            Named::new($doing, &[
                part!("lib/head"),
                part!("lib/event"),
                part!("lib/base"),
                $(include_str!(concat!("../scripts/lib/", $part, ".lua")),)*
                include_str!(concat!("../scripts/", $file, ".lua")),
            ])
        });)*
    };
}

// Each with the parts of `scripts/lib` that it takes: what it does not need would cost it time at every call.
scripts! {
    SUBMIT_GOAL = "submit_goal" [], "submitting a goal";
    BEGIN_PLANNING = "begin_planning" [], "beginning to plan a goal";
    RENEW_PLANNING = "renew_planning" [], "going on planning a goal";
    STAGE_PLAN = "stage_plan" ["order", "plan"], "laying down a plan";
    SUBMIT_PLAN = "submit_plan" ["order", "queue"], "submitting a plan";
    BEGIN_TASKS = "begin_tasks" ["order", "queue"], "beginning a plan's tasks";
    END_GOAL = "end_goal" [], "ending a goal without a plan";
    RENEW = "renew" [], "renewing leases";
    RELEASE = "release" ["order", "queue"], "handing an attempt back";
    RECOVER = "recover" ["order", "queue", "life"], "taking back what an agent held";
    TICK = "tick" ["order", "queue", "life"], "looking after a queue";
    GROW = "grow" ["order", "queue", "plan"], "adding tasks to a running plan";
    GIVE_UP = "give_up" ["order", "queue", "life"], "giving up a held task";
    CANCEL_GOAL = "cancel_goal" ["order", "queue"], "cancelling a goal";
    PAUSE_GOAL = "pause_goal" ["order", "queue"], "pausing or resuming a goal";
    PAUSE_FLEET = "pause_fleet" ["order", "queue"], "pausing or resuming the fleet";
    RETRY_TASK = "retry_task" ["order", "queue", "life"], "retrying a task";
    LEASE_HOST = "lease_host" [], "taking over a host's fleet";
    QUARANTINE = "quarantine" [], "putting something aside";
    PUT_ASIDE = "put_aside" [], "putting an entry aside";
    ARCHIVE_GOAL = "archive_goal" [], "archiving a goal";
    DROP_TASKS = "drop_tasks" [], "removing an archived goal's tasks";
    FORGET_SUMMARIES = "forget_summaries" [], "forgetting the oldest goals";
    BUNDLE_HEAD = "bundle_head" [], "reading a bundle's head";
    DROP_BUNDLES = "drop_bundles" [], "removing bundles that nothing leads to";
    TRIM_STREAM = "trim_stream" [], "trimming a stream";
    DROP_CONSUMERS = "drop_consumers" [], "removing consumers that are gone";
    DROP_IDLE = "drop_idle" [], "removing idle workers that are gone";
    AUDIT_GOALS = "audit_goals" [], "looking through a list of goals";
    AUDIT_AGENTS = "audit_agents" [], "looking through the agents";
    AUDIT_DELAYED = "audit_delayed" [], "looking through what is delayed";
    AUDIT_DEAD = "audit_dead" [], "looking through the dead letters";
}

/// A worker's turn. Its steady state comes first and needs nothing of what is shared: that stands in functions which
/// are called when something of it is first needed.
pub(super) static TURN: LazyLock<Named> = LazyLock::new(|| {
    let shared = [part!("lib/event"), part!("lib/order")].join("\n");
    let rare = [part!("lib/base"), part!("lib/queue"), part!("lib/life"), part!("lib/rare")].join("\n");
    let hand = format!("local function make_hand()\n{shared}\n{}\nend", part!("lib/hand"));
    let rare = format!("local function make_rare()\n{shared}\n{rare}\nend");
    Named::new(
        "publishing and claiming",
        &[part!("lib/head"), part!("lib/steady"), &hand, &rare, part!("turn")],
    )
});
