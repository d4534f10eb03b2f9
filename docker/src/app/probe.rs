//! Probes: HTTP requests and what must come back.

use std::time::{Duration, Instant};

use codegod_protocol::action::Probe;
use codegod_protocol::evidence::{Evidence, cap_output};

use super::http;

/// How often an app that does not answer yet is asked.
const POLL: Duration = Duration::from_millis(100);

/// Finds the first of several addresses that answers HTTP at all, until `deadline`.
pub(super) async fn first_answering(
    addresses: &[String],
    path: &str,
    deadline: Instant,
) -> Result<String, String> {
    let mut last = "it has no address".to_owned();
    while Instant::now() < deadline {
        for address in addresses {
            match http::request(address, "GET", path, None).await {
                Ok(_) => return Ok(address.clone()),
                Err(error) => last = format!("{address}: {error}"),
            }
        }
        tokio::time::sleep(POLL).await;
    }
    Err(last)
}

/// Sends one probe and says what came back and whether it is what must.
pub(super) async fn send(address: &str, probe: &Probe) -> Evidence {
    let started = Instant::now();
    let answer = http::request(address, &probe.method, &probe.path, probe.body.as_deref()).await;
    let (passed, output) = match answer {
        Err(error) => (false, format!("no answer: {error}")),
        Ok(answer) => judge(probe, answer.status, &answer.body),
    };
    Evidence {
        command: format!("{} {}", probe.method, probe.path),
        exit_code: i64::from(!passed),
        output: cap_output(output.as_bytes()),
        seconds: started.elapsed().as_secs_f64(),
        environment: None,
    }
}

fn judge(probe: &Probe, status: u16, body: &str) -> (bool, String) {
    let mut output = format!("HTTP {status}\n{body}");
    let mut passed = true;
    if status != probe.status {
        passed = false;
        output.push_str(&format!("\n[the status must be {}]", probe.status));
    }
    if let Some(pattern) = &probe.matches {
        let complaint = match regex::Regex::new(pattern) {
            Ok(regex) if regex.is_match(body) => None,
            Ok(_) => Some(format!("[the body must match {pattern}]")),
            Err(error) => Some(format!("[{pattern} is no regular expression: {error}]")),
        };
        if let Some(complaint) = complaint {
            passed = false;
            output.push_str(&format!("\n{complaint}"));
        }
    }
    (passed, output)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_and_body_must_both_be_right() {
        let probe = Probe {
            method: "GET".into(),
            path: "/".into(),
            body: None,
            status: 200,
            matches: Some("ok".into()),
        };
        assert!(judge(&probe, 200, "all ok").0);
        assert!(!judge(&probe, 500, "all ok").0);
        assert!(!judge(&probe, 200, "down").0);
        assert!(!judge(&Probe { matches: Some("(".into()), ..probe }, 200, "(").0);
    }
}
