-- goal id, token, state (blocked | failed), reason, intent JSON or '' → 'ok' | the goal's state, when it is not
-- being planned under that token. Ends a goal for which there is no plan.
local goal, token, state, reason, intent = ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7]
local g = goal_key(goal)
local f = call('HMGET', g, 'state', 'planning')
if f[1] ~= 'planning' then return f[1] or 'unknown' end
if f[2] ~= token then return 'planned by another master' end
call('HSET', g, 'state', state, 'error', reason, 'ended_ms', now_ms())
if intent ~= '' then call('HSET', g, 'intent', intent) end
call('HDEL', P .. 'deadlines', goal)
call('HDEL', P .. 'goals:paused', goal)
call('RPUSH', P .. 'goals:ended', goal)
event('goal_' .. state, goal, nil, nil, { error = reason })
return 'ok'
