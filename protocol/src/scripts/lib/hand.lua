-- What becomes ready by a turn is handed to who can begin with it at once: the caller, or an idle worker by its bell.
-- It then stands in no queue. Stands in a function (client/scripts.rs), since many a turn needs none of it.
-- Tasks that have become ready and stand nowhere yet: what `fields` tells, and which task it is.
local fresh = {}

-- A task succeeded: each of its dependents waits for one thing less.
local function count_down(goal, dependents)
  for number in string.gmatch(dependents, '%d+') do
    local task = goal .. '.' .. number
    local key = P .. 'task:' .. task
    if call('HINCRBY', key, 'pending', '-1') == 0 then
      local f = call('HMGET', key, 'state', 'attempt', 'role', 'list', 'deadline_ms')
      if f[1] == 'waiting' then
        local list = f[4] or '05:001'
        fresh[#fresh + 1] = {
          task = task, goal = goal, number = number, attempts = f[2], role = f[3], list = list, deadline = f[5],
          capabilities = #list > 7 and string.sub(list, 8) or '', bucket = list, at = #fresh, placed = false,
        }
        event('task_ready', goal, task)
      end
    end
  end
end

-- Whether nothing that an index lists comes before that bucket. Lists that are empty, which nobody has noticed yet, go.
local function is_first(role, bucket, index, capabilities)
  for i = 1, #index do
    local name = index[i]
    if name < '~' and name >= bucket and (not capabilities or may_take(capabilities, name)) then
      if call('LLEN', P .. 'ready:' .. role .. ':' .. name) > 0 then return false end
      call('HDEL', P .. 'queues:' .. role, name)
      index[i] = '~'
    end
  end
  return true
end

-- Rings for an idle worker with the task, when the worker was heard of just now and nothing that is listed in the
-- task's role comes first. Whoever was not heard of may be dead, and would keep the task for a lease.
local function bring(f, now)
  local index = call('HKEYS', P .. 'queues:' .. f.role)
  for i = 1, #index do
    if index[i] == '~paused' or index[i] == '~goals_paused' then return false end
  end
  if not is_first(f.role, f.bucket, index) then return false end
  local idle = P .. 'idle:' .. f.role
  local one = call('HRANDFIELD', idle, 1, 'WITHVALUES')
  local since, known, capabilities = string.match(one[2] or '', IDLE)
  if not since or now - since > FRESH_MS then return false end
  if f.capabilities ~= '' and not covers(capabilities, f.capabilities) then return false end
  call('HDEL', idle, one[1])
  local bell, brought = P .. 'bell:' .. one[1], give(one[1], f.role, f, known, now)
  f.placed = true
  -- If nobody hears it, it goes with its lease (tick.lua).
  call('RPUSH', bell, brought)
  return true
end

-- Hands over what has become ready: to the caller the best of it, when it wants just one and nothing in `index` comes
-- first; the others to idle workers, but for what a caller that wants several finds in the queue. What is handed over
-- is marked as placed → the caller's.
local function place(role, capabilities, index, wanted, now)
  local mine
  for i = 1, #fresh do
    local f = fresh[i]
    if f.deadline then f.bucket = rank(f, now) end
    if wanted == 1 and f.role == role and (not mine or f.bucket > mine.bucket)
      and (f.capabilities == '' or covers(capabilities, f.capabilities)) then
      mine = f
    end
  end
  if mine and not is_first(role, mine.bucket, index, capabilities) then mine = nil end
  if mine then mine.placed = true end
  if not fresh[2] then
    local f = fresh[1]
    if not f.placed and (wanted <= 1 or f.role ~= role) then bring(f, now) end
    return mine
  end
  local sorted, passed = { unpack(fresh) }, { [role] = wanted > 1 }
  table.sort(sorted, function(a, b) return a.bucket > b.bucket or a.bucket == b.bucket and a.at < b.at end)
  for i = 1, #sorted do
    local f = sorted[i]
    -- Where the best could not be brought, what comes after it is not brought either.
    if not f.placed and not passed[f.role] and not bring(f, now) then passed[f.role] = true end
  end
  return mine
end

return fresh, count_down, place, may_take, best_of
