-- goal id, goal JSON, deadline in ms or '', the goal that it verifies or '' → 'ok' | 'exists'. Accepts a goal:
-- stored, and in the goals stream for a master. What it verifies stays until it is archived itself.
local goal, json, deadline, of = ARGV[3], ARGV[4], ARGV[5], ARGV[6]
if call('HEXISTS', goal_key(goal), 'goal') == 1 then return 'exists' end
-- First what not every user may do: a script that Redis refuses half-way keeps what it has written.
call('XADD', P .. 'goals', '*', 'goal', goal)
call('HSET', goal_key(goal), 'goal', json, 'state', 'queued', 'submitted_ms', now_ms())
if deadline ~= '' then
  call('HSET', goal_key(goal), 'deadline_ms', deadline)
  call('HSET', P .. 'deadlines', goal, deadline)
end
if of ~= '' and call('EXISTS', goal_key(of)) == 1 then call('HSET', P .. 'references:' .. of, goal, now_ms()) end
call('PERSIST', P .. 'blobs:' .. goal)
call('LPUSH', P .. 'goals:recent', goal)
event('goal_queued', goal)
return 'ok'
