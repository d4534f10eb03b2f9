-- goal id, intent JSON, n, then n tasks' JSON in order of rank → 'ok' | the goal's state, when it is
-- not being planned. The whole plan appears at once, and its roots are in their queues.
local goal, intent, n = ARGV[3], ARGV[4], tonumber(ARGV[5])
local state = redis.call('HGET', goal_key(goal), 'state')
if state ~= 'planning' then return state or 'unknown' end
local tasks = {}
for i = 1, n do
  local json = ARGV[5 + i]
  local task = cjson.decode(json)
  tasks[i] = task
  store_task(goal, string.match(task.id, '%.(%d+)$'), json, task)
end
local dependents = {}
for _, task in ipairs(tasks) do
  for _, need in ipairs(task.needs) do
    dependents[need] = dependents[need] or {}
    table.insert(dependents[need], task.id)
  end
end
for need, list in pairs(dependents) do redis.call('HSET', task_key(need), 'dependents', cjson.encode(list)) end
redis.call('HSET', goal_key(goal), 'state', 'running', 'intent', intent, 'planned_ms', now_ms(), 'next_task', n + 1)
event('goal_running', goal, nil, nil, { tasks = n })
for _, task in ipairs(tasks) do if #task.needs == 0 then enqueue(task.id) end end
return 'ok'
