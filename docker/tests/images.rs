//! The images that codegod defines itself, built where no registry answers.

#[path = "support/mod.rs"]
mod support;

use std::collections::BTreeMap;

use codegod_docker::app::{Lifetime, RunSpec, run_and_probe};
use codegod_docker::images;
use codegod_protocol::action::{Probe, Service};
use tokio_util::sync::CancellationToken;

#[tokio::test]
async fn every_defined_image_can_be_had() {
    let (engine, _) = support::workbench().await;
    for name in images::defined() {
        let id = images::ensure(&engine, name, &mut |line| eprintln!("{line}")).await.expect(name);
        assert!(id.as_str().starts_with("sha256:"), "{name}: {id}");
    }
}

#[tokio::test]
async fn an_app_reaches_its_database_by_name() {
    let (engine, image) = support::workbench().await;
    images::ensure(&engine, "python:3.11-slim", &mut |_| {}).await.expect("is had");
    drop(image);
    let env = [("POSTGRES_USER", "app"), ("POSTGRES_PASSWORD", "secret"), ("POSTGRES_DB", "shop")];
    let database = Service {
        name: "db".into(),
        image: "postgres:15".into(),
        env: env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        ready: "psql -h db -U app -d shop -c 'select 1'".into(),
    };
    // The ready command asks over the network with the password, as an app would.
    let mut database = database;
    database.ready = format!("PGPASSWORD=secret {}", database.ready);
    let spec = RunSpec {
        image: "postgres:15".into(),
        port: 5432,
        env: BTreeMap::from([("POSTGRES_PASSWORD".to_owned(), "x".to_owned())]),
        probes: vec![Probe {
            method: "GET".into(),
            path: "/".into(),
            body: None,
            status: 200,
            matches: None,
        }],
        services: vec![database],
        publish: None,
        lifetime: Lifetime::UntilProbed,
        labels: support::labels(),
    };
    // A database speaks no HTTP, so the app's own probe fails: what counts is the service's evidence.
    let cancel = CancellationToken::new();
    let report = tokio::time::timeout(
        std::time::Duration::from_secs(240),
        run_and_probe(&engine, &spec, &cancel, |_| {}),
    );
    let report = report.await.expect("in time").expect("runs");
    assert!(report.evidence[0].succeeded(), "{:?}", report.evidence[0]);
}
