-- agent id, task id, attempt, reason → 'ok' | 'stale'. Hands an attempt back that came to nothing through
-- no fault of its task (its agent ends, Docker is away): the task is ready again, with one attempt more.
local queue = make_queue()
local agent, task, attempt, reason = ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local f = call('HMGET', task_key(task), 'state', 'attempt', 'agent')
if f[1] ~= 'running' or f[2] ~= attempt or f[3] ~= agent then return 'stale' end
local now = now_ms()
call('HINCRBY', task_key(task), 'max_attempts', 1)
queue.put_back(task, now)
event('attempt_released', goal_of(task), task, attempt, { reason = reason })
queue.ring_all(now)
return 'ok'
