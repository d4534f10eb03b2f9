//! A way to a server that a test can break: a TCP proxy on loopback. Cut, it closes every connection and
//! takes no other; told to lose a reply, it closes the connection on which that would have come.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use anyhow::{Context, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// A proxy before a server; ends when dropped.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    open: watch::Sender<bool>,
    lost: Lost,
    accepting: JoinHandle<()>,
}

/// The bytes whose reply is lost, once.
type Lost = Arc<Mutex<Option<Vec<u8>>>>;

impl Proxy {
    /// Starts a proxy before the server at `redis://host:port`.
    ///
    /// # Errors
    /// When the URL names no address, or no port is free.
    pub async fn before(url: &str) -> Result<Self> {
        let server: SocketAddr =
            url.trim_start_matches("redis://").parse().with_context(|| format!("an address in {url}"))?;
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let (open, opened) = watch::channel(true);
        let lost = Lost::default();
        let accepting = tokio::spawn(accept(listener, server, opened, Arc::clone(&lost)));
        Ok(Self { address, open, lost, accepting })
    }

    /// Its own URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    /// Closes every connection, and each new one at once, until [`Proxy::mend`].
    pub fn cut(&self) {
        self.open.send_replace(false);
    }

    /// Lets connections through again.
    pub fn mend(&self) {
        self.open.send_replace(true);
    }

    /// Loses the next reply that holds `text`: the server has done what it was asked, and who asked hears
    /// nothing but that its connection is closed.
    pub fn lose_reply_with(&self, text: &str) {
        if let Ok(mut lost) = self.lost.lock() {
            *lost = Some(text.as_bytes().to_vec());
        }
    }

    /// Whether the reply has been lost.
    #[must_use]
    pub fn has_lost_it(&self) -> bool {
        self.lost.lock().is_ok_and(|lost| lost.is_none())
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.cut();
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, server: SocketAddr, open: watch::Receiver<bool>, lost: Lost) {
    while let Ok((client, _)) = listener.accept().await {
        let (mut open, lost) = (open.clone(), Arc::clone(&lost));
        tokio::spawn(async move {
            if !*open.borrow_and_update() {
                return;
            }
            let Ok(server) = TcpStream::connect(server).await else { return };
            // As Redis and its clients do: a small answer must not wait for the next one.
            let _ = (client.set_nodelay(true), server.set_nodelay(true));
            let (from_client, to_client) = client.into_split();
            let (from_server, to_server) = server.into_split();
            tokio::select! {
                _ = open.wait_for(|open| !open) => {}
                () = forward(from_client, to_server) => {}
                () = reply(from_server, to_client, &lost) => {}
            }
        });
    }
}

async fn forward(mut from: OwnedReadHalf, mut to: OwnedWriteHalf) {
    // Either side closing ends the connection.
    let _ = copy(&mut from, &mut to).await;
}

async fn reply(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, lost: &Lost) {
    let mut buffer = vec![0; 1 << 16];
    let mut seen: Vec<u8> = Vec::new();
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        seen.extend_from_slice(&buffer[..length]);
        if is_lost(&seen, lost) || to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
        // What is looked for may come in two pieces.
        seen.drain(..seen.len().saturating_sub(256));
    }
}

fn is_lost(seen: &[u8], lost: &Lost) -> bool {
    let Ok(mut lost) = lost.lock() else { return false };
    let found = lost.as_ref().is_some_and(|text| seen.windows(text.len()).any(|part| part == text));
    if found {
        *lost = None;
    }
    found
}
