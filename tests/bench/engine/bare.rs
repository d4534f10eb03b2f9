//! The limit: the least that a queue with leases and fencing can send to Redis, with no framework around it.
//! One script finishes what a worker holds (if the fencing token is still its own), counts down what waits for
//! it, writes one line to a log, and claims what comes next, over a stream and a hash for each task.

use anyhow::{Context, Result};
use codegod_tests::redis_server::RedisServer;
use redis::Value;
use redis::aio::MultiplexedConnection;
use redis::streams::StreamReadReply;

use crate::child::{Lines, Record};
use crate::plan::Shape;
use crate::turns::now_ns;

const STREAM: &str = "bare:queue";
const LOG: &str = "bare:log";
const GROUP: &str = "workers";
/// How many commands are sent at once when a plan is laid down.
const PIPE: usize = 500;
const BLOCK_MS: u64 = 1_000;

/// KEYS: stream, log. ARGV: who, how many to claim, '1' when tasks have dependents, then entry, task and token of
/// each finished → entry, task, handed over, token of each claimed.
const TURN: &str = r"
local who, waits = ARGV[1], ARGV[3] == '1'
local finished = {}
for at = 4, #ARGV, 3 do
  local key = 'bare:task:' .. ARGV[at + 1]
  local held = redis.call('HMGET', key, 'state', 'owner', 'token')
  if held[1] == 'running' and held[2] == who and held[3] == ARGV[at + 2] then
    redis.call('HSET', key, 'state', 'done', 'result', 'ok')
    redis.call('XADD', KEYS[2], 'MAXLEN', '~', 10000, '*', 'done', ARGV[at + 1], 'who', who)
    finished[#finished + 1] = ARGV[at]
    if waits then
      for next in string.gmatch(redis.call('HGET', key, 'dependents') or '', '%d+') do
        if redis.call('HINCRBY', 'bare:task:' .. next, 'pending', -1) == 0 then
          redis.call('XADD', KEYS[1], '*', 'task', next, 'tenq', '0')
        end
      end
    end
  end
end
if #finished > 0 then
  redis.call('XACK', KEYS[1], 'workers', unpack(finished))
  redis.call('XDEL', KEYS[1], unpack(finished))
end
local claimed = {}
local fresh = redis.call('XREADGROUP', 'GROUP', 'workers', who, 'COUNT', ARGV[2], 'STREAMS', KEYS[1], '>')
if not fresh then return claimed end
for _, entry in ipairs(fresh[1][2]) do
  local key = 'bare:task:' .. entry[2][2]
  local token = redis.call('HINCRBY', key, 'token', 1)
  redis.call('HSET', key, 'state', 'running', 'owner', who)
  local n = #claimed
  claimed[n + 1], claimed[n + 2], claimed[n + 3], claimed[n + 4] = entry[1], entry[2][2], entry[2][4], tostring(token)
end
return claimed";

/// Holds what a blocked read was given. KEYS: the task's hash. ARGV: who → token.
const HOLD: &str = r"
redis.call('HSET', KEYS[1], 'state', 'running', 'owner', ARGV[1])
return redis.call('HINCRBY', KEYS[1], 'token', 1)";

/// Lays a plan of `n` tasks down; what needs nothing is in the stream afterwards when `begin` says so.
pub(crate) fn lay_down(server: &RedisServer, shape: Shape, n: u32, begin: bool) -> Result<()> {
    let mut redis = server.raw()?;
    make_group(&mut redis)?;
    let mut dependents = vec![String::new(); n as usize + 1];
    let mut commands = Vec::new();
    for number in 1..=n {
        let needs = shape.needs(number, n);
        if needs.is_empty() && begin {
            let mut add = redis::cmd("XADD");
            add.arg(STREAM).arg("*").arg("task").arg(number).arg("tenq").arg(0);
            commands.push(add);
        } else if !needs.is_empty() {
            let mut set = redis::cmd("HSET");
            set.arg(task_key(number)).arg("pending").arg(needs.len());
            commands.push(set);
        }
        for need in needs {
            dependents[need as usize].push_str(&format!("{number} "));
        }
    }
    for (number, text) in dependents.iter().enumerate().filter(|(_, text)| !text.is_empty()) {
        let mut set = redis::cmd("HSET");
        set.arg(format!("bare:task:{number}")).arg("dependents").arg(text);
        commands.push(set);
    }
    send(&mut redis, commands)
}

/// Makes the stream and its group.
fn make_group(redis: &mut redis::Connection) -> Result<()> {
    let mut make = redis::cmd("XGROUP");
    make.arg("CREATE").arg(STREAM).arg(GROUP).arg("0").arg("MKSTREAM");
    make.exec(redis).context("making the group")
}

/// Hands a task over now.
pub(crate) fn add(redis: &mut redis::Connection, number: u32) -> Result<()> {
    let mut add = redis::cmd("XADD");
    add.arg(STREAM).arg("*").arg("task").arg(number).arg("tenq").arg(now_ns());
    add.exec(redis).context("adding an entry")
}

/// Sends commands in large pipelines.
pub(crate) fn send(redis: &mut redis::Connection, commands: Vec<redis::Cmd>) -> Result<()> {
    for part in commands.chunks(PIPE) {
        let mut pipe = redis::pipe();
        for command in part {
            pipe.add_command(command.clone()).ignore();
        }
        pipe.exec(redis)?;
    }
    Ok(())
}

fn task_key(number: impl std::fmt::Display) -> String {
    format!("bare:task:{number}")
}

/// A task that a bare worker holds.
struct Held {
    entry: String,
    task: String,
    tenq: u64,
    token: String,
}

/// A worker of the limit.
pub(crate) struct BareHand {
    redis: MultiplexedConnection,
    /// For reads that block.
    waiting: MultiplexedConnection,
    who: String,
    turn: redis::Script,
    hold: redis::Script,
    room: usize,
    waits: bool,
}

impl BareHand {
    /// One that holds up to `room` tasks; `waits`: tasks have dependents. The script has been loaded.
    pub(crate) async fn hire(url: &str, room: usize, waits: bool) -> Result<Self> {
        let client = redis::Client::open(url)?;
        // A blocked read has no time limit of the connection's.
        let settings = redis::AsyncConnectionConfig::new().set_response_timeout(None);
        let mut redis = client.get_multiplexed_async_connection_with_config(&settings).await?;
        let waiting = client.get_multiplexed_async_connection_with_config(&settings).await?;
        let (turn, hold) = (redis::Script::new(TURN), redis::Script::new(HOLD));
        turn.load_async(&mut redis).await?;
        hold.load_async(&mut redis).await?;
        Ok(Self { redis, waiting, who: format!("bare-{}", std::process::id()), turn, hold, room, waits })
    }

    /// Works for ever.
    pub(crate) async fn work(mut self, log: &mut Lines) -> Result<()> {
        let mut held: Vec<Held> = Vec::new();
        loop {
            let mut call = self.turn.prepare_invoke();
            call.key(STREAM).key(LOG).arg(&self.who).arg(self.room).arg(u8::from(self.waits));
            for Held { entry, task, token, .. } in &held {
                call.arg(entry).arg(task).arg(token);
            }
            let claimed: Vec<String> = call.invoke_async(&mut self.redis).await?;
            held = claimed.chunks_exact(4).map(Held::of).collect::<Result<_>>()?;
            for one in &held {
                log.did(one.record(now_ns())?)?;
            }
            if held.is_empty() {
                log.flush()?;
                held = self.wait(log).await?;
            }
        }
    }

    /// Waits for an entry, and holds it.
    async fn wait(&mut self, log: &mut Lines) -> Result<Vec<Held>> {
        let mut read = redis::cmd("XREADGROUP");
        read.arg("GROUP").arg(GROUP).arg(&self.who).arg("COUNT").arg(1).arg("BLOCK").arg(BLOCK_MS);
        read.arg("STREAMS").arg(STREAM).arg(">");
        let reply: Option<StreamReadReply> = read.query_async(&mut self.waiting).await?;
        let woken = now_ns();
        let mut held = Vec::new();
        for entry in reply.into_iter().flat_map(|reply| reply.keys).flat_map(|key| key.ids) {
            let text = |name: &str| -> Result<String> {
                let value: &Value = entry.map.get(name).with_context(|| format!("an entry has no {name}"))?;
                Ok(redis::from_redis_value(value.clone())?)
            };
            let task = text("task")?;
            let token: String = self
                .hold
                .key(task_key(&task))
                .arg(&self.who)
                .invoke_async(&mut self.redis)
                .await
                .context("holding a task")?;
            let one = Held { entry: entry.id.clone(), task, tenq: text("tenq")?.parse()?, token };
            log.did(one.record(woken)?)?;
            held.push(one);
        }
        Ok(held)
    }
}

impl Held {
    fn of(part: &[String]) -> Result<Self> {
        let [entry, task, tenq, token] = part else { anyhow::bail!("a claim has {} parts", part.len()) };
        let tenq = tenq.parse()?;
        Ok(Self { entry: entry.clone(), task: task.clone(), tenq, token: token.clone() })
    }

    fn record(&self, started: u64) -> Result<Record> {
        Ok(Record { number: self.task.parse()?, tenq: self.tenq, started, ended: now_ns() })
    }
}
