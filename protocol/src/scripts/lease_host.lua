-- host, seconds → 'ok' | the master that looks after that host's fleet. One master a host at a time.
local host, seconds = ARGV[3], tonumber(ARGV[4])
local held = call('HGET', P .. 'fleet:keepers', host)
if held then
  local who, till = string.match(held, '^(.*) (%d+)$')
  if who ~= WHO and tonumber(till) > now_ms() then return who end
end
call('HSET', P .. 'fleet:keepers', host, WHO .. ' ' .. string.format('%d', now_ms() + seconds * 1000))
return 'ok'
