-- 'goals:recent' | 'goals:ended', offset, n → { looked at, put aside, removed }. Looks through n elements of a
-- list of goals: what names no goal is put aside; who runs again or is archived has not ended any more.
local name, offset, n = ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
local list = P .. name
local found = call('LRANGE', list, offset, offset + n - 1)
local aside, removed = 0, 0
for _, goal in ipairs(found) do
  local state = call('HGET', goal_key(goal), 'state')
  local archived = not state and call('HEXISTS', P .. 'archive', goal) == 1
  if not state and not archived then
    if call('LREM', list, 1, goal) == 1 then
      quarantine(name, goal, 'there is no such goal')
      aside = aside + 1
    end
  elseif name == 'goals:ended' and (archived or state == 'running' or state == 'paused') then
    removed = removed + call('LREM', list, 1, goal)
  end
end
return { #found, aside, removed }
