//! The engine: how tasks wait, are held, published and counted down. This page is the contract; the code is
//! [`crate::client`] (typed calls) and `src/scripts` (what Redis does in one step).
//!
//! # States
//!
//! ```text
//! goal   queued ─→ planning ─→ running ⇄ paused ─→ succeeded | failed | blocked
//!          └─────────┴───────────┴────────┴─────→ cancelled          (retry: failed, blocked → running)
//!
//! task   waiting ─→ ready ─→ running ─→ succeeded
//!           ↑         ↑         ├─→ ready      lease lost, handed back, or failed with attempts left
//!           │         │         ├─→ waiting    held: it needs something done first (the plan grows)
//!           │         └─────────┤
//!           │                   └─→ failed | blocked | cancelled
//!           └── a person's retry, for it and for what was cancelled because of it
//! ```
//!
//! A task waits while some of its needs are not published (`pending` counts them). It is ready while it stands
//! in its role's queue, waits out a backoff (`delayed:…`) or is set aside because its goal is paused
//! (`parked:…`). It runs while an agent holds its lease.
//!
//! # What is guaranteed
//!
//! - **Nothing accepted is lost.** A goal stands in the stream `goals` until its plan, or the reason why it has
//!   none, is stored; a task stands in `queue:<role>` while it is ready and in `leases:<role>` while it runs, from
//!   the moment it is ready until the script that stores its outcome takes it out. Every step, also that from one
//!   to the other, or straight into a lease, is one script: what Redis has written down is whole. With the
//!   append-only file this outlives a killed Redis; a replica that was behind when it took over has lost what it
//!   had not received (Redis replicates asynchronously), and so have we.
//! - **No result is published twice.** Tasks are executed at least once and published exactly once: each claim
//!   counts the attempt up, and only the agent and attempt that the task's hash names may publish, renew or hand
//!   back. The number is the *fencing token*. Whoever is late is told `stale`. A result that is sent again
//!   because its answer was lost is answered as before and stored once.
//! - **A dead agent's task is taken up by any other.** A lease is a field of the hash `leases:<role>`: the task,
//!   when the lease began or was renewed, the attempt and the agent. Heartbeats renew it, only for the agent and
//!   attempt that the task's hash names ([`crate::client::Client::renew_leases`]). Any worker of the role, or any master, looks for leases that ran out ([`crate::client::Client::tick`]; a master every half
//!   second, busy agents every second or two), so a task is ready again soon after its lease; if its agent is
//!   known to be dead, at once. After half a lease (two seconds at least) in which nobody looked, for Redis or
//!   everybody was away, holders get half a lease to renew first.
//! - **Failing ends.** A failed attempt comes back after 1 s, doubled each time up to 60 s, with jitter. After
//!   `max_attempts` the task is a dead letter (stream `dead`, with its reason); a retry gives it its attempts
//!   again. Attempts that came to nothing through no fault of the task (its agent ended, Docker was away, its
//!   goal was paused, an answer was lost) do not count.
//! - **What can't be read blocks nothing.** Entries of a queue that nobody of us wrote are found by the tick,
//!   elements of the lists by the claim; both go to the stream `quarantine` with the reason.
//!
//! # Order
//!
//! Within a role: priority 10 to 1, strictly; then the longest remaining path to the end of the plan (the
//! critical path), then first come, first served (tasks that ask for capabilities before those that ask for
//! none). Two things put a task before its turn: a goal whose
//! deadline is less than 15 minutes away has priority 10, and a task that has waited for ten minutes goes to the
//! front of its role's queue, so that nothing starves.
//!
//! Redis streams hand entries out in the order in which they were added and no other, and codegod keeps to
//! streams, lists and hashes. So a queue has two halves:
//!
//! - the stream `queue:<role>` holds one entry for each task that is ready, with the task in it, since when it is;
//! - lists `ready:<role>:<priority>:<path>[:<capabilities>]` hold `<entry> <task> <attempts>` of those that are
//!   ready. The hash `queues:<role>` names the lists that are not empty; the greatest name is served first. Paths
//!   are exact up to 64 tasks and share a list in sixteen steps for each doubling above that.
//!
//! A claim pops elements from the best list, deletes their entries from the stream and writes the leases. (A
//! consumer group of the stream could hold leases as well, as the idle times of pending entries. It does not: for
//! each task that takes Redis more time than anything else in a turn.) An element counts only while its task is
//! ready with that entry, and that is so while the entry stands in the stream: whatever makes a task something
//! else than ready deletes it. So a claim that could delete every entry it popped has only ready tasks; where one
//! was missing, it looks at each. A task changes its place by being listed again (ageing, a near deadline, a path
//! that grew), and leaves it by its entry (cancelled, set aside): nothing is ever searched for in a list, and a
//! claim costs the same however long the queue is. The rest is dropped as it comes up.
//!
//! When a plan grows, the master computes the longest paths of the whole plan anew and sends those that grew
//! with the new tasks, in one script that refuses when the plan is not the one it looked at.
//!
//! # A turn
//!
//! Workers take turns ([`crate::client::Client::turn`], `turn.lua`): one call publishes what is done (checks the
//! fencing token, stores the result, ends the lease, counts down each dependent, hands on those that reach
//! zero, updates goal and metrics, appends the events) and claims what comes next. At work that is one round
//! trip a task, or less, since both halves take many at once. The events of a turn stand in one entry of the
//! stream `events`, each in a field `event`. No step costs more in a larger plan or a longer
//! queue; what it costs grows with the dependents of the published task alone.
//!
//! Most turns of a busy agent publish one success and claim one task. The first part of the script
//! (`lib/steady.lua`) does just that, with as little as Redis can do it with; as soon as it meets anything else it
//! leaves the turn to the rest, which does all of it.
//!
//! What becomes ready by a turn is handed to who can begin with it at once, where nothing that is listed comes first:
//! to the caller, who asked for a task, or to an idle worker of its role. It runs then without having stood in a
//! queue. Only what nobody takes is put there.
//!
//! A worker that gets less than it has room for is put on the list of the idle (`idle:<role>`) in the same step,
//! and waits on its own bell (`bell:<agent>`). Whoever makes a task ready, in the same step claims for an idle
//! worker the first task that it can take, and rings with the task (and its goal, unless the worker said that it
//! knows it): it begins with one message and no further trip. So nobody polls, and one task wakes one worker. The
//! lease has begun then: what a worker that died had not heard is ready again after a fifth of a lease, one that
//! merely did not listen is told with its next turn or hands back ([`crate::client::Client::recover`]). Only a
//! worker that asked within the last one and a half seconds is brought a task; one that was silent for longer
//! (they ask every second) is rung for and has to come for it.
//!
//! # Planning
//!
//! A master holds a goal as an agent holds a task: an entry of `goals` in its name, renewed while it plans, and a
//! token that counts up each time planning begins. Tasks are laid down in parts (`stage_plan.lua`), unseen, and
//! appear all at once (`submit_plan.lua`); an earlier master's parts are removed, its token refused. Where more than
//! five hundred tasks need nothing, the first of them are in their queues then, the others in parts after that
//! (`begin_tasks.lua`), so that nobody waits long for Redis; a tick does it when the master dies in between.
//!
//! # Pausing
//!
//! A paused goal's tasks are set aside when a claim comes upon them, and come back when it is resumed. A paused
//! fleet hands out nothing. In both, running attempts hear it with their next heartbeat and are handed back: they
//! begin again from the same inputs later.
