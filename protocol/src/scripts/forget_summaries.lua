-- how many may stay → how many went. The summaries of the goals that were submitted first go first; at most
-- a thousand at once.
local over = call('HLEN', P .. 'archive') - tonumber(ARGV[3])
if over <= 0 then return 0 end
local gone, oldest = 0, call('LRANGE', P .. 'goals:recent', -1000, -1)
for i = #oldest, 1, -1 do
  if gone < over and call('HDEL', P .. 'archive', oldest[i]) == 1 then
    call('LREM', P .. 'goals:recent', -1, oldest[i])
    gone = gone + 1
  end
end
return gone
