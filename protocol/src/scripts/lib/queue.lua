-- A role's queue: a stream that holds an entry for each ready task, and lists that hold them in order; the leases
-- of those that run are in a hash. The engine's page (engine.rs) says why.

local function make_queue()
  -- A task that waited so long goes to the front of its role's queue, whatever its priority (ageing).
  local AGE_MS = 600000
  -- From so long before its goal's deadline on, a task has the highest priority.
  local URGENT_MS = 900000
  -- An idle worker that has not asked for so long is taken for dead.
  local IDLE_MS = 5000
  -- One that has not asked for so long is rung for, but gets no task in hand; they ask every second.
  local FRESH_MS = 1500

  -- How path lengths share lists: exact up to 64, then sixteen classes for each doubling.
  local function path_class(path)
    if path <= 64 then return path end
    local doubling = math.floor(math.log(path) / math.log(2))
    return 65 + (doubling - 6) * 16 + math.floor((path / 2 ^ doubling - 1) * 16)
  end

  -- The name of the list that a task belongs to; of two, the greater is served first.
  local function bucket_of(priority, path, capabilities)
    local bucket = string.format('%02d:%03d', priority, path_class(path))
    if capabilities and capabilities ~= '' then bucket = bucket .. ':' .. capabilities end
    return bucket
  end

  local function covers(capabilities, wanted)
    for capability in string.gmatch(wanted, '[^+]+') do
      if not string.find(capabilities, '+' .. capability .. '+', 1, true) then return false end
    end
    return true
  end

  -- Claims for an idle worker what it would claim itself, if that is simply to be had → the claim as its bell
  -- brings it: task, attempt, JSON, goal, JSON. `taken` are tasks that have been claimed in this call.
  local function claim_for(agent, role, capabilities, now, taken)
    local index, names = call('HGETALL', P .. 'queues:' .. role), {}
    for i = 1, #index, 2 do
      local name = index[i]
      if name == '~paused' or name == '~goals_paused' then return end
      if string.byte(name) ~= 126 and covers(capabilities, string.match(name, '^%d+:%d+:(.+)$') or '') then
        names[#names + 1] = name
      end
    end
    table.sort(names)
    for i = #names, 1, -1 do
      local list = P .. 'ready:' .. role .. ':' .. names[i]
      for _ = 1, 64 do
        local element = call('LPOP', list)
        if not element then break end
        local entry, task, goal, number = string.match(element, '^(%d+%-%d+) (([^. ]+)%.(%d+))')
        local f = task and call('HMGET', task_key(task), 'state', 'entry', 'attempt')
        if not task or not f[1] then
          quarantine('ready:' .. role, element, task and 'there is no such task' or 'it names no task')
        elseif f[1] == 'ready' and f[2] == entry and not taken[task] then
          local attempt, at = string.format('%d', f[3] + 1), string.format('%d', now)
          call('HSET', P .. 'leases:' .. role, task, at .. ' ' .. attempt .. ' ' .. agent)
          call('HSET', task_key(task), 'state', 'running', 'attempt', attempt, 'agent', agent, 'started_ms', at)
          call('XDEL', P .. 'queue:' .. role, entry)
          event('task_claimed', goal, task, attempt, nil, agent)
          taken[task] = true
          local json = call('HGET', P .. 'plan:' .. goal, number) or ''
          return cjson.encode({ task, attempt, json, goal, call('HGET', goal_key(goal), 'goal') or '' })
        end
      end
    end
  end

  -- Wakes one idle worker of the role that has the wanted capabilities, with a task in hand if it was heard of just
  -- now; whoever was not may be dead, and would keep the task for a lease. False when there is none.
  local function wake(role, wanted, now, taken)
    local idle = P .. 'idle:' .. role
    local function ring(agent, value)
      local since, capabilities = string.match(value, '^(%d+) (.*)$')
      if not since or now - tonumber(since) > IDLE_MS then
        call('HDEL', idle, agent)
      elseif wanted == '' or covers(capabilities, wanted) then
        call('HDEL', idle, agent)
        local bell, fine, claim = P .. 'bell:' .. agent, false, nil
        -- A list that can't be read is for its own turn to tell of.
        if now - tonumber(since) <= FRESH_MS then
          fine, claim = pcall(claim_for, agent, role, capabilities, now, taken)
        end
        local claimed = fine and claim
        call('RPUSH', bell, claimed or 1)
        -- Whoever died before hearing it must not leave it behind.
        call('EXPIRE', bell, 60)
        return claimed and 'claimed' or 'rung'
      end
    end
    if wanted == '' then
      for _ = 1, 64 do
        local one = call('HRANDFIELD', idle, 1, 'WITHVALUES')
        if not one[1] then return false end
        local what = ring(one[1], one[2])
        if what then return what end
      end
      return false
    end
    local all = call('HGETALL', idle)
    for i = 1, #all, 2 do
      local what = ring(all[i], all[i + 1])
      if what then return what end
    end
    return false
  end

  -- What was put into queues in this call; whoever is not taken by the caller itself wakes somebody. A worker that
  -- was given another task, which comes first, does not come for this one.
  local rings = {}

  local function ring_all(now, taken)
    local nobody = {}
    taken = taken or {}
    for _, r in ipairs(rings) do
      local whom = r[1] .. ':' .. r[2]
      local woken = 'claimed'
      while woken == 'claimed' and not nobody[whom] and not taken[r[3]] do
        woken = wake(r[1], r[2], now, taken)
        if not woken then nobody[whom] = true end
      end
    end
  end

  -- Lists a ready task with the attempts that were made at it; `where` is RPUSH (behind its equals) or LPUSH
  -- (before them).
  local function list_ready(where, role, bucket, entry, task, attempts, capabilities)
    local element = entry .. ' ' .. task .. ' ' .. (attempts or 0)
    if call(where, P .. 'ready:' .. role .. ':' .. bucket, element) == 1 then
      call('HSET', P .. 'queues:' .. role, bucket, 1)
    end
    rings[#rings + 1] = { role, capabilities or '', task }
  end

  local function rank(f, now)
    local priority = tonumber(f.priority)
    if f.deadline and now >= tonumber(f.deadline) - URGENT_MS then priority = 10 end
    return bucket_of(priority, tonumber(f.path), f.capabilities)
  end

  local function fields(task)
    local f = call('HMGET', task_key(task), 'role', 'priority', 'path', 'capabilities', 'deadline_ms', 'state', 'entry',
      'attempt')
    return { role = f[1], priority = f[2], path = f[3], capabilities = f[4], deadline = f[5], state = f[6], entry = f[7],
      attempts = f[8] }
  end

  -- An entry of a role's queue: the task's id, and the task, for people to look at. Its size also keeps few
  -- entries in each node of the stream, which is what finding and deleting one costs by.
  local function add_entry(role, task)
    local json = call('HGET', P .. 'plan:' .. goal_of(task), number_of(task)) or ''
    return call('XADD', P .. 'queue:' .. role, '*', 'task', task, 'json', json)
  end

  -- Puts a task that has become ready into its role's queue.
  local function enqueue(task, now, f)
    f = f or fields(task)
    local entry = add_entry(f.role, task)
    call('HSET', task_key(task), 'state', 'ready', 'entry', entry)
    list_ready('RPUSH', f.role, rank(f, now), entry, task, f.attempts, f.capabilities)
  end

  -- Puts a running task back before its equals; its lease ends.
  local function put_back(task, now)
    local f = fields(task)
    call('HDEL', P .. 'leases:' .. f.role, task)
    local entry = add_entry(f.role, task)
    call('HSET', task_key(task), 'state', 'ready', 'entry', entry)
    call('HDEL', task_key(task), 'aged')
    list_ready('LPUSH', f.role, rank(f, now), entry, task, f.attempts, f.capabilities)
  end

  -- Takes a task out of its queue, and its lease from whoever holds it. What the lists still say of it is stale:
  -- an element counts only while the task is ready with that entry.
  local function unqueue(task)
    local f = call('HMGET', task_key(task), 'role', 'entry')
    if f[2] and f[2] ~= '' then
      call('XDEL', P .. 'queue:' .. f[1], f[2])
      call('HDEL', P .. 'leases:' .. f[1], task)
      call('HDEL', task_key(task), 'entry')
    end
  end

  -- Of these leases, those that stand for running attempts: each the task and, of its hash, entry, agent, attempt
  -- and max_attempts; in the order in which the tasks came into the queue. The others go.
  local function running(role, tasks)
    local found = {}
    for _, task in ipairs(tasks) do
      local f = call('HMGET', task_key(task), 'state', 'entry', 'agent', 'attempt', 'max_attempts')
      if f[1] == 'running' then
        local ms, sequence = string.match(f[2] or '', '^(%d+)%-(%d+)$')
        found[#found + 1] = { task = task, ms = tonumber(ms or 0), sequence = tonumber(sequence or 0), agent = f[3],
          attempt = f[4], max_attempts = f[5] }
      else
        call('HDEL', P .. 'leases:' .. role, task)
        if not f[1] then quarantine('leases:' .. role, task, 'there is no such task') end
      end
    end
    table.sort(found, function(a, b) return a.ms < b.ms or a.ms == b.ms and a.sequence < b.sequence end)
    return found
  end

  return {
    bucket_of = bucket_of, covers = covers, wake = wake, ring_all = ring_all, list_ready = list_ready,
    AGE_MS = AGE_MS, URGENT_MS = URGENT_MS, rank = rank, fields = fields, add_entry = add_entry,
    enqueue = enqueue, put_back = put_back, unqueue = unqueue, running = running,
  }
end
