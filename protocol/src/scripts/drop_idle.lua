-- role, ms → how many went. Workers that have waited for so long without asking again are gone.
local idle, longest, gone = P .. 'idle:' .. ARGV[3], tonumber(ARGV[4]), 0
local all, now = call('HGETALL', idle), now_ms()
for i = 1, #all, 2 do
  local since = string.match(all[i + 1], '^(%d+) ')
  if not since then
    quarantine('idle:' .. ARGV[3], all[i] .. ' ' .. all[i + 1], 'it does not say since when')
  end
  if not since or now - tonumber(since) > longest then
    call('HDEL', idle, all[i])
    gone = gone + 1
  end
end
return gone
