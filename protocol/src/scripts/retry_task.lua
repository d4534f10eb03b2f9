-- task id → 'ok' | the task's state, when it is neither failed nor blocked, or 'goal_cancelled'.
-- A person's retry: the task has all its attempts again, and what was cancelled because of it waits
-- for it again.
local queue = make_queue()
local life = make_life(queue)
local task = ARGV[3]
local goal, k = goal_of(task), task_key(task)
local f = call('HMGET', k, 'state', 'attempt', 'letter')
if not f[1] then return 'unknown' end
if f[1] ~= 'failed' and f[1] ~= 'blocked' then return f[1] end
local g, now = goal_key(goal), now_ms()
local goal_state = call('HGET', g, 'state')
-- It is being archived.
if not goal_state then return 'unknown' end
if goal_state == 'cancelled' then return 'goal_cancelled' end

local function reopen(id)
  local h = task_key(id)
  local state = call('HGET', h, 'state')
  local pending = 0
  for need in string.gmatch(call('HGET', h, 'needs') or '', '%d+') do
    if call('HGET', task_key(goal .. '.' .. need), 'state') ~= 'succeeded' then pending = pending + 1 end
  end
  call('HSET', h, 'state', 'waiting', 'pending', pending)
  call('HDEL', h, 'error', 'ended_ms', 'letter', 'aged')
  call('HINCRBY', g, 'open', 1)
  call('HINCRBY', g, state, -1)
  return pending
end

-- What needs another task that can't succeed either stays cancelled: nothing would end its wait.
local function may_run(id)
  for need in string.gmatch(call('HGET', task_key(id), 'needs') or '', '%d+') do
    local state = call('HGET', task_key(goal .. '.' .. need), 'state')
    if state == 'failed' or state == 'blocked' or state == 'cancelled' then return false end
  end
  return true
end

call('HSET', k, 'max_attempts', tonumber(f[2]) + 3)
if f[3] then call('XDEL', P .. 'dead', f[3]) end
if reopen(task) == 0 then queue.enqueue(task, now) end
local todo = { task }
while #todo > 0 do
  for _, dependent in ipairs(life.dependents_of(table.remove(todo))) do
    if call('HGET', task_key(dependent), 'state') == 'cancelled' and may_run(dependent) then
      reopen(dependent)
      todo[#todo + 1] = dependent
    end
  end
end
-- Whoever retries wants it to run, also when it was paused before it ended. A pause that still stands stays: what
-- it has set aside comes back when it ends.
if goal_state ~= 'paused' then
  call('HSET', g, 'state', 'running')
  call('HDEL', g, 'ended_ms', 'error', 'paused')
  local deadline = call('HGET', g, 'deadline_ms')
  -- When it is near, what comes into its queue has the highest priority already.
  if deadline and now < (tonumber(deadline) or 0) - queue.URGENT_MS then call('HSET', P .. 'deadlines', goal, deadline) end
end
call('LREM', P .. 'goals:ended', 0, goal)
event('task_retried', goal, task)
queue.ring_all(now)
return 'ok'
