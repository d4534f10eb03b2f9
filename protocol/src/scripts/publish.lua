-- agent id, task id, attempt, status, result JSON, backoff in ms → 'ok' | 'stale'.
-- The one way to end an attempt: fenced, stored, acknowledged, dependents counted down and enqueued,
-- goal and metrics updated, event appended, all at once.
local agent, task, attempt, status, json, backoff = ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7], tonumber(ARGV[8])
local goal, k = goal_of(task), task_key(task)
if not holds_lease(task, attempt, agent) then
  count('stale')
  event('publish_refused', goal, task, attempt, { agent = agent })
  return 'stale'
end
local result = cjson.decode(json)
local reason = type(result.error) == 'string' and result.error or status
redis.call('HSET', k, 'result', json)

if status == 'succeeded' then
  end_task(task, 'succeeded')
  redis.call('HDEL', k, 'error')
  redis.call('HSET', goal_key(goal), 'commit', result.outputs.commit, 'last_task', task)
  event('task_succeeded', goal, task, attempt, { seconds = result.seconds, commit = result.outputs.commit })
  for _, dependent in ipairs(cjson.decode(redis.call('HGET', k, 'dependents'))) do
    local left = redis.call('HINCRBY', task_key(dependent), 'pending', -1)
    if left == 0 and redis.call('HGET', task_key(dependent), 'state') == 'waiting' then
      enqueue(dependent)
      event('task_ready', goal, dependent)
    end
  end
  close_goal_if_done(goal)
elseif status == 'needs_follow_up' then
  -- Held until a master has added the tasks that must come first (grow.lua); an attempt that found
  -- out what is missing was not a failed one, so it does not count.
  unqueue(task)
  local round = redis.call('HINCRBY', k, 'rounds', 1)
  redis.call('HINCRBY', k, 'attempt', 0)
  redis.call('HINCRBY', k, 'max_attempts', 1)
  redis.call('HINCRBY', k, 'pending', 1)
  redis.call('HSET', k, 'state', 'waiting', 'error', reason)
  redis.pcall('XGROUP', 'CREATE', key('follow_ups'), 'masters', '0', 'MKSTREAM')
  redis.call('XADD', key('follow_ups'), '*', 'task', task, 'round', round)
  event('task_needs_follow_up', goal, task, attempt, { error = reason, round = round })
elseif status == 'blocked' then
  give_up(task, attempt, 'blocked', reason)
elseif status == 'failed' and tonumber(attempt) < tonumber(redis.call('HGET', k, 'max_attempts')) then
  unqueue(task)
  redis.call('HSET', k, 'state', 'ready', 'error', reason)
  redis.call('HSET', key('delayed'), task, now_ms() + backoff)
  count('retried')
  event('attempt_failed', goal, task, attempt, { error = reason, backoff_ms = backoff })
else
  give_up(task, attempt, 'failed', reason)
end
return 'ok'
