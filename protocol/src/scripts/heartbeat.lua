-- agent id, task id, attempt → 'ok' | 'stale'. Renews a lease, only for its holder: XCLAIM alone
-- would hand the entry back to a former one.
local agent, task, attempt = ARGV[3], ARGV[4], ARGV[5]
if not holds_lease(task, attempt, agent) then return 'stale' end
local f = redis.call('HMGET', task_key(task), 'queue', 'entry')
redis.call('XCLAIM', f[1], 'workers', agent, 0, f[2], 'JUSTID')
return 'ok'
