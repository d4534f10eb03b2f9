//! Apps against the real Docker: a Dockerfile is built, run with limits, probed and removed.

#[path = "support/mod.rs"]
mod support;

use std::collections::BTreeMap;

use bytes::Bytes;
use codegod_docker::app::{BuildSpec, Lifetime, RunSpec, build_image, run_and_probe};
use codegod_docker::budget::{self, Budget, Mode, Removed, Request};
use codegod_docker::reaper::{self, Verdict};
use codegod_docker::{Engine, Labels, Owner, Purpose};
use codegod_protocol::action::Probe;
use tokio_util::sync::CancellationToken;

const DOCKERFILE: &str = "ARG PYTHON=3.11\nFROM python:${PYTHON}-slim\nRUN pip install -q flask\n\
    COPY app.py /app.py\nUSER 1234\nCMD [\"python\", \"/app.py\"]\n";
const APP: &str = "import os\nfrom flask import Flask\napp = Flask(__name__)\n\
    @app.get('/api/health')\ndef health():\n    return {'status': os.environ['WORD'], 'uid': os.getuid()}\n\
    app.run('0.0.0.0', 8000)\n";

fn context(dockerfile: &str) -> Bytes {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, text) in [("Dockerfile", dockerfile), ("app.py", APP)] {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, path, text.as_bytes()).expect("packs");
    }
    Bytes::from(builder.into_inner().expect("packs"))
}

fn build_spec(dockerfile: &str, labels: &Labels) -> BuildSpec {
    BuildSpec {
        context: context(dockerfile),
        dockerfile: "Dockerfile".into(),
        tag: "codegod-test/app:1".into(),
        build_args: BTreeMap::new(),
        labels: labels.clone(),
    }
}

fn probe(path: &str, status: u16, matches: Option<&str>) -> Probe {
    Probe { method: "GET".into(), path: path.into(), body: None, status, matches: matches.map(str::to_owned) }
}

async fn left(engine: &Engine, labels: &Labels) -> reaper::Swept {
    let swept =
        reaper::sweep(engine, |owner| if owner.labels == *labels { Verdict::Remove } else { Verdict::Keep });
    swept.await.expect("sweeps")
}

#[tokio::test]
async fn an_app_is_built_run_probed_and_removed() {
    let (engine, _) = support::workbench().await;
    let labels = support::labels();
    let cancel = CancellationToken::new();
    let built =
        build_image(&engine, &build_spec(DOCKERFILE, &labels), &cancel, |_| {}).await.expect("builds");
    assert_eq!(built.exit_code, 0, "{}", built.text());
    let mut spec = RunSpec {
        image: "codegod-test/app:1".into(),
        port: 8000,
        env: BTreeMap::from([("WORD".to_owned(), "ok".to_owned())]),
        probes: vec![probe("/api/health", 200, Some("\"uid\": ?1234")), probe("/nothing", 404, None)],
        services: Vec::new(),
        publish: None,
        lifetime: Lifetime::UntilProbed,
        labels: labels.clone(),
    };
    let report = run_and_probe(&engine, &spec, &cancel, |_| {}).await.expect("runs");
    assert!(report.passed, "{report:?}");
    assert!(report.address.is_some_and(|address| address.starts_with("127.0.0.1:")));
    assert_eq!(left(&engine, &labels).await, reaper::Swept::default());

    spec.probes.push(probe("/api/health", 201, Some("perfect")));
    let report = run_and_probe(&engine, &spec, &cancel, |_| {}).await.expect("runs");
    assert!(!report.passed);
    let log = report.evidence.last().expect("has a log");
    assert!(log.output.contains("GET /api/health"), "{log:?}");
    assert_eq!(left(&engine, &labels).await, reaper::Swept::default());

    spec.probes.pop();
    spec.lifetime = Lifetime::Kept;
    let report = run_and_probe(&engine, &spec, &cancel, |_| {}).await.expect("runs");
    assert!(report.passed, "{report:?}");
    // The sweeper's judgement of a goal that has ended: what it deployed stays.
    let ended = |owner: &Owner| match (owner.labels.goal == labels.goal, owner.purpose) {
        (true, Some(Purpose::Deployment)) | (false, _) => Verdict::Keep,
        (true, _) => Verdict::Remove,
    };
    let swept = reaper::sweep(&engine, ended).await.expect("sweeps");
    assert_eq!(swept, reaper::Swept::default(), "a deployment outlives its goal");
    // A person ends it as any container; its network goes with the next sweep.
    let label = format!("label=codegod.goal={}", labels.goal.as_ref().expect("has a goal"));
    let listed = std::process::Command::new("docker").args(["ps", "-q", "--filter", &label]).output();
    let id = String::from_utf8(listed.expect("docker runs").stdout).expect("is text");
    let gone = std::process::Command::new("docker").args(["rm", "-f", id.trim()]).output();
    assert!(gone.expect("docker runs").status.success());
    let swept = reaper::sweep(&engine, ended).await.expect("sweeps");
    assert_eq!((swept.networks.len(), swept.failures), (1, Vec::new()));
}

#[tokio::test]
async fn the_steps_of_a_failed_build_are_found_by_the_budget() {
    let (engine, _) = support::workbench().await;
    let word = codegod_protocol::id::GoalId::random();
    let dockerfile =
        format!("FROM python:3.11-slim\nRUN head -c 3000000 /dev/urandom >/{word}\nRUN exit 9\n");
    let mut spec = build_spec(&dockerfile, &support::labels());
    spec.tag = "codegod-test/failing:2".into();
    let output = build_image(&engine, &spec, &CancellationToken::new(), |_| {}).await.expect("answers");
    assert_eq!(output.exit_code, 1, "{}", output.text());
    let text = output.text();
    let mut ids =
        text.lines().filter_map(|line| line.trim().strip_prefix("---> ")).filter(|word| word.len() == 12);
    let step = format!("codegod-app/steps:{}", ids.next_back().expect("has steps"));
    let budget = Budget { images: 0, caches: u64::MAX };
    let request = Request {
        grace: std::time::Duration::ZERO,
        only: Some(step.clone()),
        ..Request::within(budget, Mode::Remove)
    };
    let collected = budget::collect(&engine, &request).await.expect("collects");
    assert_eq!(collected.images, [Removed { name: step, bytes: 3_000_000 }]);
    let again = budget::collect(&engine, &request).await.expect("collects");
    assert_eq!(again.images, []);
}

#[tokio::test]
async fn a_dockerfile_that_fails_is_an_output() {
    let (engine, _) = support::workbench().await;
    let dockerfile = "FROM python:3.11-slim\nRUN echo so far && exit 9\n";
    let mut spec = build_spec(dockerfile, &support::labels());
    spec.tag = "codegod-test/failing:1".into();
    let output = build_image(&engine, &spec, &CancellationToken::new(), |_| {}).await.expect("answers");
    assert_eq!(output.exit_code, 1);
    assert!(output.text().contains("so far") && output.text().contains("9"), "{}", output.text());
}

#[tokio::test]
async fn a_build_that_lost_the_network_is_tried_once_more() {
    let (engine, _) = support::workbench().await;
    let dockerfile = "FROM python:3.11-slim\nRUN echo 'npm error code ECONNRESET' && exit 3\n";
    let spec = build_spec(dockerfile, &support::labels());
    let built = build_image(&engine, &spec, &CancellationToken::new(), |_| {}).await.expect("ends");
    let text = built.text();
    assert_eq!(built.exit_code, 1, "{text}");
    assert_eq!(text.matches("npm error code ECONNRESET\n").count(), 2, "{text}");
    assert_eq!(text.matches("[ECONNRESET: the network was lost").count(), 1, "{text}");
}
