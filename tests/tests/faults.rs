//! Whatever is killed, a goal that was accepted ends as it should, and nothing is left behind.

use std::collections::BTreeMap;
use std::time::Duration;

use codegod_protocol::action::Action;
use codegod_protocol::environment::Recipe;
use codegod_protocol::goal::GoalState;
use codegod_protocol::id::{AgentId, GoalId, Role};
use codegod_protocol::task::Task;
use codegod_tests::fleet::{Fleet, is_agent, labelled, signal, told};
use codegod_tests::{handmade, plans};

type Result<T = ()> = anyhow::Result<T>;

const LIMIT: Duration = Duration::from_secs(120);
/// After this long nothing of a dead agent is left.
const REAPED: Duration = Duration::from_secs(60);

/// A task that takes a while and leaves a file.
fn slow(goal: &GoalId, number: u32, role: Role, needs: &[u32], seconds: u32) -> Task {
    let file = format!("{role}-{number}.txt");
    let work = vec![handmade::run(&format!("sleep {seconds} && date >{file}"))];
    handmade::task(goal, number, role, needs, work, &[&format!("test -s {file}")])
}

fn of_agent(agent: &AgentId) -> String {
    format!("codegod.agent={agent}")
}

/// Waits until an agent of the role works on the goal and has a container, and kills its process.
async fn kill_at_work(fleet: &Fleet, goal: &GoalId, role: Role) -> Result<AgentId> {
    let (agent, pid) = fleet.at_work(goal, role).await?;
    let label = of_agent(&agent);
    let busy = async || Ok((!labelled(&label)?.is_empty()).then_some(()));
    fleet.wait_for("a container of the agent", LIMIT, busy).await?;
    signal("KILL", pid)?;
    Ok(agent)
}

/// Waits until nothing of these agents is left in Docker.
async fn reaped(fleet: &Fleet, agents: &[AgentId]) -> Result {
    for agent in agents {
        let label = of_agent(agent);
        let gone = async || Ok(labelled(&label)?.is_empty().then_some(()));
        fleet.wait_for(&format!("{label} is gone"), REAPED, gone).await?;
    }
    Ok(())
}

/// Waits until the test's own connection has noticed that Redis is back.
async fn answers_again(fleet: &Fleet) -> Result {
    let answers = async || Ok(fleet.client.server_version().await.ok());
    fleet.wait_for("Redis answers", LIMIT, answers).await.map(|_| ())
}

/// How often each task was published as succeeded, by its number.
async fn successes(fleet: &Fleet, goal: &GoalId) -> Result<BTreeMap<u32, u32>> {
    let mut times = BTreeMap::new();
    let mut position = "0-0".to_owned();
    let mut listener = fleet.client.listener().await?;
    loop {
        let events = listener.events(&mut position, 200).await?;
        if events.is_empty() {
            return Ok(times);
        }
        for event in events.into_iter().filter(|event| event.kind == "task_succeeded") {
            if let Some(task) = event.task.filter(|task| task.goal() == goal) {
                *times.entry(task.number()).or_default() += 1;
            }
        }
    }
}

fn once_each(tasks: u32) -> BTreeMap<u32, u32> {
    (1..=tasks).map(|number| (number, 1)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_worker_of_any_role_costs_one_attempt() -> Result {
    let fleet = Fleet::one_of_each().await?;
    let goal = plans::goal("four at once");
    let tasks = (1..).zip(Role::ALL).map(|(number, role)| slow(&goal.id, number, role, &[], 8)).collect();
    fleet.start_plan(&goal, &handmade::closed(&goal, tasks)?).await?;
    let mut killed = Vec::new();
    for role in Role::ALL {
        killed.push(kill_at_work(&fleet, &goal.id, role).await?);
    }
    for agent in &killed {
        // Whoever takes over can read what had been started and how far it was.
        let current = fleet.client.memory(agent).await?.current_task.expect("the task it died in");
        assert_eq!((current.task.goal(), current.attempt), (&goal.id, 1));
        let last = current.actions.last().expect("an action was intended");
        assert!(last.outcome.is_none() && !last.expect.is_empty(), "it never ended: {last:?}");
    }
    let view = fleet.ended(&goal.id, LIMIT).await?;
    assert_eq!(view.state, GoalState::Succeeded, "{}\n{}", told(&view), fleet.logs());
    let attempts: Vec<u32> = view.tasks.iter().map(|task| task.attempts).collect();
    assert_eq!(attempts, [2, 2, 2, 2, 1], "{}\n{}", told(&view), fleet.logs());
    assert_eq!(successes(&fleet, &goal.id).await?, once_each(5));

    reaped(&fleet, &killed).await?;
    let whole = async || Ok((fleet.processes().await?.len() == 4).then_some(()));
    fleet.wait_for("the fleet is whole again", LIMIT, whole).await?;
    let agents = fleet.client.agents().await?;
    assert!(agents.iter().all(|agent| !killed.contains(&agent.id)), "{killed:?} are off the list");
    assert_eq!(fleet.stop().await?, Vec::<String>::new(), "nothing is left");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_slept_through_its_lease_throws_its_work_away() -> Result {
    let fleet = Fleet::start(&[(Role::Backend, 2), (Role::Testing, 1)]).await?;
    let goal = plans::goal("a late worker");
    let tasks = vec![slow(&goal.id, 1, Role::Backend, &[], 5)];
    fleet.start_plan(&goal, &handmade::closed(&goal, tasks)?).await?;
    let (late, pid) = fleet.at_work(&goal.id, Role::Backend).await?;
    let label = of_agent(&late);
    let busy = async || Ok((!labelled(&label)?.is_empty()).then_some(()));
    fleet.wait_for("a container of the agent", LIMIT, busy).await?;
    signal("STOP", pid)?;
    let taken = async || {
        let view = fleet.client.goal_view(&goal.id).await?;
        Ok((view.tasks[0].attempts == 2).then_some(view.tasks[0].agent.clone()))
    };
    let taken = fleet.wait_for("another agent takes over", LIMIT, taken).await;
    signal("CONT", pid)?;
    assert_ne!(taken?, Some(late.clone()));
    let view = fleet.ended(&goal.id, LIMIT).await?;
    assert_eq!(view.state, GoalState::Succeeded, "{}\n{}", told(&view), fleet.logs());
    assert_eq!(successes(&fleet, &goal.id).await?, once_each(2));
    assert_ne!(view.tasks[0].result.as_ref().map(|result| &result.agent), Some(&late));
    reaped(&fleet, &[late]).await?;
    assert_eq!(fleet.stop().await?, Vec::<String>::new(), "nothing is left");
    Ok(())
}

/// A task whose environment has to be built: its requirements hold a comment that was never there before.
fn installing(goal: &GoalId) -> Task {
    let requirements = format!("# {goal}\nflask==3.1.2\n");
    let install =
        Action::InstallDependency { requirements: "requirements.txt".into(), imports: vec!["flask".into()] };
    let work = vec![handmade::write("requirements.txt", &requirements), install];
    let mut task = handmade::task(goal, 1, Role::Backend, &[], work, &["python -c 'import flask'"]);
    task.environment = Some("backend".into());
    task.environments.insert("backend".into(), Recipe::from_base("codegod/workbench"));
    task.deadline_seconds = 300;
    task
}

/// Waits until an agent's builder is there.
async fn builds(fleet: &Fleet, agent: &AgentId) -> Result {
    let building = async || {
        let mine = labelled(&of_agent(agent))?;
        let builders = labelled("codegod=builder")?;
        Ok(mine.iter().any(|container| builders.contains(container)).then_some(()))
    };
    fleet.wait_for("a builder of the agent", LIMIT, building).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_killed_while_it_installs_holds_up_nobody() -> Result {
    let fleet = Fleet::start(&[(Role::Backend, 1), (Role::Testing, 1)]).await?;
    let goal = plans::goal("install");
    fleet.start_plan(&goal, &handmade::closed(&goal, vec![installing(&goal.id)])?).await?;
    let (agent, pid) = fleet.at_work(&goal.id, Role::Backend).await?;
    builds(&fleet, &agent).await?;
    signal("KILL", pid)?;

    let view = fleet.ended(&goal.id, LIMIT).await?;
    assert_eq!(view.state, GoalState::Succeeded, "{}\n{}", told(&view), fleet.logs());
    reaped(&fleet, &[agent]).await?;
    assert_eq!(fleet.stop().await?, Vec::<String>::new(), "nothing is left");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_master_is_followed_by_one_that_goes_on_with_its_agents() -> Result {
    let mut fleet = Fleet::start(&[(Role::Backend, 1), (Role::Testing, 1)]).await?;
    let goal = plans::goal("without a master for a while");
    let tasks = vec![slow(&goal.id, 1, Role::Backend, &[], 3), slow(&goal.id, 2, Role::Testing, &[1], 6)];
    fleet.start_plan(&goal, &handmade::closed(&goal, tasks)?).await?;
    fleet.at_work(&goal.id, Role::Backend).await?;
    let before = fleet.processes().await?;
    fleet.kill_master()?;
    // The plan advances without it.
    fleet.at_work(&goal.id, Role::Testing).await?;
    fleet.start_master()?;
    let view = fleet.ended(&goal.id, LIMIT).await?;
    assert_eq!(view.state, GoalState::Succeeded, "{}\n{}", told(&view), fleet.logs());
    assert_eq!(successes(&fleet, &goal.id).await?, once_each(3));
    // Long enough for the new master to take over the host and to have looked at its fleet.
    tokio::time::sleep(Duration::from_secs(8)).await;
    assert_eq!(fleet.processes().await?, before, "the same agents, and no others:\n{}", fleet.logs());

    let orphan = *before.iter().next().expect("an agent");
    signal("KILL", orphan)?;
    let replaced = async || {
        let now = fleet.processes().await?;
        Ok((now.len() == 2 && !now.contains(&orphan)).then_some(()))
    };
    fleet.wait_for("an adopted agent that was killed is replaced", REAPED, replaced).await?;
    assert_eq!(fleet.stop().await?, Vec::<String>::new(), "nothing is left");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fleet_that_is_stopped_in_the_middle_leaves_nothing() -> Result {
    let fleet = Fleet::start(&[(Role::Backend, 1), (Role::Testing, 1)]).await?;
    let goal = plans::goal("to be left unfinished");
    let tasks = vec![slow(&goal.id, 1, Role::Backend, &[], 60), slow(&goal.id, 2, Role::Testing, &[], 60)];
    fleet.start_plan(&goal, &handmade::closed(&goal, tasks)?).await?;
    kill_at_work(&fleet, &goal.id, Role::Backend).await?;
    fleet.at_work(&goal.id, Role::Testing).await?;
    assert_eq!(fleet.stop().await?, Vec::<String>::new(), "nothing is left");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_redis_loses_nothing_that_was_accepted() -> Result {
    let mut fleet = Fleet::start(&[(Role::Backend, 1), (Role::Testing, 1)]).await?;
    let goal = plans::goal("with Redis away");
    let tasks = vec![
        slow(&goal.id, 1, Role::Backend, &[], 4),
        slow(&goal.id, 2, Role::Testing, &[], 4),
        slow(&goal.id, 3, Role::Backend, &[1, 2], 2),
    ];
    fleet.start_plan(&goal, &handmade::closed(&goal, tasks)?).await?;
    fleet.at_work(&goal.id, Role::Testing).await?;
    fleet.redis.kill_and_restart()?;
    answers_again(&fleet).await?;
    let waiting = fleet.submit("Write me a Kubernetes operator in Go").await?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    // Away for longer than a lease lasts: the attempts under way are thrown away.
    fleet.redis.kill()?;
    tokio::time::sleep(Duration::from_secs(6)).await;
    fleet.redis.restart()?;
    answers_again(&fleet).await?;
    let view = fleet.ended(&goal.id, LIMIT).await?;
    assert_eq!(view.state, GoalState::Succeeded, "{}\n{}", told(&view), fleet.logs());
    assert_eq!(successes(&fleet, &goal.id).await?, once_each(4));
    let other = fleet.ended(&waiting, LIMIT).await?;
    assert_eq!(other.state, GoalState::Blocked, "a goal submitted in between is not lost");
    assert_eq!(fleet.stop().await?, Vec::<String>::new(), "nothing is left");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_goal_whose_master_died_planning_it_is_planned_by_another() -> Result {
    let mut fleet = Fleet::start(&[]).await?;
    fleet.kill_master()?;
    let goal = fleet.submit("Write me a Kubernetes operator in Go").await?;
    // A master that took the goal and was killed before it had a plan.
    let entries = fleet.client.listener().await?.goals("master-that-died", 1000).await?;
    assert_eq!(entries.len(), 1);
    fleet.client.begin_planning(&goal).await?;
    fleet.start_master()?;
    assert_eq!(fleet.ended(&goal, LIMIT).await?.state, GoalState::Blocked);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fleet_can_be_stopped_while_redis_is_away() -> Result {
    let mut fleet = Fleet::start(&[(Role::Backend, 1), (Role::Testing, 1)]).await?;
    let agents = fleet.processes().await?;
    assert_eq!(agents.len(), 2);
    fleet.redis.kill()?;
    let stopping = std::time::Instant::now();
    fleet.end_master().await?;
    assert!(stopping.elapsed() < Duration::from_secs(25), "{:?}", stopping.elapsed());
    let left: Vec<&u32> = agents.iter().filter(|pid| is_agent(**pid)).collect();
    assert_eq!(left, Vec::<&u32>::new(), "{}", fleet.logs());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_goals_containers_are_gone_within_five_seconds() -> Result {
    let fleet = Fleet::start(&[(Role::Backend, 1)]).await?;
    let goal = plans::goal("to be cancelled");
    let tasks = vec![slow(&goal.id, 1, Role::Backend, &[], 120)];
    fleet.start_plan(&goal, &handmade::closed(&goal, tasks)?).await?;
    let label = format!("codegod.goal={}", goal.id);
    let running = async || Ok((!labelled(&label)?.is_empty()).then_some(()));
    fleet.wait_for("a container of the goal", LIMIT, running).await?;
    // In the middle of its command, not while the sandbox is being made.
    tokio::time::sleep(Duration::from_secs(2)).await;
    fleet.client.cancel_goal(&goal.id).await?;
    let gone = async || Ok(labelled(&label)?.is_empty().then_some(()));
    fleet.wait_for("the goal's containers are gone", Duration::from_secs(5), gone).await?;
    assert_eq!(fleet.client.goal_head(&goal.id).await?.state, GoalState::Cancelled);

    let goal = plans::goal("to be cancelled while it installs");
    fleet.start_plan(&goal, &handmade::closed(&goal, vec![installing(&goal.id)])?).await?;
    let (agent, _) = fleet.at_work(&goal.id, Role::Backend).await?;
    builds(&fleet, &agent).await?;
    fleet.client.cancel_goal(&goal.id).await?;
    let label = of_agent(&agent);
    let gone = async || Ok(labelled(&label)?.is_empty().then_some(()));
    fleet.wait_for("the agent's containers are gone", Duration::from_secs(5), gone).await?;

    // The agent is free again.
    let next = plans::goal("the next one");
    let tasks = vec![slow(&next.id, 1, Role::Backend, &[], 0)];
    fleet.start_plan(&next, &tasks).await?;
    assert_eq!(fleet.ended(&next.id, LIMIT).await?.state, GoalState::Succeeded);
    assert_eq!(fleet.stop().await?, Vec::<String>::new(), "nothing is left");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "slow: run by ./start-agents.sh test --full"]
async fn a_whole_app_is_built_although_each_role_is_killed_once() -> Result {
    let fleet = Fleet::one_of_each().await?;
    let goal = fleet.submit("Build a Flask + React app").await?;
    let mut killed = Vec::new();
    for role in [Role::Backend, Role::Frontend, Role::Devops, Role::Testing] {
        let at_work = async || {
            let agents = fleet.client.agents().await?;
            let found = agents.into_iter().find(|agent| {
                agent.role == role && agent.current_task.as_ref().is_some_and(|task| *task.goal() == goal)
            });
            Ok(found.map(|agent| (agent.id, agent.pid)))
        };
        let limit = Duration::from_secs(600);
        let (agent, pid) = fleet.wait_for(&format!("{role} at work"), limit, at_work).await?;
        tokio::time::sleep(Duration::from_millis(500)).await;
        signal("KILL", pid)?;
        killed.push(agent);
    }
    let view = fleet.ended(&goal, Duration::from_secs(900)).await?;
    eprintln!("{}", told(&view));
    assert_eq!(view.state, GoalState::Succeeded, "{}\n{}", told(&view), fleet.logs());
    let total = u32::try_from(view.tasks.len())?;
    assert_eq!(successes(&fleet, &goal).await?, once_each(total));
    reaped(&fleet, &killed).await?;
    assert_eq!(fleet.stop().await?, Vec::<String>::new(), "nothing is left");
    Ok(())
}
