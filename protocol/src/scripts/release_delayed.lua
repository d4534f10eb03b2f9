-- → how many tasks whose backoff is over went back to their queues.
local released, now = 0, now_ms()
local all = redis.call('HGETALL', key('delayed'))
for i = 1, #all, 2 do
  if tonumber(all[i + 1]) <= now then
    redis.call('HDEL', key('delayed'), all[i])
    if redis.call('HGET', task_key(all[i]), 'state') == 'ready' then
      enqueue(all[i])
      released = released + 1
    end
  end
end
return released
