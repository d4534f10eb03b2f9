-- goal id, token, entry of the goals stream → 'ok' | 'stale'. A master that plans goes on holding the goal.
local goal, token, entry = ARGV[3], ARGV[4], ARGV[5]
local f = call('HMGET', goal_key(goal), 'state', 'planning')
if f[1] ~= 'planning' or f[2] ~= token then return 'stale' end
call('XCLAIM', P .. 'goals', 'masters', WHO, 0, entry, 'JUSTID')
return 'ok'
