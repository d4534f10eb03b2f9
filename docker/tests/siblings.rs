//! Services beside a sandbox against the real Docker: they are found at localhost, and go with it.

#[path = "support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::time::Duration;

use codegod_docker::{CommandSpec, Network, Sandbox, Siblings};
use codegod_protocol::action::Service;
use tokio_util::sync::CancellationToken;

fn service(name: &str, image: &str, env: &[(&str, &str)], ready: &str) -> Service {
    let env: BTreeMap<String, String> =
        env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Service { name: name.to_owned(), image: image.to_owned(), env, ready: ready.to_owned() }
}

/// Connects to a port of localhost in the sandbox, says something, and gives the first bytes of the answer.
fn ask(port: u16, say: &str) -> CommandSpec {
    let script = format!(
        "python3 -c \"import socket; s = socket.create_connection(('localhost', {port}), 5); s.sendall({say}); print(s.recv(64))\""
    );
    CommandSpec::new(script, Duration::from_secs(20))
}

#[tokio::test]
async fn tests_find_their_servers_at_localhost_and_nothing_is_left_of_them() {
    let (engine, image) = support::workbench().await;
    let labels = support::labels();
    let sandbox = Sandbox::start(&engine, &image, &labels, Network::Bridge).await.expect("starts");
    let services = [
        service("redis", "redis:7", &[], "redis-cli ping | grep PONG"),
        service(
            "postgres",
            "postgres:15",
            &[("POSTGRES_HOST_AUTH_METHOD", "trust"), ("POSTGRES_USER", "app"), ("POSTGRES_DB", "app")],
            "pg_isready --host localhost --username app",
        ),
        service(
            "mysql",
            "mariadb:10.11",
            &[("MARIADB_ALLOW_EMPTY_ROOT_PASSWORD", "yes"), ("MARIADB_DATABASE", "app")],
            "mariadb --host 127.0.0.1 --user root --execute 'use app'",
        ),
    ];
    let mut progress = |line: &str| eprintln!("{line}");
    let (siblings, evidence) =
        Siblings::start(&sandbox, &services, &labels, &mut progress).await.expect("they start");
    assert!(evidence.iter().all(|answer| answer.succeeded()), "{evidence:#?}");
    for (port, say, answer) in [
        (6379, r"b'PING\\r\\n'", "+PONG"),
        // An SSL request: the server says N.
        (5432, r"bytes([0,0,0,8,4,210,22,47])", "b'N'"),
        (3306, "b''", "MariaDB"),
    ] {
        let said = sandbox.run(&ask(port, say), &CancellationToken::new(), |_| {}).await.expect("runs");
        assert!(said.text().contains(answer), "{port}: {}", said.text());
    }
    drop(siblings);
    sandbox.discard();
    engine.settled().await;
    let goal = labels.goal.expect("a goal").to_string();
    let left = std::process::Command::new("docker")
        .args(["ps", "--all", "--quiet", "--filter", &format!("label=codegod.goal={goal}")])
        .output()
        .expect("docker runs");
    assert_eq!(String::from_utf8_lossy(&left.stdout), "");
}

#[tokio::test]
async fn a_server_that_does_not_start_says_so_in_its_evidence() {
    let (engine, image) = support::workbench().await;
    let labels = support::labels();
    let sandbox = Sandbox::start(&engine, &image, &labels, Network::None).await.expect("starts");
    // Its process 1 ends at once.
    let broken = service("broken", "debian:bookworm-slim", &[], "true");
    let (siblings, evidence) =
        Siblings::start(&sandbox, &[broken], &labels, &mut |_| {}).await.expect("it is tried");
    assert!(!evidence[0].succeeded(), "{evidence:#?}");
    drop(siblings);
    sandbox.remove().await.expect("is removed");
}
