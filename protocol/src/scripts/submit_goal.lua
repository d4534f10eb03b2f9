-- goal id, goal JSON, deadline in ms or '' → 'ok' | 'exists'. Accepts a goal: stored, and in the goals stream
-- for a master.
local goal, json, deadline = ARGV[3], ARGV[4], ARGV[5]
if call('HSETNX', goal_key(goal), 'goal', json) == 0 then return 'exists' end
call('HSET', goal_key(goal), 'state', 'queued', 'submitted_ms', now_ms())
if deadline ~= '' then
  call('HSET', goal_key(goal), 'deadline_ms', deadline)
  call('HSET', P .. 'deadlines', goal, deadline)
end
call('PERSIST', P .. 'blobs:' .. goal)
call('XADD', P .. 'goals', '*', 'goal', goal)
call('LPUSH', P .. 'goals:recent', goal)
event('goal_queued', goal)
return 'ok'
