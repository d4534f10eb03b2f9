-- goal id, its ended_ms, summary JSON, the goal that it verified or '' → 'ok' | 'referenced' | the goal's state,
-- when it is not the one that was summed up. What remains of an ended goal is its summary; its tasks follow in
-- parts (drop_tasks.lua), for which its plan stays until then.
local goal, ended, summary, of = ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local g = goal_key(goal)
local f = call('HMGET', g, 'state', 'ended_ms')
local state = f[1]
if not state then return 'unknown' end
if state ~= 'succeeded' and state ~= 'failed' and state ~= 'cancelled' and state ~= 'blocked' then return state end
if f[2] ~= ended then return state end
if call('EXISTS', P .. 'references:' .. goal) == 1 then return 'referenced' end
call('HSET', P .. 'archive', goal, summary)
call('LREM', P .. 'goals:ended', 0, goal)
if of ~= '' then call('HDEL', P .. 'references:' .. of, goal) end
call('HDEL', P .. 'deadlines', goal)
call('HDEL', P .. 'goals:paused', goal)
call('UNLINK', g, P .. 'results:' .. goal, P .. 'blobs:' .. goal, P .. 'parked:' .. goal)
event('goal_archived', goal)
return 'ok'
