-- goal id, token, intent JSON, n, then the numbers of the tasks that need nothing, first the first → 'ok' | the
-- goal's state, when it is not being planned under that token | 'incomplete'. The whole plan appears at once.
local queue = make_queue()
local goal, token, intent, n = ARGV[3], ARGV[4], ARGV[5], tonumber(ARGV[6])
local g, now = goal_key(goal), now_ms()
local f = call('HMGET', g, 'state', 'planning', 'paused')
if f[1] ~= 'planning' then return f[1] or 'unknown' end
if f[2] ~= token then return 'planned by another master' end
if call('HLEN', P .. 'plan:' .. goal) ~= n then return 'incomplete' end
-- A queue's key that is of another type refuses entries; it does so now, before anything is written.
local lengths = {}
for at = 7, #ARGV do
  local role = call('HGET', task_key(goal .. '.' .. ARGV[at]), 'role')
  if role and not lengths[role] then lengths[role] = call('XLEN', P .. 'queue:' .. role) end
end
call('HSET', g, 'state', f[3] and 'paused' or 'running', 'intent', intent, 'planned_ms', now, 'next_task', n + 1,
  'total', n, 'open', n)
count('submitted', n)
event('goal_running', goal, nil, nil, { tasks = n })
for at = 7, #ARGV do queue.enqueue(goal .. '.' .. ARGV[at], now) end
queue.ring_all(now)
return 'ok'
