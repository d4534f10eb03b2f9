-- goal id → 'ok' | the goal's state, when it has ended. Running attempts find their lease gone.
local queue = make_queue()
local goal = ARGV[3]
local g, now = goal_key(goal), now_ms()
local state = call('HGET', g, 'state')
if not state then return 'unknown' end
if state == 'succeeded' or state == 'failed' or state == 'cancelled' or state == 'blocked' then return state end
call('HSET', g, 'state', 'cancelled', 'ended_ms', now)
local cancelled = 0
-- A plan that was being laid down has not begun: nothing of it was counted.
if state == 'running' or state == 'paused' then
  for _, number in ipairs(call('HKEYS', P .. 'plan:' .. goal)) do
    local task = goal .. '.' .. number
    local s = call('HGET', task_key(task), 'state')
    if s == 'waiting' or s == 'ready' or s == 'running' then
      queue.unqueue(task)
      call('HSET', task_key(task), 'state', 'cancelled', 'ended_ms', now, 'error', 'the goal was cancelled')
      event('task_cancelled', goal, task)
      cancelled = cancelled + 1
    end
  end
end
if cancelled > 0 then
  call('HINCRBY', g, 'open', -cancelled)
  call('HINCRBY', g, 'cancelled', cancelled)
  count('cancelled', cancelled)
end
call('DEL', P .. 'parked:' .. goal)
call('HDEL', P .. 'deadlines', goal)
call('HDEL', P .. 'goals:paused', goal)
call('RPUSH', P .. 'goals:ended', goal)
event('goal_cancelled', goal)
return 'ok'
