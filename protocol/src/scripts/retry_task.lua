-- task id → 'ok' | the task's state, when it is not failed, blocked or cancelled, or 'goal_cancelled'.
-- A person's retry: the task has all its attempts again, and what was cancelled because of it waits
-- for it again.
local task = ARGV[3]
local goal, k = goal_of(task), task_key(task)
local f = redis.call('HMGET', k, 'state', 'max_attempts')
if not f[1] then return 'unknown' end
if f[1] ~= 'failed' and f[1] ~= 'blocked' then return f[1] end
local g = goal_key(goal)
if redis.call('HGET', g, 'state') == 'cancelled' then return 'goal_cancelled' end

local function reopen(id)
  local h = task_key(id)
  local state = redis.call('HGET', h, 'state')
  local pending = 0
  for _, need in ipairs(cjson.decode(redis.call('HGET', h, 'needs'))) do
    if redis.call('HGET', task_key(need), 'state') ~= 'succeeded' then pending = pending + 1 end
  end
  redis.call('HSET', h, 'state', 'waiting', 'pending', pending)
  redis.call('HDEL', h, 'error', 'ended_ms')
  redis.call('HINCRBY', g, 'open', 1)
  redis.call('HINCRBY', g, state, -1)
  return pending
end

local attempts = tonumber(redis.call('HGET', k, 'attempt'))
redis.call('HSET', k, 'max_attempts', attempts + 3)
if reopen(task) == 0 then enqueue(task) end
local todo = { task }
while #todo > 0 do
  local current = table.remove(todo)
  for _, dependent in ipairs(cjson.decode(redis.call('HGET', task_key(current), 'dependents'))) do
    if redis.call('HGET', task_key(dependent), 'state') == 'cancelled' then
      reopen(dependent)
      todo[#todo + 1] = dependent
    end
  end
end
redis.call('HSET', g, 'state', 'running')
redis.call('HDEL', g, 'ended_ms', 'error')
event('task_retried', goal, task)
return 'ok'
