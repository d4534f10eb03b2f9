-- role, lease in ms → { expired, released, aged, quarantined }. What time alone brings about in a role's queue;
-- whoever works there may call it, and it does its work a few times a second however often it is called.
local role, lease = ARGV[3], tonumber(ARGV[4])
local stream, index, state_key, now = P .. 'queue:' .. role, P .. 'queues:' .. role, P .. 'upkeep:' .. role, now_ms()
local state = call('HMGET', state_key, 'grace', 'audited', 'aged', 'looked')
local last = tonumber(state[4] or now)
if state[4] and now - last < 200 then return { 0, 0, 0, 0 } end
call('HSET', state_key, 'looked', string.format('%d', now))
local queue = make_queue()
local life = make_life(queue)
-- How many entries are looked at in one call, so that it stays short.
local BATCH = 500

local function store(field, value) call('HSET', state_key, field, value) end
-- Nobody looked for half a lease (two seconds at least): Redis was away, or everybody was. Whoever holds a lease
-- could not renew it then, and gets the time to do so.
local grace = tonumber(state[1] or '0')
if now - last > math.max(lease / 2, 2000) then
  grace = now + lease / 2
  store('grace', string.format('%d', grace))
end

-- What a bell brought that still lies there after a fifth of a lease: its agent died before it heard it, or does not
-- listen. It never began, so the attempt does not count.
local function is_unheard(task, since, attempt, agent)
  if now - since < lease / 5 then return false end
  local brought = redis.pcall('LINDEX', P .. 'bell:' .. agent, 0)
  local begins = task .. ' ' .. attempt .. ' '
  return type(brought) == 'string' and string.sub(brought, 1, #begins) == begins
end

local function hand_back(unheard)
  local tasks = queue.running(role, unheard)
  for _, one in ipairs(tasks) do
    call('DEL', P .. 'bell:' .. one.agent)
    call('HINCRBY', task_key(one.task), 'max_attempts', 1)
    queue.put_back(one.task, now)
    event('attempt_released', one.goal, one.task, one.attempt, { reason = 'nobody heard the bell that brought it' })
  end
  return #tasks
end

-- → how many ran out, and how many were brought in vain.
local function expire()
  if now < grace then return 0, 0 end
  local late, unheard, all = {}, {}, call('HGETALL', P .. 'leases:' .. role)
  for i = 1, #all, 2 do
    local since, attempt, agent = string.match(all[i + 1], '^(%d+) (%d+) (%S+)$')
    if not since then quarantine('leases:' .. role, all[i] .. ' ' .. all[i + 1], 'it is not a lease') end
    if not since or now - since >= lease then
      if #late < BATCH then late[#late + 1] = all[i] end
      if since and is_unheard(all[i], since, attempt, agent) then call('DEL', P .. 'bell:' .. agent) end
    elseif is_unheard(all[i], since, attempt, agent) then
      unheard[#unheard + 1] = all[i]
    end
  end
  local expired = queue.running(role, late)
  for _, one in ipairs(expired) do life.lose_attempt(one.task, one.attempt, one.max_attempts, one.agent, now) end
  return #expired, hand_back(unheard)
end

local function release_due()
  local released, due = 0, math.floor(now / 1000)
  for _, second in ipairs(call('HKEYS', P .. 'delayed')) do
    if not tonumber(second) then
      call('HDEL', P .. 'delayed', second)
      quarantine('delayed', second, 'it is not a second')
    elseif tonumber(second) <= due then
      for _, task in ipairs(call('LPOP', P .. 'delayed:' .. second, BATCH) or {}) do
        local f = queue.fields(task)
        if not f.state then
          quarantine('delayed:' .. second, task, 'there is no such task')
        elseif f.state == 'ready' and not f.entry then
          if pcall(queue.enqueue, task, now, f) then
            released = released + 1
          else
            -- Its queue can't be written: later, then.
            life.delay(task, now + 1000)
          end
        end
      end
      if call('EXISTS', P .. 'delayed:' .. second) == 0 then call('HDEL', P .. 'delayed', second) end
    end
  end
  return released
end

-- Tasks that have waited too long go to the front, oldest first. `aged` is how far the stream was looked
-- through; it starts over when it has come to the young ones.
local function age()
  local aged, from = 0, state[3] or '-'
  local old = call('XRANGE', stream, from, string.format('%d', now - queue.AGE_MS), 'COUNT', BATCH)
  for _, entry in ipairs(old) do
    local task = entry[2][1] == 'task' and entry[2][2]
    local f = task and call('HMGET', task_key(task), 'state', 'entry', 'aged', 'capabilities', 'attempt')
    if f and f[1] == 'ready' and f[2] == entry[1] and not f[3] then
      call('HSET', task_key(task), 'aged', 1)
      queue.list_ready('RPUSH', role, bucket_of(11, 0, f[4]), entry[1], task, f[5], f[4])
      aged = aged + 1
    end
  end
  if #old == BATCH then store('aged', '(' .. old[#old][1]) elseif state[3] then call('HDEL', state_key, 'aged') end
  return aged
end

-- Entries that nobody of us has written can't be in any list, so no claim would ever meet them.
local function audit()
  local bad, from = 0, state[2] and '(' .. state[2] or '-'
  local new = call('XRANGE', stream, from, '+', 'COUNT', BATCH)
  for _, entry in ipairs(new) do
    local fields = entry[2]
    local task = #fields == 4 and fields[1] == 'task' and fields[3] == 'json' and fields[2]
    local reason
    if not task then
      reason = 'it is not an entry of two fields, task and json'
    elseif not goal_of(task) then
      reason = 'it names no task'
    else
      local f = call('HMGET', task_key(task), 'state', 'entry')
      if not f[1] then reason = 'there is no such task' elseif f[2] ~= entry[1] then reason = 'its task stands there already' end
    end
    if reason then
      quarantine('queue:' .. role, table.concat(fields, ' '), reason)
      call('XDEL', stream, entry[1])
      bad = bad + 1
    end
  end
  if #new > 0 then store('audited', new[#new][1]) end
  return bad
end

-- Goals whose deadline is near: what is ready of them is listed anew, now with the highest priority.
local function hurry()
  local goals = call('HGETALL', P .. 'deadlines')
  for i = 1, #goals, 2 do
    local goal, deadline = goals[i], tonumber(goals[i + 1])
    if not deadline or now >= deadline - queue.URGENT_MS then
      call('HDEL', P .. 'deadlines', goal)
      for _, number in ipairs(call('HKEYS', P .. 'plan:' .. goal)) do
        local task = goal .. '.' .. number
        local f = queue.fields(task)
        if f.state == 'ready' and f.entry then
          queue.list_ready('RPUSH', f.role, queue.rank(f, now), f.entry, task, f.attempts, f.capabilities)
        end
      end
    end
  end
end

hurry()
if call('HEXISTS', index, '~goals_paused') == 1 and call('EXISTS', P .. 'goals:paused') == 0 then
  call('HDEL', index, '~goals_paused')
end
local expired, in_vain = expire()
local done = { expired, in_vain + release_due(), age(), audit() }
queue.ring_all(now)
return done
