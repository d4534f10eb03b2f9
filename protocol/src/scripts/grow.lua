-- held task id, round, n, then n tasks' JSON (their ids count on from next_task) → 'ok' | 'stale'.
-- Adds to a running plan what a held task needs first, and lets the held task wait for it.
local held, round, n = ARGV[3], ARGV[4], tonumber(ARGV[5])
local goal, k = goal_of(held), task_key(held)
local f = redis.call('HMGET', k, 'state', 'rounds', 'needs')
if f[1] ~= 'waiting' or f[2] ~= round or redis.call('HGET', k, 'grown') == round then return 'stale' end
local needs = cjson.decode(f[3])
local added = {}
for i = 1, n do
  local json = ARGV[5 + i]
  local task = cjson.decode(json)
  local number = string.match(task.id, '%.(%d+)$')
  store_task(goal, number, json, task)
  for _, need in ipairs(task.needs) do add_dependent(need, task.id) end
  needs[#needs + 1] = task.id
  added[#added + 1] = task.id
  add_dependent(task.id, held)
  redis.call('HINCRBY', k, 'pending', 1)
  local next_task = tonumber(redis.call('HGET', goal_key(goal), 'next_task') or '1')
  if tonumber(number) >= next_task then redis.call('HSET', goal_key(goal), 'next_task', number + 1) end
end
redis.call('HSET', k, 'needs', cjson.encode(needs), 'grown', round)
redis.call('HINCRBY', k, 'pending', -1)
event('plan_grown', goal, held, nil, { added = added })
for _, task in ipairs(added) do
  if redis.call('HGET', task_key(task), 'pending') == '0' then enqueue(task) end
end
if redis.call('HGET', k, 'pending') == '0' then enqueue(held) end
return 'ok'
