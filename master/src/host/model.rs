//! The model server: what vLLM tells of itself at `/metrics`, in Prometheus' text format.

use codegod_protocol::host::ModelStatus;
use hyper::Uri;
use tokio::time::Instant;

use super::http;

/// The names of vLLM's figures. The share of the cache that is used had another name in older versions.
const RUNNING: &str = "vllm:num_requests_running";
const WAITING: &str = "vllm:num_requests_waiting";
const TOKENS: &str = "vllm:generation_tokens_total";
const CACHE: [&str; 2] = ["vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc"];

/// A model server.
pub(super) struct Model {
    /// Where it is, without secrets.
    shown: String,
    /// Host and port; or why it can't be asked.
    address: Result<String, String>,
    /// How many tokens it had made, and when.
    tokens: Option<(f64, Instant)>,
}

impl Model {
    pub(super) fn at(url: &str) -> Self {
        let (shown, address) = match url.parse::<Uri>() {
            Ok(uri) => (shown(&uri), address(&uri)),
            Err(_) => (String::new(), Err("VLLM_API_URL is not a URL".to_owned())),
        };
        Self { shown, address, tokens: None }
    }

    /// Asks it for its figures.
    pub(super) async fn ask(&mut self) -> ModelStatus {
        let page = match &self.address {
            Ok(address) => http::get(address, "/metrics").await,
            Err(why) => Err(why.clone()),
        };
        let (url, now) = (self.shown.clone(), Instant::now());
        match page {
            Ok(page) => self.read(&page, now),
            Err(why) => {
                self.tokens = None;
                ModelStatus { url, trouble: Some(why), ..ModelStatus::default() }
            }
        }
    }

    fn read(&mut self, page: &str, now: Instant) -> ModelStatus {
        let url = self.shown.clone();
        let figures: Vec<Figure<'_>> = page.lines().filter_map(figure).collect();
        let sum = |name: &str| {
            let mut found = figures.iter().filter(|figure| figure.name == name).map(|figure| figure.value);
            found.next().map(|first| first + found.sum::<f64>())
        };
        if sum(RUNNING).is_none() {
            let trouble = Some("it tells no figures of vLLM's".to_owned());
            return ModelStatus { url, trouble, ..ModelStatus::default() };
        }
        let made = sum(TOKENS);
        let before = std::mem::replace(&mut self.tokens, made.map(|made| (made, now)));
        let rate = made.zip(before).and_then(|(made, (before, then))| {
            let seconds = now.saturating_duration_since(then).as_secs_f64();
            // Fewer than before: it was started again.
            (seconds > 0.0 && made >= before).then(|| (made - before) / seconds)
        });
        let cache = figures.iter().filter(|figure| CACHE.contains(&figure.name)).map(|figure| figure.value);
        ModelStatus {
            url,
            trouble: None,
            name: figures.iter().find_map(|figure| label(figure.labels, "model_name")),
            running: sum(RUNNING).and_then(whole),
            waiting: sum(WAITING).and_then(whole),
            tokens_per_second: rate,
            cache_percent: cache
                .fold(None, |most: Option<f64>, one| Some(most.map_or(one, |most| most.max(one))))
                .map(|share| share * 100.0),
        }
    }
}

/// A URL without user, password and query, which may be secrets.
fn shown(uri: &Uri) -> String {
    let host = uri.authority().map_or("", |authority| authority.as_str());
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    format!("{}://{host}{}", uri.scheme_str().unwrap_or("http"), uri.path().trim_end_matches('/'))
}

/// Host and port to connect to.
fn address(uri: &Uri) -> Result<String, String> {
    match (uri.scheme_str(), uri.host()) {
        (Some("http"), Some(host)) => Ok(format!("{host}:{}", uri.port_u16().unwrap_or(80))),
        (Some("https"), Some(_)) => Err("its figures are read over http only".to_owned()),
        _ => Err("VLLM_API_URL is not an http URL".to_owned()),
    }
}

/// One line of Prometheus' format: `name{label="value"} 1.5`.
struct Figure<'a> {
    name: &'a str,
    labels: &'a str,
    value: f64,
}

fn figure(line: &str) -> Option<Figure<'_>> {
    let line = line.trim();
    if line.starts_with('#') {
        return None;
    }
    let (series, value) = match line.rfind('}') {
        Some(end) => (line.get(..end)?, line.get(end + 1..)?),
        None => line.split_once(char::is_whitespace)?,
    };
    let (name, labels) = series.split_once('{').unwrap_or((series, ""));
    // A time may follow the value.
    let value: f64 = value.split_whitespace().next()?.parse().ok()?;
    value.is_finite().then_some(Figure { name: name.trim(), labels, value })
}

fn label(labels: &str, name: &str) -> Option<String> {
    let start = labels.find(&format!("{name}=\""))? + name.len() + 2;
    let rest = labels.get(start..)?;
    Some(rest.get(..rest.find('"')?)?.to_owned())
}

fn whole(value: f64) -> Option<u64> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "looked at before")]
    (0.0..1e15).contains(&value).then_some(value as u64)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    const PAGE: &str = "# HELP vllm:num_requests_running Number of requests\n\
        # TYPE vllm:num_requests_running gauge\n\
        vllm:num_requests_running{engine=\"0\",model_name=\"Qwen/Qwen3-32B\"} 3.0\n\
        vllm:num_requests_running{engine=\"1\",model_name=\"Qwen/Qwen3-32B\"} 1.0\n\
        vllm:num_requests_waiting{engine=\"0\",model_name=\"Qwen/Qwen3-32B\"} 7.0\n\
        vllm:kv_cache_usage_perc{engine=\"0\",model_name=\"Qwen/Qwen3-32B\"} 0.25\n\
        vllm:generation_tokens_total{engine=\"0\",model_name=\"Qwen/Qwen3-32B\"} 1000.0\n\
        python_info{version=\"3.12\"} NaN\nnonsense\n";

    #[test]
    fn figures_of_all_engines_are_added_up_and_tokens_become_a_rate() {
        let (mut model, start) = (Model::at("http://gpu:8000/v1/"), Instant::now());
        let first = model.read(PAGE, start);
        let expected = ModelStatus {
            url: "http://gpu:8000/v1".to_owned(),
            name: Some("Qwen/Qwen3-32B".to_owned()),
            running: Some(4),
            waiting: Some(7),
            cache_percent: Some(25.0),
            ..ModelStatus::default()
        };
        assert_eq!(first, expected);
        let later = PAGE.replace("1000.0", "1500.0");
        let second = model.read(&later, start + Duration::from_secs(4));
        assert_eq!(second.tokens_per_second, Some(125.0));
        // Started again, it counts from nothing.
        assert_eq!(model.read(PAGE, start + Duration::from_secs(8)).tokens_per_second, None);
    }

    #[test]
    fn secrets_in_the_url_are_not_told() {
        let model = Model::at("http://me:s3cret@gpu:8000/v1?api_key=s3cret");
        assert_eq!((model.shown.as_str(), model.address), ("http://gpu:8000/v1", Ok("gpu:8000".to_owned())));
        assert!(Model::at("https://gpu/v1").address.is_err());
        assert!(Model::at("gpu").address.is_err());
    }

    async fn answer_with(head: &'static str, body: &'static str) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 4096];
            let read = stream.read(&mut request).await.unwrap();
            assert!(request[..read].starts_with(b"GET /metrics HTTP/1.1\r\n"));
            let answer = format!("{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
            stream.write_all(answer.as_bytes()).await.unwrap();
        });
        format!("http://{address}/v1")
    }

    #[tokio::test]
    async fn a_server_is_asked_at_its_root_and_what_is_wrong_is_said() {
        let told = Model::at(&answer_with("HTTP/1.1 200 OK", PAGE).await).ask().await;
        assert_eq!((told.running, told.trouble), (Some(4), None));
        let told = Model::at(&answer_with("HTTP/1.1 404 Not Found", "").await).ask().await;
        assert_eq!(told.trouble.as_deref(), Some("it answers /metrics with 404 Not Found"));
        let told = Model::at(&answer_with("HTTP/1.1 200 OK", "up 1\n").await).ask().await;
        assert_eq!(told.trouble.as_deref(), Some("it tells no figures of vLLM's"));
        let told = Model::at("http://127.0.0.1:1/v1").ask().await;
        assert!(told.trouble.is_some_and(|why| why.contains("refused")), "nobody listens there");
    }
}
