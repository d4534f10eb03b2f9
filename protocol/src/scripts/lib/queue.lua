-- A role's queue: a stream that holds an entry for each ready task, and lists that hold them in order; the leases
-- of those that run are in a hash. The engine's page (engine.rs) says why.

local function make_queue()
  -- A task that waited so long goes to the front of its role's queue, whatever its priority (ageing).
  local AGE_MS = 600000
  -- An idle worker that has not asked for so long is taken for dead.
  local IDLE_MS = 5000

  -- Gives an idle worker, who knows these goals, what it would claim itself, if that is simply to be had → what its
  -- bell brings. `taken` are tasks that have been claimed in this call.
  local function claim_for(agent, role, capabilities, known, now, taken)
    local index, names = call('HKEYS', P .. 'queues:' .. role), {}
    for i = 1, #index do
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
          local brought = give(agent, role, { task = task, goal = goal, number = number, attempts = f[3] }, known, now)
          call('XDEL', P .. 'queue:' .. role, entry)
          taken[task] = true
          return brought
        end
      end
    end
  end

  -- Wakes one idle worker of the role that has the wanted capabilities, with a task in hand if it was heard of just
  -- now; whoever was not may be dead, and would keep the task for a lease. False when there is none.
  local function wake(role, wanted, now, taken)
    local idle = P .. 'idle:' .. role
    local function ring(agent, value)
      local since, known, capabilities = string.match(value, IDLE)
      if not since or now - tonumber(since) > IDLE_MS then
        call('HDEL', idle, agent)
      elseif wanted == '' or covers(capabilities, wanted) then
        call('HDEL', idle, agent)
        local bell, fine, claim = P .. 'bell:' .. agent, false, nil
        -- A list that can't be read is for its own turn to tell of.
        if now - tonumber(since) <= FRESH_MS then
          fine, claim = pcall(claim_for, agent, role, capabilities, known, now, taken)
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
    local f = call('HMGET', task_key(task), 'role', 'entry', 'state')
    if f[3] == 'running' then call('HDEL', P .. 'leases:' .. f[1], task) end
    if f[2] then
      call('XDEL', P .. 'queue:' .. f[1], f[2])
      call('HDEL', task_key(task), 'entry')
    end
  end

  -- Of these leases, those that stand for running attempts: each the task and, of its hash, agent, attempt and
  -- max_attempts; later tasks of a plan before earlier ones, so that put back they stand in their order. The others go.
  local function running(role, tasks)
    local found = {}
    for _, task in ipairs(tasks) do
      local f = call('HMGET', task_key(task), 'state', 'agent', 'attempt', 'max_attempts')
      if f[1] == 'running' then
        found[#found + 1] = { task = task, goal = goal_of(task), number = tonumber(number_of(task)), agent = f[2],
          attempt = f[3], max_attempts = f[4] }
      else
        call('HDEL', P .. 'leases:' .. role, task)
        if not f[1] then quarantine('leases:' .. role, task, 'there is no such task') end
      end
    end
    table.sort(found, function(a, b) return a.goal > b.goal or a.goal == b.goal and a.number > b.number end)
    return found
  end

  return {
    covers = covers, wake = wake, ring_all = ring_all, list_ready = list_ready,
    AGE_MS = AGE_MS, URGENT_MS = URGENT_MS, rank = rank, fields = fields, add_entry = add_entry,
    enqueue = enqueue, put_back = put_back, unqueue = unqueue, running = running,
  }
end
