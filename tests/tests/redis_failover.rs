//! A master that changes: by the sentinels, by a Cluster, by a slot that moves. The same client finds the
//! new one and works on.

use std::time::{Duration, Instant};

use codegod_protocol::backoff::Backoff;
use codegod_protocol::client::{Access, Client, PublishOutcome, Trouble};
use codegod_protocol::goal::GoalState;
use codegod_protocol::id::{AgentId, Role};
use codegod_protocol::result::ResultStatus;
use codegod_tests::by_hand;
use codegod_tests::plans;
use codegod_tests::redis_cluster::Cluster;
use codegod_tests::redis_sentinel::{Sentinel, Watched};
use codegod_tests::redis_server::free_port;
use codegod_tests::redis_tls::{ClientCertificate, TlsServer};
use codegod_tests::redis_work::{hear, trouble, wait_for_info, wait_until, work, work_again};

type Result<T = (), E = anyhow::Error> = std::result::Result<T, E>;

const PREFIX: &str = "codegod:";
const TAGGED: &str = "{codegod}:";
const COUNT_EVENTS: &[&str] = &["XLEN", "codegod:events"];

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
    // Replication does not wait: what no replica has yet is lost by a failover.
    wait_until("the replica has the event", || Ok(watched.second.command::<u64>(COUNT_EVENTS)? == 1))?;
    watched.fail_over()?;
    wait_for_info(&watched.second, "replication", "role:master")?;
    wait_for_info(&watched.first, "replication", "role:slave")?;
    work_again(&client, "after", Duration::from_secs(20)).await?;
    hear(&mut listener, &mut position, "after").await?;
    assert_eq!(watched.second.command::<u64>(COUNT_EVENTS)?, 2, "both events stand on the new master");
    Ok(())
}

#[tokio::test]
async fn sentinels_and_master_may_speak_tls_and_want_passwords_of_their_own() -> Result {
    let tls = TlsServer::start("127.0.0.1", ClientCertificate::NotWanted)?;
    tls.server.command::<()>(&["ACL", "SETUSER", "worker", "on", ">of-redis", "~*", "+@all"])?;
    let port = free_port()?;
    let file = |name| tls.file(name).display().to_string();
    let _sentinel = Sentinel::start(&format!(
        "tls-port {port}\ntls-auth-clients no\ntls-replication yes\nrequirepass of-sentinel\n\
         tls-cert-file {}\ntls-key-file {}\ntls-ca-cert-file {}\n\
         sentinel monitor main 127.0.0.1 {} 1\n",
        file("server.pem"),
        file("server.key"),
        file("ca.pem"),
        tls.port(),
    ))?;
    let url = format!("rediss+sentinel://127.0.0.1:{port}/main");
    let access = Access {
        username: Some("worker".to_owned()),
        password: Some("of-redis".to_owned()),
        sentinel_password: Some("of-sentinel".to_owned()),
        ca: Some(tls.file("ca.pem")),
        ..Access::default()
    };
    let mut backoff = Backoff::default();
    let client = loop {
        match Client::connect_with(&url, PREFIX, "test", &access).await {
            Ok(client) => break client,
            // The sentinel starts, and looks for the master.
            Err(error) if backoff.tries() > 12 => return Err(error.into()),
            Err(_) => backoff.wait().await,
        }
    };
    work(&client, "over TLS").await?;
    let clients: String = tls.server.command(&["CLIENT", "LIST", "TYPE", "normal"])?;
    assert!(clients.contains("user=worker"), "{clients}");
    let wrong = Access { sentinel_password: Some("wrong".to_owned()), ..access };
    let refused = Client::connect_with(&url, PREFIX, "test", &wrong).await;
    assert_eq!(trouble(refused), Some(Trouble::NoAuth));
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

#[tokio::test]
async fn a_goal_lives_its_whole_life_on_a_cluster() -> Result {
    let cluster = Cluster::start()?;
    let client = Client::connect(&cluster.nodes[0].url(), TAGGED, "test").await?;
    let agent = AgentId::random(Role::Backend);
    client.scale(Role::Backend, 1).await?;
    let goal = by_hand::running_goal(&client, |goal| {
        vec![
            plans::task(&goal.id, 1, Role::Backend, &[]),
            plans::task(&goal.id, 2, Role::Backend, &[1]),
            plans::task(&goal.id, 3, Role::Backend, &[1, 2]),
        ]
    })
    .await?;
    client.store_bundle(&goal.id, "c0ffee", b"a bundle").await?;
    for _ in 0..3 {
        let claimed = by_hand::must_claim(&client, &agent).await?;
        by_hand::renew(&client, &agent, &claimed).await?;
        let done = plans::result(&claimed, &agent, ResultStatus::Succeeded);
        assert_eq!(client.publish(&done).await?, PublishOutcome::Published);
    }
    assert_eq!(client.goal_view(&goal.id).await?.state, GoalState::Succeeded);
    assert_eq!(client.listener().await?.goals("master", 1000).await?.len(), 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_of_a_cluster_works_from_any_node_and_follows_a_slot_that_moves() -> Result {
    let cluster = Cluster::start()?;
    let owner = cluster.owner_of(TAGGED)?;
    for node in &cluster.nodes {
        work(&Client::connect(&node.url(), TAGGED, "test").await?, "from any node").await?;
    }
    let dead = free_port()?;
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
