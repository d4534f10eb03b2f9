-- 'pause' | 'resume', then the roles → 'ok' | 'unchanged'. Paused: no role hands out anything, and running
-- attempts are handed back.
local queue = make_queue()
local what = ARGV[3]
local changed, now = false, now_ms()
-- First what not every user may do: a script that Redis refuses half-way keeps what it has written.
if what == 'pause' then
  call('HSETNX', P .. 'fleet', 'paused', string.format('%d', now))
else
  call('HDEL', P .. 'fleet', 'paused')
end
for at = 4, #ARGV do
  local index = P .. 'queues:' .. ARGV[at]
  if what == 'pause' then
    if call('HSETNX', index, '~paused', string.format('%d', now)) == 1 then changed = true end
  elseif call('HDEL', index, '~paused') == 1 then
    changed = true
    for _ = 1, call('HLEN', P .. 'idle:' .. ARGV[at]) do if not queue.wake(ARGV[at], '', now, {}) then break end end
  end
end
if not changed then return 'unchanged' end
event(what == 'pause' and 'fleet_paused' or 'fleet_resumed')
return 'ok'
