-- goal id, state (blocked | failed), reason, intent JSON or '' → 'ok' | the goal's state, when it is
-- not being planned. Ends a goal for which there is no plan.
local goal, state, reason, intent = ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local current = redis.call('HGET', goal_key(goal), 'state')
if current ~= 'planning' then return current or 'unknown' end
redis.call('HSET', goal_key(goal), 'state', state, 'error', reason, 'ended_ms', now_ms())
if intent ~= '' then redis.call('HSET', goal_key(goal), 'intent', intent) end
event('goal_' .. state, goal, nil, nil, { error = reason })
return 'ok'
