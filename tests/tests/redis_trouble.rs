//! Every kind of trouble with Redis, made on real servers: what the caller is told, and that the same
//! client works on afterwards, without a new process.

use std::time::{Duration, Instant};

use codegod_protocol::client::{Access, Client, Trouble};
use codegod_tests::fleet::signal;
use codegod_tests::redis_server::RedisServer;
use codegod_tests::redis_tls::{ClientCertificate, TlsServer};
use codegod_tests::redis_work::{event, hear, trouble, wait_for_info, work, work_again};

type Result<T = (), E = anyhow::Error> = std::result::Result<T, E>;

const PREFIX: &str = "codegod:";

async fn client(redis: &RedisServer) -> Result<Client> {
    Ok(Client::connect(&redis.url(), PREFIX, "test").await?)
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_callers_of_one_client_share_its_new_connection() -> Result {
    let mut redis = RedisServer::start()?;
    let client = client(&redis).await?;
    redis.kill()?;
    let callers: Vec<_> = (0..50)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { work_again(&client, "after", Duration::from_secs(20)).await })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(300)).await;
    redis.restart()?;
    for caller in callers {
        caller.await??;
    }
    let clients: String = redis.command(&["CLIENT", "LIST", "TYPE", "normal"])?;
    // That of the client, and the one that asks.
    assert_eq!(clients.trim().lines().count(), 2, "{clients}");
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
async fn a_blocked_read_that_is_given_up_does_not_hold_up_the_next() -> Result {
    let redis = RedisServer::start()?;
    let client = client(&redis).await?;
    let mut listener = client.listener().await?;
    let mut position = client.last_event().await?;
    let given_up = listener.events(&mut position, 20_000);
    assert!(tokio::time::timeout(Duration::from_millis(200), given_up).await.is_err());
    work(&client, "after").await?;
    let start = Instant::now();
    assert_eq!(hear(&mut listener, &mut position, "after").await?, []);
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
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
    let heard = listener.events(&mut position, 500).await;
    assert!(start.elapsed() < Duration::from_secs(8), "{:?}", start.elapsed());
    let worked = work(&client, "late").await;
    assert!(start.elapsed() < Duration::from_secs(28), "{:?}", start.elapsed());
    signal("CONT", redis.pid())?;
    assert_eq!(heard.err().and_then(|error| error.trouble()), Some(Trouble::NoAnswer));
    assert_eq!(trouble(worked), Some(Trouble::NoAnswer));
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
