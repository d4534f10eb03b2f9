-- goal id, goal JSON → 'ok' | 'exists'. Accepts a goal: stored, and in the goals stream for a master.
local goal, json = ARGV[3], ARGV[4]
if redis.call('HSETNX', goal_key(goal), 'goal', json) == 0 then return 'exists' end
redis.call('HSET', goal_key(goal), 'state', 'queued', 'submitted_ms', now_ms())
redis.call('PERSIST', key('blobs', goal))
redis.pcall('XGROUP', 'CREATE', key('goals'), 'masters', '0', 'MKSTREAM')
redis.call('XADD', key('goals'), '*', 'goal', goal)
redis.call('LPUSH', key('goals', 'recent'), goal)
event('goal_queued', goal)
return 'ok'
