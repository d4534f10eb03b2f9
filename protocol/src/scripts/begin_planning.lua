-- goal id → 'ok' | the goal's state, when it is not waiting to be planned.
local goal = ARGV[3]
local state = redis.call('HGET', goal_key(goal), 'state')
if state ~= 'queued' and state ~= 'planning' then return state or 'unknown' end
redis.call('HSET', goal_key(goal), 'state', 'planning', 'planner', WHO)
event('goal_planning', goal)
return 'ok'
