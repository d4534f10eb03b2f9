-- goal id → 'ok' | the goal's state, when it has ended. Running attempts find their lease gone.
local goal = ARGV[3]
local state = redis.call('HGET', goal_key(goal), 'state')
if not state then return 'unknown' end
if state == 'succeeded' or state == 'failed' or state == 'cancelled' or state == 'blocked' then return state end
redis.call('HSET', goal_key(goal), 'state', 'cancelled', 'ended_ms', now_ms())
for _, number in ipairs(redis.call('HKEYS', key('plan', goal))) do
  local task = goal .. '.' .. number
  local s = redis.call('HGET', task_key(task), 'state')
  if s == 'waiting' or s == 'ready' or s == 'running' then
    end_task(task, 'cancelled', 'the goal was cancelled')
    event('task_cancelled', goal, task)
  end
end
event('goal_cancelled', goal)
return 'ok'
