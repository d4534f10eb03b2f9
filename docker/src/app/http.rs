//! One HTTP request to an app under probe, without TLS, redirects or a pool.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::Request;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long one request may take.
const DEADLINE: Duration = Duration::from_secs(20);
/// The largest body that is read.
const MAX_BODY: usize = 4 << 20;

/// What came back.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: String,
}

/// Sends a request; the error says in words why there is no answer.
pub(super) async fn request(
    address: &str,
    method: &str,
    path: &str,
    body: Option<&str>,
) -> Result<Answer, String> {
    timeout(DEADLINE, send(address, method, path, body))
        .await
        .map_err(|_| format!("no answer in {} s", DEADLINE.as_secs()))?
}

async fn send(address: &str, method: &str, path: &str, body: Option<&str>) -> Result<Answer, String> {
    let stream = TcpStream::connect(address).await.map_err(|error| error.to_string())?;
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(|error| error.to_string())?;
    // The connection must be driven while the answer is awaited; it ends with the sender.
    let driver = tokio::spawn(connection);
    let mut request = Request::builder().method(method).uri(path).header("host", address);
    request = request.header("connection", "close").header("accept", "*/*");
    if body.is_some() {
        request = request.header("content-type", "application/json");
    }
    let body = Full::new(Bytes::from(body.unwrap_or_default().to_owned()));
    let request = request.body(body).map_err(|error| error.to_string())?;
    let answered = async {
        let response = sender.send_request(request).await.map_err(|error| error.to_string())?;
        let status = response.status().as_u16();
        let body = Limited::new(response.into_body(), MAX_BODY).collect().await;
        let body = body.map_err(|error| error.to_string())?.to_bytes();
        Ok(Answer { status, body: String::from_utf8_lossy(&body).into_owned() })
    }
    .await;
    driver.abort();
    answered
}
