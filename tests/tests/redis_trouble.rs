//! Every kind of trouble with Redis, made on real servers: what the caller is told, and that the same
//! client works on afterwards, without a new process.

use std::time::{Duration, Instant};

use codegod_protocol::backoff::Backoff;
use codegod_protocol::client::{Access, Client, Error, Listener, Trouble};
use codegod_protocol::event::Event;
use codegod_tests::fleet::signal;
use codegod_tests::redis_cluster::Cluster;
use codegod_tests::redis_sentinel::Watched;
use codegod_tests::redis_server::RedisServer;
use codegod_tests::redis_tls::{ClientCertificate, TlsServer};

type Result<T = (), E = anyhow::Error> = std::result::Result<T, E>;

const PREFIX: &str = "codegod:";
const TAGGED: &str = "{codegod}:";

async fn client(redis: &RedisServer) -> Result<Client> {
    Ok(Client::connect(&redis.url(), PREFIX, "test").await?)
}

fn event(kind: &str) -> Event {
    Event {
        kind: kind.to_owned(),
        who: "test".to_owned(),
        goal: None,
        task: None,
        attempt: None,
        data: serde_json::Value::Null,
    }
}

/// A command and a script that writes.
async fn work(client: &Client, kind: &str) -> Result<(), Error> {
    client.append_event(&event(kind)).await?;
    client.lease_host("a-host", 60).await.map(|_| ())
}

/// Works until it succeeds, as a loop of a worker does, and returns the troubles on the way.
async fn work_again(client: &Client, kind: &str, within: Duration) -> Result<Vec<Trouble>> {
    let (start, mut backoff, mut troubles) = (Instant::now(), Backoff::default(), Vec::new());
    loop {
        match work(client, kind).await {
            Ok(()) => return Ok(troubles),
            Err(error) => {
                let trouble = error.trouble().ok_or_else(|| anyhow::anyhow!("not Redis: {error:?}"))?;
                anyhow::ensure!(trouble.is_passing(), "{trouble:?}: {error:?}");
                anyhow::ensure!(start.elapsed() < within, "{troubles:?} for {within:?}; {error:?}");
                troubles.push(trouble);
            }
        }
        backoff.wait().await;
    }
}

/// Reads events until one of that kind comes, as a loop of the console does.
async fn hear(listener: &mut Listener, position: &mut String, kind: &str) -> Result<Vec<Trouble>> {
    let (start, mut backoff, mut troubles) = (Instant::now(), Backoff::default(), Vec::new());
    while start.elapsed() < Duration::from_secs(30) {
        match listener.events(position, 300).await {
            Ok(events) if events.iter().any(|event| event.kind == kind) => return Ok(troubles),
            Ok(_) => backoff.reset(),
            Err(error) => {
                troubles.push(error.trouble().ok_or_else(|| anyhow::anyhow!("not Redis: {error:?}"))?);
                backoff.wait().await;
            }
        }
    }
    anyhow::bail!("no event {kind} within 30 s; {troubles:?}")
}

fn trouble(result: Result<(), Error>) -> Option<Trouble> {
    result.err().and_then(|error| error.trouble())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_lives_through_a_killed_and_restarted_server() -> Result {
    let mut redis = RedisServer::start()?;
    let client = client(&redis).await?;
    let occasional = Client::pooled(&redis.url(), PREFIX, "test").await?;
    let mut listener = client.listener().await?;
    let mut position = client.last_event().await?;
    work(&client, "before").await?;
    hear(&mut listener, &mut position, "before").await?;
    redis.kill()?;
    let told = [trouble(work(&client, "lost").await), trouble(work(&client, "lost").await)];
    assert_eq!(told[1], Some(Trouble::Unreachable), "{told:?}");
    assert_eq!(trouble(work(&occasional, "lost").await), Some(Trouble::Unreachable));
    let heard = listener.events(&mut position, 300).await.err().and_then(|error| error.trouble());
    assert!(matches!(heard, Some(Trouble::ConnectionLost | Trouble::Unreachable)), "{heard:?}");
    redis.restart()?;
    work_again(&client, "after", Duration::from_secs(5)).await?;
    work_again(&occasional, "after, by the pool", Duration::from_secs(5)).await?;
    hear(&mut listener, &mut position, "after, by the pool").await?;
    Ok(())
}

#[tokio::test]
async fn a_blocked_read_ends_when_the_server_is_killed() -> Result {
    let mut redis = RedisServer::start()?;
    let client = client(&redis).await?;
    let mut listener = client.listener().await?;
    let mut position = client.last_event().await?;
    let start = Instant::now();
    let (heard, killed) = tokio::join!(listener.events(&mut position, 20_000), async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        redis.kill()
    });
    killed?;
    assert_eq!(heard.err().and_then(|error| error.trouble()), Some(Trouble::ConnectionLost));
    assert!(start.elapsed() < Duration::from_secs(2));
    Ok(())
}

#[tokio::test]
async fn killed_connections_and_flushed_scripts_cost_one_call_at_most() -> Result {
    let redis = RedisServer::start()?;
    let client = client(&redis).await?;
    work(&client, "before").await?;
    redis.command::<()>(&["SCRIPT", "FLUSH"])?;
    work(&client, "scripts are loaded again").await?;
    for _ in 0..5 {
        redis.command::<u64>(&["CLIENT", "KILL", "TYPE", "normal"])?;
        let told = trouble(work(&client, "perhaps lost").await);
        assert!(matches!(told, None | Some(Trouble::ConnectionLost)), "{told:?}");
        work(&client, "after").await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stops_for_a_while_is_waited_for() -> Result {
    let redis = RedisServer::start()?;
    let client = client(&redis).await?;
    signal("STOP", redis.pid())?;
    let (worked, continued) = tokio::join!(work(&client, "late"), async {
        tokio::time::sleep(Duration::from_secs(3)).await;
        signal("CONT", redis.pid())
    });
    continued?;
    worked?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stays_stopped_is_given_up_in_bounded_time() -> Result {
    let redis = RedisServer::start()?;
    let client = client(&redis).await?;
    let mut listener = client.listener().await?;
    let mut position = client.last_event().await?;
    signal("STOP", redis.pid())?;
    let start = Instant::now();
    let (heard, worked) = tokio::join!(listener.events(&mut position, 500), work(&client, "late"));
    let took = start.elapsed();
    signal("CONT", redis.pid())?;
    assert_eq!(heard.err().and_then(|error| error.trouble()), Some(Trouble::NoAnswer));
    assert_eq!(trouble(worked), Some(Trouble::NoAnswer));
    assert!(took < Duration::from_secs(13), "{took:?}");
    work_again(&client, "after", Duration::from_secs(5)).await?;
    hear(&mut listener, &mut position, "after").await?;
    Ok(())
}

#[tokio::test]
async fn a_server_without_memory_says_so_until_it_has_some() -> Result {
    let redis = RedisServer::start()?;
    let client = client(&redis).await?;
    redis.command::<()>(&["CONFIG", "SET", "maxmemory", "100kb"])?;
    assert_eq!(trouble(client.append_event(&event("lost")).await), Some(Trouble::OutOfMemory));
    let script = client.lease_host("a-host", 60).await.map(|_| ());
    assert_eq!(trouble(script), Some(Trouble::OutOfMemory));
    redis.command::<()>(&["CONFIG", "SET", "maxmemory", "0"])?;
    work(&client, "after").await?;
    Ok(())
}

#[tokio::test]
async fn a_master_that_lacks_its_replicas_is_told_apart() -> Result {
    let redis = RedisServer::start()?;
    let client = client(&redis).await?;
    redis.command::<()>(&["CONFIG", "SET", "min-replicas-to-write", "1"])?;
    assert_eq!(trouble(client.append_event(&event("lost")).await), Some(Trouble::NoReplicas));
    let script = client.lease_host("a-host", 60).await.map(|_| ());
    assert_eq!(trouble(script), Some(Trouble::NoReplicas));
    redis.command::<()>(&["CONFIG", "SET", "min-replicas-to-write", "0"])?;
    work(&client, "after").await?;
    Ok(())
}

#[tokio::test]
async fn a_full_disk_of_the_server_is_told_apart() -> Result {
    let redis = RedisServer::start_with(&["--appendonly", "no", "--save", "3600 1000000"])?;
    let client = client(&redis).await?;
    work(&client, "before").await?;
    // A folder in the place of the file is a disk that can't be written.
    let in_the_way = redis.folder().join("dump.rdb");
    std::fs::create_dir(&in_the_way)?;
    redis.command::<()>(&["BGSAVE"])?;
    wait_for_info(&redis, "persistence", "rdb_last_bgsave_status:err")?;
    assert_eq!(trouble(client.append_event(&event("lost")).await), Some(Trouble::DiskFull));
    let script = client.lease_host("a-host", 60).await.map(|_| ());
    assert_eq!(trouble(script), Some(Trouble::DiskFull));
    std::fs::remove_dir(&in_the_way)?;
    redis.command::<()>(&["BGSAVE"])?;
    wait_for_info(&redis, "persistence", "rdb_last_bgsave_status:ok")?;
    work(&client, "after").await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_script_of_somebody_else_makes_the_server_busy() -> Result {
    let redis = RedisServer::start_with(&["--busy-reply-threshold", "100"])?;
    let client = client(&redis).await?;
    let mut other = redis.raw()?;
    let endless = std::thread::spawn(move || {
        redis::cmd("EVAL").arg("while true do end").arg(0).query::<()>(&mut other).is_err()
    });
    let told = loop {
        match trouble(work(&client, "early or lost").await) {
            None => tokio::time::sleep(Duration::from_millis(20)).await,
            Some(told) => break told,
        }
    };
    assert_eq!(told, Trouble::Busy);
    redis.command::<()>(&["SCRIPT", "KILL"])?;
    assert!(endless.join().is_ok_and(|ended| ended), "the endless script was not ended");
    work_again(&client, "after", Duration::from_secs(5)).await?;
    Ok(())
}

#[tokio::test]
async fn a_server_that_reads_its_data_says_so_until_it_has_read_it() -> Result {
    let mut redis = RedisServer::start_with(&["--appendonly", "no"])?;
    let client = client(&redis).await?;
    let mut fill = redis::pipe();
    for number in 0..2000 {
        fill.cmd("SET").arg(format!("filler:{number}")).arg("x").ignore();
    }
    fill.query::<()>(&mut redis.raw()?)?;
    redis.command::<()>(&["SAVE"])?;
    redis.kill()?;
    // 2000 keys, each taking a millisecond to read.
    let slowly = ["--key-load-delay", "1000", "--loading-process-events-interval-bytes", "1024"];
    redis.begin_restart(&[&["--appendonly", "no"][..], &slowly[..]].concat())?;
    let troubles = work_again(&client, "after", Duration::from_secs(20)).await?;
    assert!(troubles.contains(&Trouble::Loading), "{troubles:?}");
    Ok(())
}

#[tokio::test]
async fn a_master_that_becomes_a_replica_is_told_apart_and_ends_blocked_reads() -> Result {
    let (redis, master) = (RedisServer::start()?, RedisServer::start()?);
    let client = client(&redis).await?;
    let mut listener = client.listener().await?;
    let mut position = client.last_event().await?;
    let (heard, demoted) = tokio::join!(listener.events(&mut position, 20_000), async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        redis.command::<()>(&["REPLICAOF", "127.0.0.1", &master.port().to_string()])
    });
    demoted?;
    assert_eq!(heard.err().and_then(|error| error.trouble()), Some(Trouble::ReadOnly));
    assert_eq!(trouble(client.append_event(&event("lost")).await), Some(Trouble::ReadOnly));
    let script = client.lease_host("a-host", 60).await.map(|_| ());
    assert_eq!(trouble(script), Some(Trouble::ReadOnly));
    redis.command::<()>(&["REPLICAOF", "NO", "ONE"])?;
    work(&client, "after").await?;
    hear(&mut listener, &mut position, "after").await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_of_the_sentinels_follows_the_failover_of_a_killed_master() -> Result {
    let mut watched = Watched::start()?;
    let client = Client::connect(&watched.url(), PREFIX, "test").await?;
    let occasional = Client::pooled(&watched.url(), PREFIX, "test").await?;
    let mut listener = client.listener().await?;
    let mut position = client.last_event().await?;
    work(&client, "before").await?;
    hear(&mut listener, &mut position, "before").await?;
    watched.first.kill()?;
    let start = Instant::now();
    let troubles = work_again(&client, "after", Duration::from_secs(30)).await?;
    assert!(!troubles.is_empty());
    eprintln!("worked on {:?} after the kill; on the way {troubles:?}", start.elapsed());
    work_again(&occasional, "after, by the pool", Duration::from_secs(10)).await?;
    hear(&mut listener, &mut position, "after, by the pool").await?;
    let role: Vec<redis::Value> = watched.second.command(&["ROLE"])?;
    assert_eq!(role.first(), Some(&redis::Value::BulkString(b"master".to_vec())));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_of_the_sentinels_leaves_an_old_master_that_lives_on_as_replica() -> Result {
    let watched = Watched::start()?;
    let client = Client::connect(&watched.url(), PREFIX, "test").await?;
    let mut listener = client.listener().await?;
    let mut position = client.last_event().await?;
    work(&client, "before").await?;
    watched.fail_over()?;
    wait_for_info(&watched.second, "replication", "role:master")?;
    wait_for_info(&watched.first, "replication", "role:slave")?;
    work_again(&client, "after", Duration::from_secs(20)).await?;
    hear(&mut listener, &mut position, "after").await?;
    let events: u64 = watched.second.command(&["XLEN", "codegod:events"])?;
    assert_eq!(events, 2, "both events stand on the new master");
    Ok(())
}

#[tokio::test]
async fn a_cluster_needs_a_hash_tag_in_the_prefix() -> Result {
    let cluster = Cluster::start()?;
    let url = cluster.nodes[0].url();
    let refused = Client::connect(&url, PREFIX, "test").await.err().map(|error| error.to_string());
    let refused = refused.unwrap_or_default();
    assert!(refused.contains("no hash tag") && refused.contains("{codegod}:"), "{refused}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_of_a_cluster_works_from_any_node_and_follows_a_slot_that_moves() -> Result {
    let cluster = Cluster::start()?;
    let owner = cluster.owner_of(TAGGED)?;
    for node in &cluster.nodes {
        work(&Client::connect(&node.url(), TAGGED, "test").await?, "from any node").await?;
    }
    let dead = codegod_tests::redis_server::free_port()?;
    let url = format!("redis://127.0.0.1:{dead},127.0.0.1:{}", cluster.nodes[2].port());
    let client = Client::connect(&url, TAGGED, "test").await?;
    let occasional = Client::pooled(&url, TAGGED, "test").await?;
    let mut listener = client.listener().await?;
    let mut position = client.last_event().await?;
    work(&occasional, "by the pool").await?;
    cluster.move_slot(TAGGED, (owner + 1) % 3)?;
    let told = trouble(work(&client, "lost").await);
    assert_eq!(told, Some(Trouble::ClusterMoving));
    work(&client, "after").await?;
    work_again(&occasional, "after, by the pool", Duration::from_secs(5)).await?;
    hear(&mut listener, &mut position, "after, by the pool").await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_of_a_cluster_follows_the_failover_of_a_killed_node() -> Result {
    let mut cluster = Cluster::start()?;
    let owner = cluster.owner_of(TAGGED)?;
    cluster.add_replica(owner)?;
    let client = Client::connect(&cluster.nodes[owner].url(), TAGGED, "test").await?;
    let mut listener = client.listener().await?;
    let mut position = client.last_event().await?;
    work(&client, "before").await?;
    cluster.nodes[owner].kill()?;
    let start = Instant::now();
    let troubles = work_again(&client, "after", Duration::from_secs(30)).await?;
    eprintln!("worked on {:?} after the kill; on the way {troubles:?}", start.elapsed());
    hear(&mut listener, &mut position, "after").await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_is_reached_over_tls_when_its_authority_is_known() -> Result {
    let tls = TlsServer::start("127.0.0.1", ClientCertificate::NotWanted)?;
    let access = Access { ca: Some(tls.file("ca.pem")), ..Access::default() };
    let client = Client::connect_with(&tls.url(), PREFIX, "test", &access).await?;
    let occasional = Client::pooled_with(&tls.url(), PREFIX, "test", &access).await?;
    let mut listener = client.listener().await?;
    let mut position = client.last_event().await?;
    work(&client, "over TLS").await?;
    work(&occasional, "over TLS, by the pool").await?;
    hear(&mut listener, &mut position, "over TLS, by the pool").await?;
    let unknown = Client::connect_with(&tls.url(), PREFIX, "test", &Access::default()).await;
    assert_eq!(trouble(unknown.map(|_| ())), Some(Trouble::Untrusted));
    Ok(())
}

#[tokio::test]
async fn a_certificate_for_another_name_is_not_accepted() -> Result {
    let tls = TlsServer::start("redis.example", ClientCertificate::NotWanted)?;
    let access = Access { ca: Some(tls.file("ca.pem")), ..Access::default() };
    let refused = Client::connect_with(&tls.url(), PREFIX, "test", &access).await;
    assert_eq!(trouble(refused.map(|_| ())), Some(Trouble::Untrusted));
    Ok(())
}

#[tokio::test]
async fn a_server_that_wants_a_client_certificate_gets_it() -> Result {
    let tls = TlsServer::start("127.0.0.1", ClientCertificate::Wanted)?;
    let ca = Some(tls.file("ca.pem"));
    let without = Access { ca: ca.clone(), ..Access::default() };
    let refused = Client::connect_with(&tls.url(), PREFIX, "test", &without).await;
    assert_eq!(trouble(refused.map(|_| ())), Some(Trouble::Untrusted));
    let with = Access {
        ca,
        certificate: Some(tls.file("client.pem")),
        key: Some(tls.file("client.key")),
        ..Access::default()
    };
    work(&Client::connect_with(&tls.url(), PREFIX, "test", &with).await?, "shown").await?;
    Ok(())
}

/// Waits until a section of INFO says something.
fn wait_for_info(redis: &RedisServer, section: &str, what: &str) -> Result {
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(20) {
        if redis.command::<String>(&["INFO", section]).is_ok_and(|told| told.contains(what)) {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    anyhow::bail!("INFO {section} did not say {what} within 20 s")
}
