//! The server-side scripts, each with the shared prelude in front, loaded by hash on first use.

use std::sync::LazyLock;

use redis::{Script, ScriptInvocation};

use crate::keys::Keys;

/// One script and what it does, for errors.
pub(super) struct Named {
    /// What was being done when it failed.
    pub(super) doing: &'static str,
    script: Script,
}

impl Named {
    fn new(doing: &'static str, body: &str) -> Self {
        Self { doing, script: Script::new(&format!("{}\n{body}", include_str!("../scripts/prelude.lua"))) }
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
    ($($name:ident = $file:literal, $doing:literal;)*) => {
        $(pub(super) static $name: LazyLock<Named> =
            LazyLock::new(|| Named::new($doing, include_str!(concat!("../scripts/", $file))));)*
    };
}

scripts! {
    SUBMIT_GOAL = "submit_goal.lua", "submitting a goal";
    BEGIN_PLANNING = "begin_planning.lua", "beginning to plan a goal";
    SUBMIT_PLAN = "submit_plan.lua", "submitting a plan";
    END_GOAL = "end_goal.lua", "ending a goal without a plan";
    CLAIM = "claim.lua", "claiming a task";
    HEARTBEAT = "heartbeat.lua", "renewing a lease";
    PUBLISH = "publish.lua", "publishing a result";
    RELEASE = "release.lua", "handing an attempt back";
    GROW = "grow.lua", "adding tasks to a running plan";
    GIVE_UP = "give_up.lua", "giving up a held task";
    CANCEL_GOAL = "cancel_goal.lua", "cancelling a goal";
    RETRY_TASK = "retry_task.lua", "retrying a task";
    RELEASE_DELAYED = "release_delayed.lua", "releasing delayed tasks";
    LEASE_HOST = "lease_host.lua", "taking over a host's fleet";
}
