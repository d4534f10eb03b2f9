-- stream (without the prefix), group, idle ms → how many went. Consumers that hold nothing and have not been
-- heard of for so long: each process has a name of its own, so nobody comes back under one.
local stream, group, idle, gone = P .. ARGV[3], ARGV[4], tonumber(ARGV[5]), 0
local consumers = redis.pcall('XINFO', 'CONSUMERS', stream, group)
if consumers.err then return 0 end
for _, consumer in ipairs(consumers) do
  local info = {}
  for i = 1, #consumer, 2 do info[consumer[i]] = consumer[i + 1] end
  if info.pending == 0 and info.idle > idle then
    call('XGROUP', 'DELCONSUMER', stream, group, info.name)
    gone = gone + 1
  end
end
return gone
