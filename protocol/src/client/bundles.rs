//! Bundles that nothing leads to: those of attempts that were thrown away before they published.

use std::collections::{BTreeMap, BTreeSet};

use super::gc::Mode;
use super::{Client, Error, now_ms, scripts};
use crate::id::GoalId;

/// A goal's bundles are looked through so long after its end: an attempt that was cut may be storing one.
const SETTLED_MS: u64 = 60_000;
/// How many values are read in one call.
const PART: usize = 200;

/// What came of looking through bundles.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Unpublished {
    pub(super) bundles: u64,
    pub(super) bytes: u64,
}

impl Client {
    /// Looks through the bundles of goals that have ended since the last time, and removes those that no
    /// published commit leads to.
    pub(super) async fn drop_unpublished(&self, mode: Mode) -> Result<Unpublished, Error> {
        let mut range = redis::cmd("LRANGE");
        range.arg(self.keys.ended_goals()).arg(0).arg(-1);
        let ids: Vec<Vec<u8>> = self.query("listing ended goals", &range).await?;
        let goals: Vec<GoalId> =
            ids.iter().filter_map(|id| std::str::from_utf8(id).ok()?.parse().ok()).collect();
        let mut all = Unpublished::default();
        for part in goals.chunks(PART) {
            let mut pipe = redis::pipe();
            for goal in part {
                pipe.cmd("HMGET").arg(self.keys.goal(goal)).arg("ended_ms").arg("swept_ms");
            }
            let times: Vec<(Option<String>, Option<String>)> =
                self.pipe("listing ended goals", &pipe).await?;
            for (goal, (ended, swept)) in part.iter().zip(times) {
                let Some(ended) = ended.filter(|ended| swept.as_ref() != Some(ended)) else { continue };
                let settled = ended.parse().is_ok_and(|ms: u64| ms + SETTLED_MS < now_ms());
                if settled {
                    let found = self.drop_unpublished_of(goal, &ended, mode).await?;
                    all.bundles += found.bundles;
                    all.bytes += found.bytes;
                }
            }
        }
        Ok(all)
    }

    async fn drop_unpublished_of(
        &self,
        goal: &GoalId,
        ended: &str,
        mode: Mode,
    ) -> Result<Unpublished, Error> {
        let users: Vec<String> = self
            .query("looking who needs a goal", redis::cmd("HKEYS").arg(self.keys.references(goal)))
            .await?;
        let users: Vec<GoalId> = users.iter().filter_map(|id| id.parse().ok()).collect();
        for user in &users {
            let mut get = redis::cmd("HMGET");
            get.arg(self.keys.goal(user)).arg("state").arg("ended_ms");
            let (state, ended): (Option<String>, Option<String>) = self.query("reading a goal", &get).await?;
            if state.is_some() && ended.is_none() {
                // It stores bundles here while it runs.
                return Ok(Unpublished::default());
            }
        }
        let commits: Vec<String> =
            self.query("listing bundles", redis::cmd("HKEYS").arg(self.keys.blobs(goal))).await?;
        let mut named = BTreeSet::new();
        for one in users.iter().chain([goal]) {
            self.commits_named_by(one, &mut named).await?;
        }
        let mut heads = BTreeMap::new();
        let mut unpublished = Unpublished::default();
        // Were none in doubt, no bundle has to be opened.
        if commits.iter().any(|commit| !named.contains(commit)) {
            for commit in commits {
                let (head, bytes): (Vec<u8>, u64) = self
                    .script(&scripts::BUNDLE_HEAD, |s| {
                        s.arg(goal.as_str()).arg(&commit);
                    })
                    .await?;
                heads.insert(commit, (head, bytes));
            }
        }
        let kept = reachable(&heads, named);
        let gone: Vec<&String> = heads.keys().filter(|commit| !kept.contains(*commit)).collect();
        unpublished.bundles = gone.len() as u64;
        unpublished.bytes = gone.iter().filter_map(|commit| heads.get(*commit)).map(|(_, bytes)| bytes).sum();
        if mode == Mode::Remove {
            self.script::<u64>(&scripts::DROP_BUNDLES, |s| {
                s.arg(goal.as_str()).arg(ended);
                for commit in &gone {
                    s.arg(commit.as_str());
                }
            })
            .await?;
        }
        Ok(unpublished)
    }

    /// Every commit that a goal, its plan or its results name anywhere: more rather than less.
    async fn commits_named_by(&self, goal: &GoalId, named: &mut BTreeSet<String>) -> Result<(), Error> {
        let whole: Vec<Vec<u8>> =
            self.query("reading a goal", redis::cmd("HVALS").arg(self.keys.goal(goal))).await?;
        whole.iter().for_each(|text| collect_commits(text, named));
        for key in [self.keys.plan(goal), self.keys.results(goal)] {
            let fields: Vec<Vec<u8>> = self.query("reading a plan", redis::cmd("HKEYS").arg(&key)).await?;
            for part in fields.chunks(PART) {
                let mut get = redis::cmd("HMGET");
                get.arg(&key);
                for field in part {
                    get.arg(field.as_slice());
                }
                let values: Vec<Option<Vec<u8>>> = self.query("reading a plan", &get).await?;
                values.iter().flatten().for_each(|text| collect_commits(text, named));
            }
        }
        Ok(())
    }
}

/// Adds every word of 40 or 64 hexadecimal digits: the ids that git gives.
fn collect_commits(text: &[u8], commits: &mut BTreeSet<String>) {
    for word in text.split(|byte| !byte.is_ascii_alphanumeric()) {
        if matches!(word.len(), 40 | 64) && word.iter().all(u8::is_ascii_hexdigit) {
            commits.insert(String::from_utf8_lossy(word).into_owned());
        }
    }
}

/// The commits that are kept, and every one that their bundles build on.
fn reachable(heads: &BTreeMap<String, (Vec<u8>, u64)>, named: BTreeSet<String>) -> BTreeSet<String> {
    let mut todo: Vec<String> = named.iter().filter(|commit| heads.contains_key(*commit)).cloned().collect();
    let mut kept = named;
    while let Some(commit) = todo.pop() {
        let Some((head, _)) = heads.get(&commit) else { continue };
        let mut needed = BTreeSet::new();
        collect_commits(head, &mut needed);
        for commit in needed {
            if kept.insert(commit.clone()) {
                todo.push(commit);
            }
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_kept_bundle_builds_on_is_kept_and_the_rest_is_not() {
        let id = |digit: &str| digit.repeat(40);
        let bundle = |on: &str, of: &str| {
            (format!("# v2 git bundle\n-{} before\n{} refs/heads/x\n", id(on), id(of)).into_bytes(), 1)
        };
        let heads = BTreeMap::from([
            (id("2"), bundle("1", "2")),
            (id("3"), bundle("2", "3")),
            (id("4"), bundle("3", "4")),
        ]);
        let mut named = BTreeSet::new();
        collect_commits(format!("{{\"commit\":\"{}\"}}", id("3")).as_bytes(), &mut named);
        assert_eq!(reachable(&heads, named), BTreeSet::from([id("1"), id("2"), id("3")]));
    }
}
