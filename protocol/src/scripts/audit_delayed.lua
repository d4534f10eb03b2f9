-- n → how many elements were put aside. Tasks wait out a backoff for a minute at most; what is to wait until
-- another day was not put there by any of us. At most about n elements at once.
local budget, aside = tonumber(ARGV[3]), 0
local late = math.floor(now_ms() / 1000) + 86400
for _, second in ipairs(call('HKEYS', P .. 'delayed')) do
  if aside >= budget then break end
  local at = string.match(second, '^%d+$') and tonumber(second)
  if not at then
    call('HDEL', P .. 'delayed', second)
    quarantine('delayed', second, 'it is not a second')
    aside = aside + 1
  elseif at > late then
    local list = P .. 'delayed:' .. second
    for _, element in ipairs(call('LPOP', list, budget) or {}) do
      quarantine('delayed:' .. second, element, 'it is to wait for more than a day')
      aside = aside + 1
    end
    if call('EXISTS', list) == 0 then call('HDEL', P .. 'delayed', second) end
  end
end
return aside
