//! Child processes of the benchmark: started, let go at once, listened to, ended when dropped.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use codegod_tests::redis_server::RedisServer;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::mpsc;

use crate::child::{Record, URL};
use crate::turns::now_ns;

/// The longest that is waited for what was asked for.
const PATIENCE: Duration = Duration::from_secs(300);

/// Something that a child says.
#[derive(Debug, Clone, PartialEq)]
enum Said {
    Ready,
    Did {
        count: u64,
        last: u64,
    },
    Record(Record),
    Value(String, f64),
    /// It has ended, or says what nobody understands.
    Broken(String),
}

/// What was done.
#[derive(Debug, Default)]
pub(crate) struct Done {
    /// From the start of all to the end of the last task.
    pub(crate) seconds: f64,
    /// What was recorded, by the number of the task.
    pub(crate) records: Vec<Record>,
    /// Other figures, by name.
    values: Vec<(String, f64)>,
}

impl Done {
    /// The figure of that name.
    pub(crate) fn value(&self, name: &str) -> Result<f64> {
        let found = self.values.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| *value).with_context(|| format!("nobody said {name}"))
    }
}

/// Some child processes, all at the same work or each at another.
pub(crate) struct Crew {
    children: Vec<(Child, ChildStdin)>,
    said: mpsc::UnboundedReceiver<Said>,
    began: u64,
}

impl Crew {
    /// Starts one process for each line of words, on that Redis, and waits until all of them are ready.
    pub(crate) async fn start(server: &RedisServer, lines: &[String]) -> Result<Self> {
        let (sender, said) = mpsc::unbounded_channel();
        let mut children = Vec::new();
        for line in lines {
            let mut child = Command::new(std::env::current_exe()?)
                .arg("child")
                .args(line.split(' '))
                .env(URL, server.url())
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .kill_on_drop(true)
                .spawn()
                .with_context(|| format!("starting {line:?}"))?;
            let stdin = child.stdin.take().context("a child has an input")?;
            let stdout = child.stdout.take().context("a child has an output")?;
            tokio::spawn(listen(stdout, sender.clone(), line.clone()));
            children.push((child, stdin));
        }
        let mut crew = Self { children, said, began: 0 };
        for _ in lines {
            match crew.hear().await? {
                Said::Ready => {}
                other => bail!("a child was to say that it is ready, not {other:?}"),
            }
        }
        Ok(crew)
    }

    /// So many processes of the same words.
    pub(crate) async fn of(server: &RedisServer, count: usize, words: &str) -> Result<Self> {
        Self::start(server, &vec![words.to_owned(); count]).await
    }

    /// Lets all of them begin.
    pub(crate) async fn go(&mut self) -> Result<()> {
        self.began = now_ns();
        for (_, stdin) in &mut self.children {
            stdin.write_all(b"\n").await.context("letting a child begin")?;
        }
        Ok(())
    }

    /// Waits until they have done so many things since they began, or since this was last asked.
    pub(crate) async fn until(&mut self, wanted: u64) -> Result<Done> {
        let (mut done, mut all, mut end) = (Done::default(), 0, self.began);
        while all < wanted {
            match self.hear().await? {
                Said::Did { count, last } => (all, end) = (all + count, end.max(last)),
                Said::Record(record) => done.records.push(record),
                Said::Value(name, value) => done.values.push((name, value)),
                Said::Ready => bail!("a child is ready twice"),
                Said::Broken(why) => bail!(why),
            }
        }
        if all > wanted {
            bail!("{all} tasks were done where there were {wanted}");
        }
        done.records.sort_by_key(|record| record.number);
        done.seconds = Duration::from_nanos(end - self.began).as_secs_f64();
        Ok(done)
    }

    /// Their process ids.
    pub(crate) fn pids(&self) -> Vec<u32> {
        self.children.iter().filter_map(|(child, _)| child.id()).collect()
    }

    /// Ends them, and waits for that: the signal of a child's end breaks a blocking read off.
    pub(crate) async fn end(mut self) -> Result<()> {
        for (child, _) in &mut self.children {
            child.kill().await.context("ending a child")?;
        }
        Ok(())
    }

    async fn hear(&mut self) -> Result<Said> {
        let said = tokio::time::timeout(PATIENCE, self.said.recv()).await;
        said.with_context(|| format!("the children said nothing for {PATIENCE:?}"))?
            .context("no child is left")
    }
}

async fn listen(stdout: ChildStdout, said: mpsc::UnboundedSender<Said>, who: String) {
    let mut lines = BufReader::new(stdout).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let heard = understand(&line).unwrap_or_else(|| Said::Broken(format!("{who} says {line:?}")));
        if said.send(heard).is_err() {
            return;
        }
    }
    let _nobody_listens = said.send(Said::Broken(format!("{who} has ended")));
}

fn understand(line: &str) -> Option<Said> {
    let words: Vec<&str> = line.split(' ').collect();
    Some(match words[..] {
        ["ready"] => Said::Ready,
        ["did", count, last] => Said::Did { count: count.parse().ok()?, last: last.parse().ok()? },
        ["record", number, tenq, started, ended] => Said::Record(Record {
            number: number.parse().ok()?,
            tenq: tenq.parse().ok()?,
            started: started.parse().ok()?,
            ended: ended.parse().ok()?,
        }),
        ["value", name, value] => Said::Value(name.to_owned(), value.parse().ok()?),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_child_says_is_understood_and_anything_else_is_not() {
        assert_eq!(understand("did 3 17"), Some(Said::Did { count: 3, last: 17 }));
        let record = Record { number: 1, tenq: 2, started: 3, ended: 4 };
        assert_eq!(understand("record 1 2 3 4"), Some(Said::Record(record)));
        assert_eq!(understand("value peak 1.5"), Some(Said::Value("peak".into(), 1.5)));
        assert_eq!(understand("did many 17"), None);
        assert_eq!(understand("record 1 2 3"), None);
    }
}
