//! Time as the test wants it. Redis has no virtual clock, so what time brings about is arranged in its data: a
//! lease runs out because it is made old, a backoff ends because it is moved to a second that is past.
//! All other backoffs are moved to a second that never comes.

use anyhow::{Context, Result};
use codegod_protocol::client::{Client, Ticked};
use codegod_protocol::id::{Role, TaskId};

use super::look::Dump;
use super::world::PREFIX;

/// A lease; long enough never to run out by itself in a test.
const LEASE_MS: u64 = 3_600_000;
/// A second that never comes.
const NEVER: u64 = 99_999_999_999;
/// A second that is past.
const PAST: u64 = 1;

/// The test's hand on time, over a connection of its own.
pub(crate) struct Clock {
    raw: redis::Connection,
}

impl Clock {
    pub(crate) fn new(raw: redis::Connection) -> Self {
        Self { raw }
    }

    pub(crate) fn dump(&mut self) -> Result<Dump> {
        Dump::take(&mut self.raw, PREFIX)
    }

    /// No backoff ends by itself from now on.
    pub(crate) fn stop(&mut self) -> Result<()> {
        self.move_delays(
            "for _, second in ipairs(redis.call('HKEYS', P .. 'delayed')) do
               if second ~= ARGV[2] then
                 for _, task in ipairs(redis.call('LRANGE', P .. 'delayed:' .. second, 0, -1)) do put(task) end
                 redis.call('DEL', P .. 'delayed:' .. second)
                 redis.call('HDEL', P .. 'delayed', second)
               end
             end",
            NEVER,
            &[],
        )
    }

    /// The backoffs of these tasks are over, in this order; to be let go by the next tick.
    pub(crate) fn let_backoffs_end(&mut self, tasks: &[TaskId]) -> Result<()> {
        self.move_delays(
            "for at = 3, #ARGV do
               redis.call('LREM', P .. 'delayed:99999999999', 0, ARGV[at])
               put(ARGV[at])
             end
             if redis.call('EXISTS', P .. 'delayed:99999999999') == 0 then
               redis.call('HDEL', P .. 'delayed', '99999999999')
             end",
            PAST,
            tasks,
        )
    }

    /// What is left of delays belongs to tasks that were cancelled meanwhile.
    pub(crate) async fn let_delays_of_the_cancelled_end(&mut self, client: &Client) -> Result<()> {
        let all =
            "for _, task in ipairs(redis.call('LRANGE', P .. 'delayed:99999999999', 0, -1)) do put(task) end
             redis.call('DEL', P .. 'delayed:99999999999')
             redis.call('HDEL', P .. 'delayed', '99999999999')";
        self.move_delays(all, PAST, &[])?;
        let ticked = self.tick(client, Role::Devops).await?;
        anyhow::ensure!(ticked.released == 0, "a cancelled task came back: {ticked:?}");
        for role in Role::ALL {
            self.tick(client, role).await?;
        }
        Ok(())
    }

    fn move_delays(&mut self, how: &str, second: u64, tasks: &[TaskId]) -> Result<()> {
        let script = format!(
            "local P = ARGV[1]
             local function put(task)
               redis.call('RPUSH', P .. 'delayed:' .. ARGV[2], task)
               redis.call('HSET', P .. 'delayed', ARGV[2], 1)
             end
             {how}"
        );
        let mut eval = redis::cmd("EVAL");
        eval.arg(script).arg(0).arg(PREFIX).arg(second);
        for task in tasks {
            eval.arg(task.to_string());
        }
        Ok(eval.query(&mut self.raw)?)
    }

    /// The leases of these tasks are as if nobody had renewed them for longer than they last.
    pub(crate) fn let_leases_run_out(&mut self, role: Role, tasks: &[TaskId]) -> Result<()> {
        let leases = format!("{PREFIX}leases:{role}");
        for task in tasks {
            let task = task.to_string();
            let mut get = redis::cmd("HGET");
            let lease: String = get.arg(&leases).arg(&task).query(&mut self.raw)?;
            let (_, holder) = lease.split_once(' ').context("a lease says since when")?;
            let mut set = redis::cmd("HSET");
            set.arg(&leases).arg(&task).arg(format!("1 {holder}")).query::<u64>(&mut self.raw)?;
        }
        Ok(())
    }

    /// Looks after a role's queue, now, as if somebody had done so lately.
    pub(crate) async fn tick(&mut self, client: &Client, role: Role) -> Result<Ticked> {
        redis::cmd("HDEL").arg(format!("{PREFIX}upkeep:{role}")).arg("looked").query::<u64>(&mut self.raw)?;
        Ok(client.tick(role, LEASE_MS).await?)
    }
}
