-- goal id, 'pause' | 'resume', then the roles → 'ok' | the goal's state, when it has ended, or 'unchanged'.
-- Paused: none of its tasks is handed out (claims set them aside), and running attempts are handed back.
local queue = make_queue()
local goal, what = ARGV[3], ARGV[4]
local g, now = goal_key(goal), now_ms()
local f = call('HMGET', g, 'state', 'paused')
local state = f[1]
if not state then return 'unknown' end
if state == 'succeeded' or state == 'failed' or state == 'cancelled' or state == 'blocked' then return state end
if (what == 'pause') == (f[2] ~= false) then return 'unchanged' end
if what == 'pause' then
  call('HSET', g, 'paused', string.format('%d', now))
  call('HSET', P .. 'goals:paused', goal, string.format('%d', now))
  -- Claims look at a goal's state only where some goal is paused; a tick takes the mark off again.
  for at = 5, #ARGV do call('HSET', P .. 'queues:' .. ARGV[at], '~goals_paused', 1) end
  if state == 'running' then call('HSET', g, 'state', 'paused') end
  event('goal_paused', goal)
  return 'ok'
end
call('HDEL', g, 'paused')
call('HDEL', P .. 'goals:paused', goal)
if state == 'paused' then call('HSET', g, 'state', 'running') end
event('goal_resumed', goal)
for _, task in ipairs(call('LRANGE', P .. 'parked:' .. goal, 0, -1)) do
  local q = queue.fields(task)
  if q.state == 'ready' and not q.entry then queue.enqueue(task, now, q) end
end
call('DEL', P .. 'parked:' .. goal)
queue.ring_all(now)
return 'ok'
