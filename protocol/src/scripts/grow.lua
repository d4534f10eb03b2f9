-- goal id, number that the next task must have, held task's number or '', round, n, then n tasks (lib/plan.lua;
-- numbers count on), then number and path of each older task whose path grew → 'ok' | 'stale' | 'conflict' |
-- 'need <state>'. Adds tasks to a running plan at once: what a held task needs first (it then waits for all of
-- them), or simply more. `conflict`: the plan has grown since the caller looked, so what it checked (no cycle,
-- path lengths) may not hold any more.
local queue = make_queue()
local goal, expected, held, round, n = ARGV[3], ARGV[4], ARGV[5], ARGV[6], tonumber(ARGV[7])
local g, now = goal_key(goal), now_ms()
local FIRST = 8
local f = call('HMGET', g, 'state', 'next_task', 'deadline_ms')
if f[1] ~= 'running' and f[1] ~= 'paused' then return 'stale' end
local held_key = task_key(goal .. '.' .. held)
local old_needs
if held ~= '' then
  local h = call('HMGET', held_key, 'state', 'rounds', 'grown', 'needs')
  if h[1] ~= 'waiting' or h[2] ~= round or h[3] == round then return 'stale' end
  old_needs = h[4] or ''
end
if f[2] ~= expected then return 'conflict' end

-- Everything is looked at before anything is written.
local states, pendings = {}, {}
for i = 0, n - 1 do states[ARGV[FIRST + i * TASK_ARGS]] = 'waiting' end
for i = 0, n - 1 do
  local pending = 0
  for need in string.gmatch(ARGV[FIRST + i * TASK_ARGS + 7], '%d+') do
    states[need] = states[need] or call('HGET', task_key(goal .. '.' .. need), 'state') or 'unknown'
    local s = states[need]
    if s == 'failed' or s == 'blocked' or s == 'cancelled' or s == 'unknown' then return 'need ' .. need .. ' ' .. s end
    if s ~= 'succeeded' then pending = pending + 1 end
  end
  pendings[i] = pending
end

local function add_dependent(need, number)
  local k = task_key(goal .. '.' .. need)
  local known = call('HGET', k, 'dependents')
  call('HSET', k, 'dependents', known and known .. ' ' .. number or number)
end

local added = {}
for i = 0, n - 1 do
  local at = FIRST + i * TASK_ARGS
  local number = ARGV[at]
  store_task(goal, at, pendings[i], f[3])
  added[#added + 1] = number
  for need in string.gmatch(ARGV[at + 7], '%d+') do
    -- Those among the new tasks came with their dependents.
    if tonumber(need) < tonumber(expected) then add_dependent(need, number) end
  end
end
call('HINCRBY', g, 'open', n)
call('HINCRBY', g, 'total', n)
call('HINCRBY', g, 'next_task', n)
count('submitted', n)
if held ~= '' then
  for _, number in ipairs(added) do add_dependent(number, held) end
  local needs = old_needs == '' and table.concat(added, ' ') or old_needs .. ' ' .. table.concat(added, ' ')
  call('HSET', held_key, 'needs', needs, 'grown', round)
  call('HINCRBY', held_key, 'pending', n - 1)
end
for at = FIRST + n * TASK_ARGS, #ARGV, 2 do
  local task = goal .. '.' .. ARGV[at]
  local h = call('HMGET', task_key(task), 'priority', 'capabilities')
  local list = bucket_of(tonumber(h[1]), tonumber(ARGV[at + 1]), h[2])
  call('HSET', task_key(task), 'path', ARGV[at + 1], 'list', list)
  local q = queue.fields(task)
  if q.state == 'ready' and q.entry then
    queue.list_ready('RPUSH', q.role, queue.rank(q, now), q.entry, task, q.attempts, q.capabilities)
  end
end
local ids = {}
for i, number in ipairs(added) do ids[i] = goal .. '.' .. number end
event('plan_grown', goal, held ~= '' and goal .. '.' .. held or nil, nil, { added = ids })
for i = 0, n - 1 do if pendings[i] == 0 then queue.enqueue(ids[i + 1], now) end end
queue.ring_all(now)
return 'ok'
