-- goal id, then numbers of tasks → how many are left in its plan | -1 when the goal is there. Removes tasks of a
-- goal that is gone, with their dead letters.
local goal = ARGV[3]
local plan = P .. 'plan:' .. goal
if call('EXISTS', goal_key(goal)) == 1 then return -1 end
for at = 4, #ARGV do
  local k = task_key(goal .. '.' .. ARGV[at])
  local letter = redis.pcall('HGET', k, 'letter')
  if type(letter) == 'string' then redis.pcall('XDEL', P .. 'dead', letter) end
  call('DEL', k)
  call('HDEL', plan, ARGV[at])
end
return call('HLEN', plan)
