//! Running what was typed: the very commands of the command line, with another voice. Never on the task that
//! draws; what they say comes back piece by piece.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use codegod_protocol::id::GoalId;
use tokio::sync::mpsc;

use super::table::{self, Refused};
use crate::cli::Command;
use crate::commands::{self, Place};
use crate::error::Error;
use crate::output::{Line, Meaning, Out, Question, Said};

/// A command that takes longer is said to be under way.
const AT_ONCE: Duration = Duration::from_millis(300);

/// What a running command tells.
#[derive(Debug)]
pub(crate) enum Told {
    /// One line.
    Line(Line),
    /// A goal was handed over.
    Goal(GoalId),
    /// It asks before it does it.
    Asks(Question),
    /// It ended with more to read than a line.
    Lines {
        /// What was typed.
        title: String,
        /// What it answered.
        lines: Vec<Line>,
    },
}

/// Whoever listens to a running command.
pub(crate) trait Tell: Send + Sync {
    /// Takes what is told.
    fn tell(&self, told: Told);
}

/// Runs a line; `columns` is how wide its tables may be. Everything that it says goes to `tell`, the last of
/// it when it has ended.
pub(crate) async fn run(at: &Place, line: &str, columns: usize, tell: impl Tell) {
    let command = match table::command(line) {
        Ok(command) => beside(command),
        Err(Refused(why)) => return tell.tell(Told::Line(Line::new(Meaning::Bad, why))),
    };
    let (said, mut heard) = mpsc::unbounded_channel();
    let out = Out::told(said, columns);
    let work = async {
        // Boxed: what all commands together hold is more than the caller should carry.
        let ended = Box::pin(commands::run(at, command, &out)).await;
        // The listener ends when nobody can say any more.
        drop(out);
        ended
    };
    let asked = AtomicBool::new(false);
    let under_way = async {
        tokio::time::sleep(AT_ONCE).await;
        // One that asked waits for the person.
        if !asked.load(Ordering::Relaxed) {
            tell.tell(Told::Line(Line::new(Meaning::Busy, format!("{} …", title(line)))));
        }
        std::future::pending::<()>().await;
    };
    let both = async { tokio::join!(work, Heard::listen(&mut heard, &tell, &asked)) };
    let (ended, heard) = tokio::select! {
        done = both => done,
        () = under_way => return,
    };
    tell.tell(heard.outcome(&title(line), ended, columns));
}

/// Takes the result of a goal that was handed over from here and has ended, and says where it is.
pub(crate) async fn collect(at: &Place, goal: &GoalId, tell: impl Tell) {
    let (said, mut heard) = mpsc::unbounded_channel();
    let out = Out::told(said, 0);
    let work = async {
        let ended = Box::pin(commands::collect(at, goal, &out)).await;
        drop(out);
        ended
    };
    let asked = AtomicBool::new(false);
    let (ended, heard) = tokio::join!(work, Heard::listen(&mut heard, &tell, &asked));
    tell.tell(heard.outcome(&format!("result of {goal}"), ended, usize::MAX));
}

/// In the console nothing is followed: the views do that.
fn beside(mut command: Command) -> Command {
    if let Command::Build(build) = &mut command {
        build.options.detach = true;
    }
    if let Command::Setup(setup) = &mut command {
        setup.options.detach = true;
    }
    if let Command::Verify { detach, .. } = &mut command {
        *detach = true;
    }
    command
}

/// The line as a title: its first line, for a goal the command alone.
fn title(line: &str) -> String {
    let line = line.trim();
    if line.starts_with("build") {
        "build".to_owned()
    } else {
        line.lines().next().unwrap_or_default().to_owned()
    }
}

/// What a command said so far.
#[derive(Default)]
struct Heard {
    lines: Vec<Line>,
    goal: Option<GoalId>,
}

impl Heard {
    async fn listen(heard: &mut mpsc::UnboundedReceiver<Said>, tell: &impl Tell, asked: &AtomicBool) -> Self {
        let mut so_far = Self::default();
        while let Some(said) = heard.recv().await {
            match said {
                Said::Data(lines) => so_far.lines.extend(lines),
                Said::Talk(line) => so_far.lines.push(line),
                Said::Goal(goal) => {
                    so_far.goal = Some(goal.clone());
                    tell.tell(Told::Goal(goal));
                }
                Said::Asks(question) => {
                    asked.store(true, Ordering::Relaxed);
                    tell.tell(Told::Asks(question));
                }
            }
        }
        so_far
    }

    /// All of it, once the command has ended: one line where that is enough.
    fn outcome(self, title: &str, ended: Result<u8, Error>, columns: usize) -> Told {
        let mut lines = match self.goal {
            // Its view says the rest; what needs a person is said here.
            Some(goal) => {
                let needs = self.lines.into_iter().filter(|line| line.meaning == Meaning::Attention);
                let mut lines: Vec<Line> = needs.collect();
                if lines.is_empty() {
                    lines.push(Line::new(Meaning::Good, format!("{goal} is handed over")));
                }
                lines
            }
            None => self.lines,
        };
        if let Err(error) = &ended {
            lines.push(Line::new(Meaning::Bad, format!("error: {}", error.sentence())));
            lines.push(Line::new(Meaning::Plain, error.hint()));
        }
        let lines = short(lines, ended.is_err(), columns);
        match <[Line; 1]>::try_from(lines) {
            Ok([line]) => Told::Line(line),
            Err(lines) if lines.is_empty() => Told::Line(Line::new(Meaning::Good, format!("{title}: done"))),
            Err(lines) => Told::Lines { title: title.to_owned(), lines },
        }
    }
}

/// An error and its hint in one line where they fit.
fn short(lines: Vec<Line>, failed: bool, columns: usize) -> Vec<Line> {
    match &lines[..] {
        [error, hint] if failed => {
            let text = format!("{}; {}", error.text, hint.text);
            if crate::text::width(&text) <= columns { vec![Line::new(Meaning::Bad, text)] } else { lines }
        }
        _ => lines,
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::process::{Child, Stdio};
    use std::sync::Mutex;

    use codegod_protocol::client::Client;
    use codegod_protocol::id::{AgentId, Role};
    use codegod_protocol::memory::Memory;

    use super::*;
    use crate::output::Answer;

    /// A Redis of the test's own.
    struct Redis {
        server: Child,
        at: Place,
        _folder: tempfile::TempDir,
    }

    impl Redis {
        async fn start() -> (Self, Client) {
            let folder = tempfile::tempdir().unwrap();
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let mut server = std::process::Command::new("redis-server");
            server.args(["--port", &port.to_string(), "--save", "", "--bind", "127.0.0.1"]);
            let server = server.current_dir(folder.path()).stdout(Stdio::null()).spawn().unwrap();
            let at = Place { url: format!("redis://127.0.0.1:{port}"), prefix: "codegod:".to_owned() };
            let started = Self { server, at, _folder: folder };
            for _ in 0..200 {
                if let Ok(client) = Client::pooled(&started.at.url, "codegod:", "test").await
                    && client.agents().await.is_ok()
                {
                    return (started, client);
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            panic!("Redis did not start");
        }
    }

    impl Drop for Redis {
        fn drop(&mut self) {
            let _gone = self.server.kill();
            let _gone = self.server.wait();
        }
    }

    /// Writes down what is told, and answers questions.
    struct Listener {
        heard: Mutex<Vec<String>>,
        answer: Answer,
    }

    impl Tell for &Listener {
        fn tell(&self, told: Told) {
            let text = match told {
                Told::Line(line) => line.text,
                Told::Goal(goal) => goal.to_string(),
                Told::Asks(question) => {
                    question.answer.send(self.answer).unwrap();
                    question.text
                }
                Told::Lines { title, lines } => {
                    let texts: Vec<String> = lines.into_iter().map(|line| line.text).collect();
                    format!("{title}: {}", texts.join("\n"))
                }
            };
            // That something takes a while depends on the machine.
            if !text.ends_with('…') {
                self.heard.lock().unwrap().push(text);
            }
        }
    }

    /// Runs a line; questions get that answer. Returns what was told, questions as their text.
    async fn told(at: &Place, line: &str, answer: Answer) -> Vec<String> {
        let listener = Listener { heard: Mutex::default(), answer };
        run(at, line, 80, &listener).await;
        listener.heard.into_inner().unwrap()
    }

    #[tokio::test]
    async fn a_wipe_names_what_is_lost_and_happens_only_after_a_yes() {
        let (redis, client) = Redis::start().await;
        let agent = AgentId::random(Role::Backend);
        client.store_memory(&agent, &Memory::default()).await.unwrap();
        let asked = format!(
            "Delete what {agent} knew? It has ended; its memory of 0 completed tasks goes, its core knowledge too."
        );
        let line = format!("wipe {agent}");
        assert_eq!(told(&redis.at, &line, Answer::No).await, [asked.clone(), "nothing was done".into()]);
        assert!(client.memory(&agent).await.is_ok());
        assert_eq!(told(&redis.at, &line, Answer::Yes).await, [asked, format!("wiped: {agent}")]);
        assert!(client.memory(&agent).await.is_err());
    }

    #[tokio::test]
    async fn a_goal_is_handed_over_and_not_followed_and_what_it_needs_is_said() {
        let (redis, client) = Redis::start().await;
        let said = told(&redis.at, "build -- '--help with a page'", Answer::No).await;
        let [goal, needs] = &said[..] else { panic!("{said:?}") };
        assert_eq!(needs, "no agent runs, so the goal waits; start-agents.sh up starts some");
        let view = client.goal_view(&goal.parse().unwrap()).await.unwrap();
        assert_eq!(view.goal.text, "--help with a page");
    }

    #[tokio::test]
    async fn a_redis_that_is_away_is_said_with_what_to_do() {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let at = Place { url: format!("redis://127.0.0.1:{port}"), prefix: "codegod:".to_owned() };
        let said = told(&at, "scale backend 2", Answer::No).await.join("\n");
        assert!(said.contains("start it with start-agents.sh up"), "{said}");
        assert_eq!(told(&at, "overview", Answer::No).await, ["that is a view"]);
    }
}
