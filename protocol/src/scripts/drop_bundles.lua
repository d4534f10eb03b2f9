-- goal id, its ended_ms, then commits → how many went. Bundles that nothing published leads to go once their
-- goal has ended; the goal is not looked at again until it ends anew.
local goal, ended = ARGV[3], ARGV[4]
local f = call('HMGET', goal_key(goal), 'state', 'ended_ms')
if f[2] ~= ended or f[1] == 'running' or f[1] == 'paused' then return 0 end
call('HSET', goal_key(goal), 'swept_ms', ended)
local gone = 0
for at = 5, #ARGV do gone = gone + call('HDEL', P .. 'blobs:' .. goal, ARGV[at]) end
return gone
