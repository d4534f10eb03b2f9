//! What a task changed, from the bundles in Redis.

use codegod_protocol::client::Client;
use codegod_protocol::id::{AgentId, GoalId, Role};
use codegod_source::{Limits, Repository, capture_folder};

use super::world::{World, claim, plan, result, submit, task};
use crate::console::feed::diff::load_diff;

/// Commits a folder with one file and stores it with a goal, as an agent does.
async fn store(client: &Client, goal: &GoalId, repository: &Repository, text: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("app.py"), text).unwrap();
    let commit = capture_folder(folder.path(), repository, Limits::default()).await.unwrap().commit;
    let bundle = repository.export_bundle(&commit, &[], 1 << 20).await.unwrap().unwrap();
    client.store_bundle(goal, &commit, &bundle).await.unwrap();
    commit
}

async fn publish(world: &World, commit: &str) {
    let id = AgentId::random(Role::Backend);
    let (worker, claimed) = claim(world, &id).await;
    let mut done = result(&claimed, &id, "succeeded");
    done.outputs.as_mut().unwrap().commit = commit.to_owned();
    worker.publish(&done).await.unwrap();
}

#[tokio::test]
async fn a_tasks_commit_is_told_against_what_it_started_from() {
    let world = World::lit().await;
    let client = world.client("test").await;
    let goal = submit(&client, "Build it").await;
    let tasks = [(1, vec![]), (2, vec![1]), (3, vec![2])]
        .map(|(number, needs)| task(&goal, number, Role::Backend, &needs));
    plan(&client, &goal, &tasks).await;
    let git = tempfile::tempdir().unwrap();
    let repository = Repository::open_or_init(git.path()).await.unwrap();
    let first = store(&client, &goal, &repository, "one\n").await;
    publish(&world, &first).await;
    publish(&world, &store(&client, &goal, &repository, "two\n").await).await;

    let place = world.place();
    let whole = load_diff(&place, &goal.task(1)).await.unwrap();
    assert!(whole.text.contains("new file mode") && whole.text.contains("\n+one\n"), "{whole:?}");
    let second = load_diff(&place, &goal.task(2)).await.unwrap();
    assert!(second.text.contains("\n-one\n+two\n") && second.note.is_none(), "{second:?}");
    let none = load_diff(&place, &goal.task(3)).await.unwrap_err();
    assert!(none.contains(&format!("commit of {goal}.3 yet")), "{none}");

    // A task that only looked publishes what it started from.
    publish(&world, &second.commit).await;
    let same = load_diff(&place, &goal.task(3)).await.unwrap();
    assert_eq!((same.text.as_str(), same.note.as_deref()), ("", Some("it changed no files")));
}

#[tokio::test]
async fn a_diff_that_is_too_long_names_the_files() {
    let world = World::lit().await;
    let client = world.client("test").await;
    let goal = submit(&client, "Build it").await;
    plan(&client, &goal, &[task(&goal, 1, Role::Backend, &[])]).await;
    let git = tempfile::tempdir().unwrap();
    let repository = Repository::open_or_init(git.path()).await.unwrap();
    let long = "0123456789abcdef\n".repeat(200_000);
    publish(&world, &store(&client, &goal, &repository, &long).await).await;
    let diff = load_diff(&world.place(), &goal.task(1)).await.unwrap();
    assert_eq!(diff.text, "");
    assert_eq!(diff.note.as_deref(), Some("the diff is longer than 2 MiB; it changes app.py"));
}
