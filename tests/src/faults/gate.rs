//! A process's way to Redis, which can be cut as a network is cut: nothing goes through any more, and nobody
//! is told. A closed gate drops no bytes on the floor, it holds them, as TCP sends again what was not
//! acknowledged; and it may come back either with its connections or, as behind a router that forgot them,
//! without.
//!
//! The obvious alternative is a network namespace with packet filters for each process. It takes root and
//! changes the host's network; a proxy takes neither and cuts exactly the connections of one process. What it
//! can't show is a connection attempt that is not answered: here it is accepted and then silent.

use std::net::SocketAddr;

use anyhow::{Context, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

/// How connections come back when a gate opens again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Return {
    /// With everything that was sent meanwhile.
    Whole,
    /// Not at all: both ends are told that they are gone.
    Reset,
}

/// What every connection of a gate looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct State {
    /// How many cuts lie on it.
    cuts: u32,
    /// Connections of an earlier era are to end.
    era: u64,
}

/// A way to a server; ends when dropped.
#[derive(Debug)]
pub struct Gate {
    address: SocketAddr,
    state: watch::Sender<State>,
    accepting: JoinHandle<()>,
}

impl Gate {
    /// Opens a gate before the server on this port of the loopback interface.
    ///
    /// # Errors
    /// When no port is free.
    pub async fn before(port: u16) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.context("a port for a gate")?;
        let address = listener.local_addr()?;
        let (state, seen) = watch::channel(State::default());
        let accepting = tokio::spawn(accept(listener, SocketAddr::from(([127, 0, 0, 1], port)), seen));
        Ok(Self { address, state, accepting })
    }

    /// The URL of the server through the gate.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    /// Cuts it. Cuts add up: it is open again when each was taken back.
    pub fn cut(&self) {
        self.state.send_modify(|state| state.cuts += 1);
    }

    /// Takes a cut back.
    pub fn mend(&self, how: Return) {
        self.state.send_modify(|state| {
            state.cuts = state.cuts.saturating_sub(1);
            state.era += u64::from(how == Return::Reset);
        });
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, server: SocketAddr, state: watch::Receiver<State>) {
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        while connections.try_join_next().is_some() {}
        let state = state.clone();
        connections.spawn(async move {
            let era = state.borrow().era;
            tokio::select! {
                () = connect(client, server, state.clone()) => {}
                () = ended(state.clone(), era) => {}
            }
        });
    }
}

async fn connect(client: TcpStream, server: SocketAddr, state: watch::Receiver<State>) {
    open(&mut state.clone()).await;
    let Ok(server) = TcpStream::connect(server).await else { return };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::select! {
        () = pass(from_client, to_server, state.clone()) => {}
        () = pass(from_server, to_client, state.clone()) => {}
    }
}

/// Passes bytes on while the gate is open, and that there are no more.
async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut state: watch::Receiver<State>) {
    let mut buffer = vec![0; 1 << 16];
    loop {
        let length = from.read(&mut buffer).await.unwrap_or(0);
        open(&mut state).await;
        if length == 0 || to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}

async fn open(state: &mut watch::Receiver<State>) {
    // A gate that is gone ends its connections by itself.
    let _ = state.wait_for(|state| state.cuts == 0).await;
}

/// Waits until connections of that era are to end.
async fn ended(mut state: watch::Receiver<State>, era: u64) {
    let _ = state.wait_for(|state| state.era != era).await;
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    async fn echo() -> u16 {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut from, mut to) = stream.into_split();
                    let _ = tokio::io::copy(&mut from, &mut to).await;
                });
            }
        });
        port
    }

    async fn answer(stream: &mut TcpStream) -> Option<u8> {
        let mut byte = [0];
        let read = tokio::time::timeout(Duration::from_millis(200), stream.read(&mut byte)).await;
        match read {
            Ok(Ok(1)) => Some(byte[0]),
            Ok(_) => Some(0),
            Err(_) => None,
        }
    }

    #[tokio::test]
    async fn a_cut_gate_is_silent_and_a_mended_one_brings_what_was_sent_meanwhile() {
        let gate = Gate::before(echo().await).await.expect("a gate");
        let mut stream = TcpStream::connect(gate.address).await.expect("a connection");
        stream.write_all(b"a").await.expect("written");
        assert_eq!(answer(&mut stream).await, Some(b'a'));
        gate.cut();
        gate.cut();
        stream.write_all(b"b").await.expect("written");
        gate.mend(Return::Whole);
        assert_eq!(answer(&mut stream).await, None, "one of two cuts was taken back");
        gate.mend(Return::Whole);
        assert_eq!(answer(&mut stream).await, Some(b'b'));
    }

    #[tokio::test]
    async fn connections_that_were_forgotten_are_closed_and_new_ones_go_through() {
        let gate = Gate::before(echo().await).await.expect("a gate");
        let mut stream = TcpStream::connect(gate.address).await.expect("a connection");
        stream.write_all(b"a").await.expect("written");
        assert_eq!(answer(&mut stream).await, Some(b'a'));
        gate.cut();
        gate.mend(Return::Reset);
        assert_eq!(answer(&mut stream).await, Some(0), "closed");
        let mut stream = TcpStream::connect(gate.address).await.expect("a connection");
        stream.write_all(b"c").await.expect("written");
        assert_eq!(answer(&mut stream).await, Some(b'c'));
    }
}
