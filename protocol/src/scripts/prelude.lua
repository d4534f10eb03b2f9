-- Shared by every script: keys, time, events, queues and the steps of a task's life.
-- ARGV[1] is the key prefix, ARGV[2] who calls; a script's own arguments start at ARGV[3].
-- All keys share the prefix, so that a hash-tagged prefix keeps a script on one cluster slot.

local P, WHO = ARGV[1], ARGV[2]

local function key(...) return P .. table.concat({...}, ':') end
local function task_key(task) return key('task', task) end
local function goal_key(goal) return key('goal', goal) end
local function goal_of(task) return string.match(task, '^(.-)%.') end

local function now_ms()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end

local function event(kind, goal, task, attempt, data)
  local body = { kind = kind, who = WHO, goal = goal, task = task, attempt = attempt and tonumber(attempt), data = data }
  redis.call('XADD', key('events'), '*', 'event', cjson.encode(body))
end

local function count(what, by) redis.call('HINCRBY', key('metrics', 'tasks'), what, by or 1) end

-- The stream that holds ready tasks of a role, a priority and a set of capabilities. It is made
-- with its consumer group when first used, and its name noted for claimers to find.
local function enqueue(task)
  local k = task_key(task)
  local f = redis.call('HMGET', k, 'role', 'priority', 'capabilities')
  local suffix = string.format('%02d', tonumber(f[2]))
  local bell = key('bell', f[1])
  if f[3] and f[3] ~= '' then
    suffix = suffix .. ':' .. f[3]
    bell = bell .. ':' .. f[3]
  end
  local stream = key('queue', f[1], suffix)
  if redis.call('HSETNX', key('queues', f[1]), suffix, 1) == 1 then
    redis.pcall('XGROUP', 'CREATE', stream, 'workers', '0', 'MKSTREAM')
    -- Nobody listens to a bell whose queue is new: the role's own wakes some who then know of it.
    redis.call('RPUSH', key('bell', f[1]), 1, 1, 1, 1, 1, 1, 1, 1)
  end
  local id = redis.call('XADD', stream, '*', 'task', task)
  redis.call('HSET', k, 'state', 'ready', 'queue', stream, 'entry', id, 'ready_ms', now_ms())
  -- A bell wakes one idle worker; it is a hint only, so a few are enough.
  redis.call('RPUSH', bell, 1)
  redis.call('LTRIM', bell, -64, -1)
end

-- Takes a task's entry out of its queue, whoever holds it.
local function unqueue(task)
  local k = task_key(task)
  local f = redis.call('HMGET', k, 'queue', 'entry')
  if f[1] and f[2] and f[2] ~= '' then
    redis.call('XACK', f[1], 'workers', f[2])
    redis.call('XDEL', f[1], f[2])
  end
  redis.call('HDEL', k, 'queue', 'entry')
  redis.call('HDEL', key('delayed'), task)
end

-- A goal ends when nothing of it is open any more.
local function close_goal_if_done(goal)
  local g = goal_key(goal)
  local f = redis.call('HMGET', g, 'open', 'failed', 'blocked', 'state')
  if tonumber(f[1] or '1') > 0 or (f[4] ~= 'running' and f[4] ~= 'paused') then return end
  local state = 'succeeded'
  if tonumber(f[3] or '0') > 0 then state = 'blocked' end
  if tonumber(f[2] or '0') > 0 then state = 'failed' end
  redis.call('HSET', g, 'state', state, 'ended_ms', now_ms())
  event('goal_' .. state, goal)
end

local function end_task(task, state, reason)
  local goal = goal_of(task)
  unqueue(task)
  redis.call('HSET', task_key(task), 'state', state, 'ended_ms', now_ms())
  if reason then redis.call('HSET', task_key(task), 'error', reason) end
  redis.call('HINCRBY', goal_key(goal), 'open', -1)
  redis.call('HINCRBY', goal_key(goal), state, 1)
  count(state)
end

-- What needs a task that failed or is blocked can't run: it is cancelled, and comes back when the
-- task is retried.
local function cancel_dependents(task)
  local todo = { task }
  while #todo > 0 do
    local current = table.remove(todo)
    for _, dependent in ipairs(cjson.decode(redis.call('HGET', task_key(current), 'dependents') or '[]')) do
      local state = redis.call('HGET', task_key(dependent), 'state')
      if state == 'waiting' or state == 'ready' then
        end_task(dependent, 'cancelled', 'it needs ' .. current .. ', which did not succeed')
        event('task_cancelled', goal_of(dependent), dependent)
        todo[#todo + 1] = dependent
      end
    end
  end
end

local function dead_letter(task, reason)
  redis.call('XADD', key('dead'), '*', 'task', task, 'reason', reason)
end

-- Ends a task without success (failed or blocked) and what follows from that.
local function give_up(task, attempt, state, reason)
  end_task(task, state, reason)
  if state == 'failed' then dead_letter(task, reason) end
  event('task_' .. state, goal_of(task), task, attempt, { error = reason })
  cancel_dependents(task)
  close_goal_if_done(goal_of(task))
end

-- Stores a task of a plan and its first state; pending counts the needs that are not published.
local function store_task(goal, number, json, task)
  local id = task.id
  redis.call('HSET', key('plan', goal), number, json)
  local pending = 0
  for _, need in ipairs(task.needs) do
    if redis.call('HGET', task_key(need), 'state') ~= 'succeeded' then pending = pending + 1 end
  end
  local capabilities = task.capabilities or {}
  table.sort(capabilities)
  redis.call('HSET', task_key(id), 'role', task.role, 'priority', task.priority,
    'capabilities', table.concat(capabilities, '+'), 'max_attempts', task.max_attempts, 'attempt', 0,
    'pending', pending, 'needs', cjson.encode(task.needs), 'dependents', '[]', 'state', 'waiting', 'rounds', 0)
  if #task.needs == 0 then redis.call('HSET', task_key(id), 'needs', '[]') end
  redis.call('HINCRBY', goal_key(goal), 'open', 1)
  redis.call('HINCRBY', goal_key(goal), 'total', 1)
  count('submitted')
end

local function add_dependent(need, task)
  local list = cjson.decode(redis.call('HGET', task_key(need), 'dependents') or '[]')
  for _, known in ipairs(list) do if known == task then return end end
  list[#list + 1] = task
  redis.call('HSET', task_key(need), 'dependents', cjson.encode(list))
end

-- The attempt holds its task's lease: running, the same attempt, the same agent.
local function holds_lease(task, attempt, agent)
  local f = redis.call('HMGET', task_key(task), 'state', 'attempt', 'agent')
  return f[1] == 'running' and f[2] == attempt and f[3] == agent
end
