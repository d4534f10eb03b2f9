//! A redis-server of the test's own: a free port, a folder of its own, an append-only file.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

/// A running redis-server, killed when dropped.
#[derive(Debug)]
pub struct RedisServer {
    folder: tempfile::TempDir,
    port: u16,
    args: Vec<String>,
    child: Child,
}

impl RedisServer {
    /// Starts a server with an append-only file and waits until it answers.
    ///
    /// # Errors
    /// When redis-server is not installed or does not answer within ten seconds.
    pub fn start() -> Result<Self> {
        Self::start_with(&[])
    }

    /// As [`RedisServer::start`], with further arguments of redis-server, which come last and so win.
    ///
    /// # Errors
    /// As [`RedisServer::start`].
    pub fn start_with(args: &[&str]) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let port = free_port()?;
        let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
        let child = spawn(folder.path(), port, &args)?;
        let mut server = Self { folder, port, args, child };
        server.wait_until_ready()?;
        Ok(server)
    }

    /// Its folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Its port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// A connection of the redis crate's own, with a minute for each answer, to set a server up and to
    /// look at what stands in it.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn raw(&self) -> Result<redis::Connection> {
        let connection = redis::Client::open(self.url())?.get_connection()?;
        connection.set_read_timeout(Some(Duration::from_secs(60)))?;
        Ok(connection)
    }

    /// Sends one command, given as words, over a connection of its own.
    ///
    /// # Errors
    /// When Redis refuses it.
    pub fn command<T: redis::FromRedisValue>(&self, words: &[&str]) -> Result<T> {
        let (name, rest) = words.split_first().context("a command has a name")?;
        let mut command = redis::cmd(name);
        for word in rest {
            command.arg(*word);
        }
        command.query(&mut self.raw()?).with_context(|| words.join(" "))
    }

    /// Its URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Kills it (SIGKILL) and starts it again on the same files and port.
    ///
    /// # Errors
    /// When it does not come back.
    pub fn kill_and_restart(&mut self) -> Result<()> {
        self.kill()?;
        self.restart()
    }

    /// Kills it (SIGKILL).
    ///
    /// # Errors
    /// When it can't be killed.
    pub fn kill(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Starts it again, after [`RedisServer::kill`], on the same files and port.
    ///
    /// # Errors
    /// When it does not come back.
    pub fn restart(&mut self) -> Result<()> {
        self.child = spawn(self.folder.path(), self.port, &self.args)?;
        self.wait_until_ready()
    }

    /// As [`RedisServer::restart`], with other arguments than before, and without waiting until it has
    /// read its data.
    ///
    /// # Errors
    /// When it does not take connections within ten seconds.
    pub fn begin_restart(&mut self, args: &[&str]) -> Result<()> {
        self.args = args.iter().map(|arg| (*arg).to_owned()).collect();
        self.child = spawn(self.folder.path(), self.port, &self.args)?;
        self.wait_for(|answer| !answer.is_empty())
    }

    fn wait_until_ready(&mut self) -> Result<()> {
        self.wait_for(|answer| !answer.is_empty() && !answer.starts_with("-LOADING"))
    }

    /// Asks until the answer is as wished. Whoever needs a password is ready as well.
    fn wait_for(&mut self, ready: impl Fn(&str) -> bool) -> Result<()> {
        let deadline = Instant::now() + Duration::from_secs(10);
        while Instant::now() < deadline {
            if ready(&ping(self.port).unwrap_or_default()) {
                return Ok(());
            }
            ensure!(self.child.try_wait()?.is_none(), "redis-server ended at once");
            std::thread::sleep(Duration::from_millis(20));
        }
        anyhow::bail!("redis-server did not answer on port {} within 10 s", self.port)
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        // Already gone is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(folder: &Path, port: u16, args: &[String]) -> Result<Child> {
    Command::new("redis-server")
        .args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--save", "", "--appendonly", "yes"])
        .args(["--dir"])
        .arg(folder)
        .args(args)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .context("starting redis-server (Debian package redis-server)")
}

/// What the server answers to a PING, in its own protocol.
fn ping(port: u16) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(2)))?;
    stream.write_all(b"PING\r\n")?;
    let mut answer = [0; 64];
    let length = stream.read(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer[..length]).into_owned())
}

/// A port of the loopback interface that nobody used a moment ago.
///
/// # Errors
/// When the system has none.
pub fn free_port() -> Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}
