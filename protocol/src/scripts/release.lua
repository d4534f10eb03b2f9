-- agent id, task id, attempt, reason → 'ok' | 'stale'. Hands an attempt back that came to nothing through
-- no fault of its task (its agent ends, Docker is away): the task is ready again, with one attempt more.
local agent, task, attempt, reason = ARGV[3], ARGV[4], ARGV[5], ARGV[6]
if not holds_lease(task, attempt, agent) then return 'stale' end
unqueue(task)
redis.call('HINCRBY', task_key(task), 'max_attempts', 1)
enqueue(task)
event('attempt_released', goal_of(task), task, attempt, { reason = reason })
return 'ok'
