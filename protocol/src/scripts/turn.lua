-- A worker's turn: publishes what it finished and claims what it does next, in one call.
-- role, capabilities ('+a+b+'), how many to claim, what it asks besides, the goals that it knows (' g-… g-… '), then
-- for each result: goal, number of the task, attempt, detail, JSON →
--   { head, then task, attempt, JSON of each claim, then goal, JSON of each goal that it does not know }
-- Besides: 'idle' when it may be on the list of the idle, 'look' when it wants to know when somebody last looked after
-- the queue, both, none, or 'steady' for none of them with one success and one claim (lib/steady.lua).
-- The head: the time, when somebody last looked ('-': not asked), paused (0|1), ask again (0|1), the number of claims,
-- then an outcome for each result: 'ok', 'stale', or 'done' when the same attempt's result is there already (a reply
-- was lost).
-- The caller is the agent. The detail of a success is its event, as JSON, with the commit in it; of another ending,
-- its status, the backoff in ms and the reason.
-- This script is the engine's cost: it runs few commands, and makes few tables and no closures that it does not call.
-- Handing on what becomes ready comes from make_hand, what is rarer from make_rare: to make that costs as much as
-- seven commands.
-- What fails midway (somebody put another type under one of our keys) is told at the end, when what was begun is
-- finished: a result that is sent again then is 'done'.
local agent, role, wanted = WHO, args[3], args[5] == '1' and 1 or tonumber(args[5])
local leases, asked = P .. 'leases:' .. role, args[6]
local is_idle = asked == 'idle' or asked == 'idle look'
local rare, problem
local fresh, count_down, place, may_take, best_of
-- Tables are made with room for what the steady state puts there: to grow one costs a good part of a command.
told = { nil, nil, nil, nil, nil, nil }

-- Ids were checked on the way in, so that they can stand in an event's JSON as they are.
local by = '","who":"' .. agent .. '","goal":"'

-- Publishing: all but the state of what succeeded, for which the time is not known yet.
local outcomes, ended, succeeded, goals_of = '', { nil }, {}, { nil }
for at = 8, #args, 5 do
  local goal, number, attempt, detail = args[at], args[at + 1], args[at + 2], args[at + 3]
  local task, is_success = goal .. '.' .. number, asked == 'steady' or string.byte(detail) == 123
  local key = P .. 'task:' .. task
  local f = at == 8 and fence or try('HMGET', key, 'state', 'attempt', 'agent', 'dependents')
  if f[1] == 'running' and f[2] == attempt and f[3] == agent and not succeeded[task] then
    outcomes = outcomes .. ' ok'
    local stored = try('HSET', P .. 'results:' .. goal, number, args[at + 4])
    if stored ~= 0 and stored ~= 1 then
      problem = stored
      break
    elseif is_success then
      local n = #told
      told[n + 1] = 'event'
      told[n + 2] = detail
      n = #ended + 1
      ended[n], goals_of[n] = task, goal
      succeeded[task] = key
      if f[4] then
        if not fresh then fresh, count_down, place, may_take, best_of = make_hand() end
        local fine, why = pcall(count_down, goal, f[4])
        if not fine then problem = why end
      end
    else
      rare = rare or make_rare()
      problem = rare.try(rare.end_otherwise, task, attempt, detail) or problem
    end
  elseif is_success and f[2] == attempt and f[3] == agent and (f[1] == 'succeeded' or succeeded[task]) then
    outcomes = outcomes .. ' done'
  elseif f.err then
    problem = f
  else
    outcomes = outcomes .. ' stale'
    rare = rare or make_rare()
    rare.refuse(task, attempt)
  end
end
if ended[1] then
  try('HDEL', leases, unpack(ended))
  try('HINCRBY', KEYS[1], 'succeeded', ended[2] and string.format('%d', #ended) or '1')
  -- Once for those of one goal that follow one another.
  local from = 1
  repeat
    local goal, n = goals_of[from], 1
    while goals_of[from + n] == goal do n = n + 1 end
    local open = try('HINCRBY', P .. 'goal:' .. goal, 'open', n == 1 and '-1' or string.format('%d', -n))
    if type(open) ~= 'number' then
      problem = open
    elseif open <= 0 then
      rare = rare or make_rare()
      problem = rare.try(rare.end_goal, goal, succeeded) or problem
    end
    from = from + n
  until not goals_of[from]
end

-- The lists of this role's ready tasks, of which the greatest name that this worker may take from is served first;
-- and what else stands with them, after a tilde: the greatest character of all.
local index = try('HKEYS', P .. 'queues:' .. role)
problem = index.err and index or problem
local paused, goals_paused, best, best_at = '0', false, '', nil
for i = 1, #index do
  local name = index[i]
  if name >= '~' then
    if name == '~paused' then paused = '1' elseif name == '~goals_paused' then goals_paused = true end
  elseif name > best then
    if #name > 6 and not fresh then fresh, count_down, place, may_take, best_of = make_hand() end
    if #name <= 6 or may_take(args[4], name) then best, best_at = name, i end
  end
end

-- Claiming: who gets what; first what an idle worker was given and did not hear of yet.
local answer, begun, given, goals, known = { '', nil, nil, nil }, 0, 0, nil, args[7]
if is_idle and wanted > 0 then
  local brought = try('LPOP', P .. 'bell:' .. agent)
  local parts
  if brought then
    rare = rare or make_rare()
    parts = rare.still_held(brought)
  end
  if parts then
    given, answer[2], answer[3], answer[4] = 1, parts[1], parts[2], parts[3]
    if not string.find(known, ' ' .. parts[4] .. ' ', 1, true) then
      known = known .. parts[4] .. ' '
      goals = { parts[4], parts[5] ~= '' and parts[5] or call('HGET', P .. 'goal:' .. parts[4], 'goal') or '' }
    end
  end
end
local missing = (paused == '1' or problem) and 0 or wanted - given
-- What became ready goes to whoever can begin with it at once, the others into their queues.
local mine
if fresh and fresh[1] then
  if is_idle then try('HDEL', P .. 'idle:' .. role, agent) end
  local time = call('TIME')
  local fine, f = pcall(place, role, args[4], index, goals_paused and 0 or missing,
    time[1] * 1000 + math.floor(time[2] / 1000))
  if not fine then
    problem = f
  elseif f then
    mine = '- ' .. f.task .. ' ' .. f.attempts
  end
  for i = 1, #fresh do
    if not fresh[i].placed then
      rare = rare or make_rare()
      problem = rare.try(rare.enqueue, fresh, role, index) or problem
      break
    end
  end
  best, best_at = best_of(index, args[4])
end
-- What the steady state took from a list before it broke off: if nothing is to be claimed now, it is ready again.
local first
if popped then
  rare = rare or make_rare()
  first = rare.sift(role, { popped }, goals_paused, answer)
  if missing == 0 and first[1] then rare.take_back({ string.match(first[1], '^%S+ (%S+)') }) end
end
-- A bound on elements that give no attempt, so that one call stays short.
local looks = wanted + 256
while missing > 0 and looks > 0 and (mine or first or best_at) do
  local elements
  if mine then
    elements, mine = { mine }, nil
  elseif first then
    elements, first = first, nil
  else
    local list = P .. 'ready:' .. role .. ':' .. best
    if missing == 1 then
      elements = try('LPOP', list) or {}
      if type(elements) == 'string' then elements = { elements } end
    else
      elements = try('LPOP', list, missing == wanted and args[5] or string.format('%d', missing)) or {}
    end
    local found = #elements
    if found < missing then
      problem = elements.err and elements or problem
      try('HDEL', P .. 'queues:' .. role, best)
      index[best_at] = '~'
      if not fresh then fresh, count_down, place, may_take, best_of = make_hand() end
      best, best_at = best_of(index, args[4])
    end
    looks = looks - found
    -- A task is ready while its entry stands in the queue. Where some do not, or may not be handed out, each is
    -- looked at.
    if found > 0 then
      local entries = { nil }
      for i = 1, found do entries[i] = string.match(elements[i], '^%d+%-%d+') or '0-0' end
      if goals_paused or try('XDEL', P .. 'queue:' .. role, unpack(entries)) ~= found then
        rare = rare or make_rare()
        elements = rare.sift(role, elements, goals_paused, answer)
      end
    end
  end
  for i = 1, #elements do
    local task, goal, number, attempt = string.match(elements[i], '^%S+ (([^.]+)%.(%d+)) (%d+)$')
    attempt = attempt == '0' and '1' or string.format('%d', attempt + 1)
    local n = #told
    told[n + 1] = 'event'
    told[n + 2] = '{"kind":"task_claimed' .. by .. goal .. '","task":"' .. task .. '","attempt":' .. attempt .. '}'
    local json = try('HGET', P .. 'plan:' .. goal, number)
    n = #answer
    answer[n + 1], answer[n + 2], answer[n + 3] = task, attempt, type(json) == 'string' and json or ''
    begun = begun + 1
    if not string.find(known, ' ' .. goal .. ' ', 1, true) then
      known = known .. goal .. ' '
      json = try('HGET', P .. 'goal:' .. goal, 'goal')
      goals = goals or {}
      goals[#goals + 1] = goal
      goals[#goals + 1] = type(json) == 'string' and json or ''
    end
  end
  missing = wanted - given - begun
end

-- Whoever is idle gets what became ready and was not claimed here; not the caller itself.
if rare then
  if is_idle then try('HDEL', P .. 'idle:' .. role, agent) end
  problem = rare.try(rare.ring_all, answer) or problem
end

-- What happened, in one entry; in several when it is much. Its id is the time of all of it.
local now
for from = 1, #told, 128 do
  local id = try('XADD', P .. 'events', '*', unpack(told, from, math.min(from + 127, #told)))
  if type(id) == 'string' then now = string.sub(id, 1, 13) else problem = id end
end
if not now then
  local time = call('TIME')
  now = time[1] .. string.format('%03d', time[2] / 1000)
end
for i = 1, #ended do call('HSET', succeeded[ended[i]], 'state', 'succeeded', 'ended_ms', now) end

-- The leases begin.
local claimed = '0'
if begun > 0 then
  local held = { nil, nil }
  for i = 1, begun do
    local at = 3 * (i + given)
    held[2 * i - 1], held[2 * i] = answer[at - 1], now .. ' ' .. answer[at] .. ' ' .. agent
  end
  local stored = try('HSET', leases, unpack(held))
  if type(stored) ~= 'number' then
    problem = stored
    local tasks = {}
    for i = 1, begun do tasks[i] = answer[3 * (i + given) - 1] end
    rare = rare or make_rare()
    rare.try(rare.take_back, tasks)
    begun = 0
  end
  for i = 1, begun do
    local at = 3 * (i + given)
    call('HSET', P .. 'task:' .. answer[at - 1], 'state', 'running', 'attempt', answer[at], 'agent', agent,
      'started_ms', now)
  end
  claimed = missing == 0 and args[5] or string.format('%d', begun + given)
elseif given == 1 then
  claimed = '1'
end

if wanted > given and (missing > 0 or paused == '1') then
  call('HSET', P .. 'idle:' .. role, agent, now .. known .. args[4])
elseif is_idle then
  call('HDEL', P .. 'idle:' .. role, agent)
end
if problem then return type(problem) == 'table' and problem or redis.error_reply(tostring(problem)) end
local looked = '-'
if asked == 'look' or asked == 'idle look' then looked = try('HGET', P .. 'upkeep:' .. role, 'looked') or '0' end
if looked.err then looked = '0' end
answer[1] = now .. ' ' .. looked .. ' ' .. paused .. (looks <= 0 and ' 1 ' or ' 0 ') .. claimed .. outcomes
for i = 1, goals and #goals or 0 do answer[#answer + 1] = goals[i] end
return answer
