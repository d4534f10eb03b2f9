-- goal id → { 'ok', token } | { the goal's state, when it is not waiting to be planned }.
-- The token fences: what an earlier master had begun to plan can't be submitted any more, and is removed.
local goal = ARGV[3]
local g = goal_key(goal)
local state = call('HGET', g, 'state')
if state ~= 'queued' and state ~= 'planning' then return { state or 'unknown' } end
for _, number in ipairs(call('HKEYS', P .. 'plan:' .. goal)) do call('DEL', task_key(goal .. '.' .. number)) end
call('DEL', P .. 'plan:' .. goal)
local token = call('HINCRBY', g, 'planning', 1)
call('HSET', g, 'state', 'planning', 'planner', WHO)
event('goal_planning', goal)
return { 'ok', tostring(token) }
