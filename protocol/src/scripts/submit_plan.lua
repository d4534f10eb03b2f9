-- goal id, token, intent JSON, n, then the numbers of the tasks that need nothing, first the first → 'ok' | the
-- goal's state, when it is not being planned under that token | 'incomplete'. The whole plan appears at once. Of
-- very many tasks that need nothing, the first are in their queues then, and the others on their way: they are
-- put there by who submits (begin_tasks.lua), and if that does not come to it, by whoever looks after a queue, as
-- after a backoff.
local AT_ONCE, SOON_S = 500, 2
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
local later = 7 + AT_ONCE
for at = 7, math.min(#ARGV, later - 1) do queue.enqueue(goal .. '.' .. ARGV[at], now) end
if later <= #ARGV then
  local second = string.format('%d', math.floor(now / 1000) + SOON_S)
  for from = later, #ARGV, AT_ONCE do
    local tasks = {}
    for at = from, math.min(#ARGV, from + AT_ONCE - 1) do tasks[#tasks + 1] = goal .. '.' .. ARGV[at] end
    call('RPUSH', P .. 'delayed:' .. second, unpack(tasks))
  end
  call('HSET', P .. 'delayed', second, 1)
end
queue.ring_all(now)
return 'ok'
