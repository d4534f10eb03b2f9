-- A worker's turn: publishes what it finished and claims what it does next, in one call.
-- role, capabilities ('+a+b+'), how many to claim, '1' when it is on the list of the idle, the goals that it
-- knows (' g-… g-… '), then for each result: task, attempt, status, detail, JSON →
--   { upkeep due (0|1), paused (0|1), ask again (0|1), { outcome … }, { task, attempt, JSON … }, { goal, JSON … } }
-- An outcome is 'ok', 'stale', or 'done' when the same attempt's result is there already (a reply was lost).
-- The caller is the agent. The detail of a success is what its event tells, as JSON, with the commit in it; of
-- another ending, the backoff in ms and the reason.
-- This script is the engine's cost: in its steady state (successes without dependents, one list of ready tasks) it
-- makes few closures and runs few commands; what is rarer (make_queue, make_life) is made when needed. Numbers
-- that go to Redis are texts already: Lua would write each as a floating-point number, which takes longer than
-- most commands.
local agent, role, capabilities, wanted = WHO, ARGV[3], ARGV[4], tonumber(ARGV[5])
local stream, events = P .. 'queue:' .. role, P .. 'events'
local queue, life
-- The time of the first event of this turn, as a text; asking for it by itself costs another command.
local now

-- Ids were checked on the way in, so that they can stand in an event's JSON as they are.
local by = '","who":"' .. agent .. '","goal":"'

local function clock()
  now = now or string.format('%d', now_ms())
  return tonumber(now)
end

local function need_queue()
  queue = queue or make_queue()
  return queue
end

local function need_life()
  life = life or make_life(need_queue())
  return life
end

-- The rarer endings of an attempt.
local function end_otherwise(task, goal, attempt, status, detail)
  local k, backoff, reason = task_key(task), string.match(detail, '^(%d+) (.*)$')
  if status == 'needs_follow_up' then
    -- Held until a master has added the tasks that must come first (grow.lua); an attempt that found
    -- out what is missing was not a failed one, so it does not count.
    need_queue().unqueue(task)
    local round = call('HINCRBY', k, 'rounds', 1)
    call('HINCRBY', k, 'max_attempts', 1)
    call('HINCRBY', k, 'pending', 1)
    call('HSET', k, 'state', 'waiting', 'error', reason)
    call('XADD', P .. 'follow_ups', '*', 'task', task, 'round', round)
    event('task_needs_follow_up', goal, task, attempt, { error = reason, round = round })
  elseif status == 'blocked' then
    need_life().give_up(task, attempt, 'blocked', reason, clock())
  elseif status == 'failed' and tonumber(attempt) < tonumber(call('HGET', k, 'max_attempts')) then
    need_queue().unqueue(task)
    call('HSET', k, 'state', 'ready', 'error', reason)
    need_life().delay(task, clock() + tonumber(backoff))
    count('retried')
    event('attempt_failed', goal, task, attempt, { error = reason, backoff_ms = tonumber(backoff) })
  else
    need_life().give_up(task, attempt, 'failed', reason, clock())
  end
end

local function count_down(goal, dependents)
  for number in string.gmatch(dependents, '%d+') do
    local dependent = goal .. '.' .. number
    if call('HINCRBY', task_key(dependent), 'pending', -1) == 0 then
      local f = need_queue().fields(dependent)
      if f.state == 'waiting' then
        -- A queue that can't be written (somebody put another type there) must not keep half of a publish: the
        -- task is tried again later, as after a backoff.
        if not pcall(queue.enqueue, dependent, clock(), f) then
          call('HSET', task_key(dependent), 'state', 'ready')
          need_life().delay(dependent, clock() + 1000)
        end
        event('task_ready', goal, dependent)
      end
    end
  end
end

-- Publishing.
local outcomes, acknowledged, finished = {}, {}, {}
for at = 8, #ARGV, 5 do
  local task, attempt, status = ARGV[at], ARGV[at + 1], ARGV[at + 2]
  local goal, number = string.match(task, '^(.-)%.(%d+)$')
  local f = call('HMGET', P .. 'task:' .. task, 'state', 'attempt', 'agent', 'entry', 'dependents')
  if f[1] == 'running' and f[2] == attempt and f[3] == agent then
    outcomes[#outcomes + 1] = 'ok'
    call('HSET', P .. 'results:' .. goal, number, ARGV[at + 4])
    if status == 'succeeded' then
      local id = call('XADD', events, '*', 'event', '{"kind":"task_succeeded' .. by .. goal .. '","task":"' .. task
        .. '","attempt":' .. attempt .. ',"data":' .. ARGV[at + 3] .. '}')
      now = now or string.sub(id, 1, 13)
      call('HSET', P .. 'task:' .. task, 'state', 'succeeded', 'ended_ms', now)
      acknowledged[#acknowledged + 1] = f[4]
      finished[goal] = (finished[goal] or 0) + 1
      finished[goal .. ' last'] = ARGV[at + 3]
      if f[5] then count_down(goal, f[5]) end
    else
      end_otherwise(task, goal, attempt, status, ARGV[at + 3])
    end
  elseif f[1] == 'succeeded' and status == 'succeeded' and f[2] == attempt and f[3] == agent then
    outcomes[#outcomes + 1] = 'done'
  else
    outcomes[#outcomes + 1] = 'stale'
    count('stale')
    event('publish_refused', goal, task, attempt, { agent = agent })
  end
end
if #acknowledged > 0 then
  call('XACK', stream, 'workers', unpack(acknowledged))
  call('XDEL', stream, unpack(acknowledged))
  call('HINCRBY', P .. 'metrics:tasks', 'succeeded', string.format('%d', #acknowledged))
  for goal, n in pairs(finished) do
    if type(n) == 'number' and call('HINCRBY', P .. 'goal:' .. goal, 'open', string.format('%d', -n)) <= 0 then
      local commit = string.match(finished[goal .. ' last'], '"commit":"(%w+)"')
      if commit then call('HSET', P .. 'goal:' .. goal, 'commit', commit) end
      need_life().close_goal_if_done(goal, clock())
    end
  end
end

-- The lists of this role that this worker may take from, and what else stands with them.
local index = call('HGETALL', P .. 'queues:' .. role)
local buckets, paused, goals_paused, looked_after = {}, 0, false, 0
for i = 1, #index, 2 do
  local name = index[i]
  if string.byte(name) ~= 126 then
    local needed = #name > 6 and string.match(name, '^%d+:%d+:(.+)$')
    if not needed or need_queue().covers(capabilities, needed) then buckets[#buckets + 1] = name end
  elseif name == '~tick' then looked_after = tonumber(index[i + 1])
  elseif name == '~paused' then paused = 1
  elseif name == '~goals_paused' then goals_paused = true
  end
end

-- Claiming.
local claims, taken, entries, goals, known = {}, {}, {}, {}, ARGV[7]
local missing = paused == 1 and 0 or wanted
-- A bound on elements that give no attempt, so that one call stays short.
local looks = wanted + 256
while missing > 0 and #buckets > 0 and looks > 0 do
  local best = 1
  for i = 2, #buckets do if buckets[i] > buckets[best] then best = i end end
  local elements = call('LPOP', P .. 'ready:' .. role .. ':' .. buckets[best], string.format('%d', missing))
  local found = elements and #elements or 0
  if found < missing then
    call('HDEL', P .. 'queues:' .. role, buckets[best])
    table.remove(buckets, best)
  end
  looks = looks - found
  for i = 1, found do
    local entry, task, goal = string.match(elements[i], '^(%d+%-%d+) ((.-)%.%d+)$')
    local f = task and call('HMGET', P .. 'task:' .. task, 'state', 'entry', 'attempt')
    if not task then
      quarantine('ready:' .. role, elements[i], 'it names no task')
    elseif not f[1] then
      quarantine('ready:' .. role, elements[i], 'there is no such task')
    elseif f[1] == 'ready' and f[2] == entry then
      if goals_paused and call('HGET', P .. 'goal:' .. goal, 'state') == 'paused' then
        need_life().park(goal, task, role, entry)
      else
        local attempt = string.format('%d', f[3] + 1)
        local id = call('XADD', events, '*', 'event', '{"kind":"task_claimed' .. by .. goal .. '","task":"' .. task
          .. '","attempt":' .. attempt .. '}')
        now = now or string.sub(id, 1, 13)
        call('HSET', P .. 'task:' .. task, 'state', 'running', 'attempt', attempt, 'agent', agent, 'started_ms', now)
        entries[#entries + 1] = entry
        taken[task] = true
        local n = #claims
        claims[n + 1], claims[n + 2], claims[n + 3] = task, attempt, ''
        if not string.find(known, ' ' .. goal .. ' ', 1, true) then
          known = known .. goal .. ' '
          goals[#goals + 1] = goal
          goals[#goals + 1] = call('HGET', P .. 'goal:' .. goal, 'goal') or ''
        end
      end
    end
  end
  missing = wanted - #entries
end

-- The leases begin: the entries stand in this worker's name from now on. They bring the tasks.
if #entries > 0 then
  local n = #entries
  entries[n + 1] = 'FORCE'
  local held = redis.pcall('XCLAIM', stream, 'workers', agent, '0', unpack(entries))
  if held.err and string.find(held.err, 'NOGROUP', 1, true) then
    call('XGROUP', 'CREATE', stream, 'workers', '0', 'MKSTREAM')
    held = call('XCLAIM', stream, 'workers', agent, '0', unpack(entries))
  elseif held.err then
    error(held.err, 0)
  end
  local at = 1
  for i = 1, n do
    local got = held[at]
    if not got or got[1] ~= entries[i] then
      -- Somebody deleted the entry by hand: the task gets a new one.
      local task = claims[i * 3 - 2]
      local entry = need_queue().add_entry(role, task)
      call('HSET', task_key(task), 'entry', entry)
      got = call('XCLAIM', stream, 'workers', agent, '0', entry, 'FORCE')[1]
    else
      at = at + 1
    end
    claims[i * 3] = got[2][4] or ''
  end
end

if wanted > 0 and (missing > 0 or paused == 1) then
  call('HSET', P .. 'idle:' .. role, agent, string.format('%d', clock()) .. ' ' .. capabilities)
elseif ARGV[6] == '1' then
  call('HDEL', P .. 'idle:' .. role, agent)
end
if queue then queue.ring_all(clock(), taken) end
return { clock() - looked_after > 250 and 1 or 0, paused, looks <= 0 and 1 or 0, outcomes, claims, goals }
