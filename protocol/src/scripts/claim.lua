-- agent id, role, capabilities ('+a+b+'), lease in ms →
--   { 'task', task id, attempt, JSON, goal JSON } or { 'none', bell keys … }.
-- Looks through the role's queues, highest priority first. In each, an entry whose lease ran out
-- comes before a new one, so a dead agent's task does not wait behind the backlog.
local agent, role, capabilities, lease = ARGV[3], ARGV[4], ARGV[5], tonumber(ARGV[6])

local function covered(wanted)
  for capability in string.gmatch(wanted, '[^+]+') do
    if not string.find(capabilities, '+' .. capability .. '+', 1, true) then return false end
  end
  return true
end

local suffixes, bells = {}, { key('bell', role) }
for _, suffix in ipairs(redis.call('HKEYS', key('queues', role))) do
  local wanted = string.match(suffix, '^%d%d:(.+)$')
  if not wanted then
    suffixes[#suffixes + 1] = suffix
  elseif covered(wanted) then
    suffixes[#suffixes + 1] = suffix
    bells[#bells + 1] = key('bell', role, wanted)
  end
end
table.sort(suffixes, function(a, b) return a > b end)

local function take(stream)
  local late = redis.call('XAUTOCLAIM', stream, 'workers', agent, lease, '0', 'COUNT', 1)
  if late[2][1] then return late[2][1] end
  local fresh = redis.call('XREADGROUP', 'GROUP', 'workers', agent, 'COUNT', 1, 'STREAMS', stream, '>')
  return fresh and fresh[1][2][1]
end

local function quarantine(stream, entry, reason)
  redis.call('XADD', key('quarantine'), '*', 'from', stream, 'entry', cjson.encode(entry[2]), 'reason', reason)
  redis.call('XACK', stream, 'workers', entry[1])
  redis.call('XDEL', stream, entry[1])
end

-- Starts an attempt, or says why the entry gives none.
local function start(stream, entry)
  local task = entry[2] and entry[2][1] == 'task' and entry[2][2]
  local goal = task and goal_of(task)
  if not goal then return quarantine(stream, entry, 'it names no task') end
  local k = task_key(task)
  local f = redis.call('HMGET', k, 'state', 'attempt', 'max_attempts', 'entry', 'agent')
  if not f[1] then return quarantine(stream, entry, 'there is no such task') end
  if f[4] ~= entry[1] or (f[1] ~= 'ready' and f[1] ~= 'running') then
    redis.call('XACK', stream, 'workers', entry[1])
    redis.call('XDEL', stream, entry[1])
    return
  end
  if f[1] == 'running' then
    count('expired')
    event('lease_expired', goal, task, f[2], { agent = f[5] })
    if tonumber(f[2]) >= tonumber(f[3]) then
      give_up(task, f[2], 'failed', 'its agent died in each of ' .. f[2] .. ' attempts, the last was ' .. f[5])
      return
    end
  end
  local json = redis.call('HGET', key('plan', goal), string.match(task, '%.(%d+)$'))
  if not json then return quarantine(stream, entry, 'its plan is gone') end
  local attempt = redis.call('HINCRBY', k, 'attempt', 1)
  local started = now_ms()
  redis.call('HSET', k, 'state', 'running', 'agent', agent, 'started_ms', started)
  redis.call('HSETNX', k, 'first_started_ms', started)
  count('claimed')
  event('task_claimed', goal, task, attempt)
  return { 'task', task, attempt, json, redis.call('HGET', goal_key(goal), 'goal') or '' }
end

-- A bound on entries that give no attempt, so that one call stays short.
for _ = 1, 32 do
  local found = false
  for _, suffix in ipairs(suffixes) do
    local stream = key('queue', role, suffix)
    local entry = take(stream)
    if entry then
      found = true
      local claimed = start(stream, entry)
      if claimed then return claimed end
      break
    end
  end
  if not found then break end
end
return { 'none', unpack(bells) }
