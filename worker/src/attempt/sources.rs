//! The values that a task starts from and the commit that it publishes: bundles in Redis, a bare
//! repository on this host.

use codegod_protocol::environment::{self, Environments};
use codegod_protocol::id::TaskId;
use codegod_protocol::result::{Outputs, TaskResult};
use codegod_protocol::setup;
use codegod_protocol::task::{Task, TaskKind};
use codegod_reasoner::planner;
use codegod_source::{Merge, bundle_prerequisites};

use crate::bench::Proposal;
use crate::context::Context;
use crate::error::Error;

/// The largest bundle that travels, in bytes: Redis holds values up to 512 MiB.
const MAX_BUNDLE_BYTES: u64 = 384 << 20;
/// A bound on how many bundles one commit may build on.
const MAX_BUNDLES: usize = 10_000;

/// What a task starts from.
pub(super) enum Source {
    /// One commit, with every environment that was published before.
    Ready {
        /// The commit.
        commit: String,
        /// The environments.
        environments: Environments,
    },
    /// What it needs can't be joined without a conflict: this task comes first.
    Conflict(Box<Task>),
}

/// Fetches what the task's needs published and joins it.
pub(super) async fn prepare(context: &mut Context) -> Result<Source, Error> {
    let mut needs = context.insist(|| context.client.needs(&context.task.id)).await?;
    // In the plan's order, whatever the order of the needs: two tasks that join the same commits then
    // make the same merge.
    needs.sort();
    let mut results = Vec::with_capacity(needs.len());
    for need in &needs {
        results.push(result_of(context, need).await?);
    }
    let mut commits: Vec<String> =
        results.iter().filter_map(|result| Some(result.outputs.as_ref()?.commit.clone())).collect();
    if commits.is_empty() {
        commits.extend(context.goal.workspace.clone());
    }
    for commit in &commits {
        fetch(context, commit).await?;
    }
    context.inputs = commits;
    let outputs: Vec<Outputs> = results.into_iter().filter_map(|result| result.outputs).collect();
    let setups = outputs.iter().map(|outputs| outputs.setups.clone());
    context.setups = setup::join(setups.chain([context.task.setups.clone()]));
    let published = outputs.into_iter().map(|outputs| outputs.environments);
    let mut environments = environment::join(published.chain([context.task.environments.clone()]));
    // The environment of a part is what its latest setup says, not all that was tried on the way.
    for (part, setup) in &context.setups {
        match codegod_reasoner::setup::resolution(setup) {
            None => drop(environments.insert(part.clone(), codegod_reasoner::setup::recipe(setup))),
            Some(_) => drop(environments.remove(part)),
        }
    }
    let inputs: Vec<&str> = context.inputs.iter().map(String::as_str).collect();
    match (context.repository.merge(&inputs).await?, context.task.kind) {
        (Merge::Clean(commit), _) => Ok(Source::Ready { commit, environments }),
        // A merge task starts on one side; joining the other is what it is for.
        (Merge::Conflict { ours, .. }, TaskKind::Merge) => Ok(Source::Ready { commit: ours, environments }),
        (Merge::Conflict { ours, theirs, files }, _) => {
            // It may be a merge that only this host has made; a person is to see it, too.
            publish_commit(context, &ours).await?;
            Ok(Source::Conflict(Box::new(merge_task(context, &needs, &ours, &theirs, &files).await?)))
        }
    }
}

/// The task that mends what `proposal` is about, so that the context's own can be tried again.
pub(super) async fn repair_task(context: &Context, proposal: &Proposal) -> Result<Task, Error> {
    let mut needs = context.insist(|| context.client.needs(&context.task.id)).await?;
    needs.sort();
    let number = context.insist(|| context.client.next_task_number(&context.task.goal)).await?;
    Ok(planner::repair(&context.task, number, needs, &proposal.next, &proposal.diagnosis))
}

async fn merge_task(
    context: &Context,
    needs: &[TaskId],
    ours: &str,
    theirs: &str,
    files: &[String],
) -> Result<Task, Error> {
    let plan = context.insist(|| context.client.goal_view(&context.task.goal)).await?.tasks;
    let sides: Vec<&Task> =
        plan.iter().map(|view| &view.task).filter(|task| needs.contains(&task.id)).collect();
    let conflict = planner::Conflict { files, ours, theirs, made_by: &sides };
    // The number is only a proposal: the master that adds the task gives it the next one.
    let number = context.insist(|| context.client.next_task_number(&context.task.goal)).await?;
    let mut task = planner::merge_task(&context.task, number, &conflict);
    task.needs = needs.to_vec();
    Ok(task)
}

async fn result_of(context: &Context, task: &TaskId) -> Result<TaskResult, Error> {
    context
        .insist(|| context.client.result(task))
        .await?
        .ok_or_else(|| Error::Invalid(format!("{task} was published without a result")))
}

/// Brings a commit into this host's repository, with every bundle that it builds on.
async fn fetch(context: &Context, commit: &str) -> Result<(), Error> {
    let repository = &context.repository;
    let mut todo = vec![commit.to_owned()];
    for _ in 0..MAX_BUNDLES {
        let Some(wanted) = todo.last().cloned() else { return Ok(()) };
        if repository.has(&wanted).await? {
            todo.pop();
            continue;
        }
        let bundle = context.insist(|| context.client.bundle(context.source_goal(), &wanted)).await?;
        let mut missing = Vec::new();
        for prerequisite in bundle_prerequisites(&bundle)? {
            if !repository.has(&prerequisite).await? {
                missing.push(prerequisite);
            }
        }
        if missing.iter().any(|commit| todo.contains(commit)) {
            return Err(Error::Invalid(format!("the bundles of {wanted} build on one another")));
        }
        if missing.is_empty() {
            repository.import_bundle(&bundle, MAX_BUNDLE_BYTES).await?;
            todo.pop();
        } else {
            todo.extend(missing);
        }
    }
    Err(Error::Invalid(format!("commit {commit} builds on more than {MAX_BUNDLES} bundles")))
}

/// Stores the bundle of a commit that is about to be published. Nothing travels when it is one of
/// those that the task started from.
pub(super) async fn publish_commit(context: &Context, commit: &str) -> Result<(), Error> {
    if context.inputs.iter().any(|input| input == commit) {
        return Ok(());
    }
    let known: Vec<&str> = context.inputs.iter().map(String::as_str).collect();
    if let Some(bundle) = context.repository.export_bundle(commit, &known, MAX_BUNDLE_BYTES).await? {
        let goal = context.source_goal();
        context.insist(|| context.client.store_bundle(goal, commit, &bundle)).await?;
    }
    Ok(())
}
