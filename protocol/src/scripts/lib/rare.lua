-- What a turn does seldom. Stands in a function with the shared parts (client/scripts.rs), so that a turn that
-- needs none of it makes none of it.
local queue = make_queue()
local life = make_life(queue)

-- The endings of an attempt that are no success.
local function end_otherwise(task, attempt, status, detail)
  local k, goal, now, backoff, reason = task_key(task), goal_of(task), now_ms(), string.match(detail, '^(%d+) (.*)$')
  if status == 'needs_follow_up' then
    -- Held until a master has added the tasks that must come first (grow.lua); an attempt that found
    -- out what is missing was not a failed one, so it does not count.
    queue.unqueue(task)
    local round = call('HINCRBY', k, 'rounds', 1)
    call('HINCRBY', k, 'max_attempts', 1)
    call('HINCRBY', k, 'pending', 1)
    call('HSET', k, 'state', 'waiting', 'error', reason)
    call('XADD', P .. 'follow_ups', '*', 'task', task, 'round', round)
    event('task_needs_follow_up', goal, task, attempt, { error = reason, round = round })
  elseif status == 'blocked' then
    life.give_up(task, attempt, 'blocked', reason, now)
  elseif status == 'failed' and tonumber(attempt) < tonumber(call('HGET', k, 'max_attempts')) then
    queue.unqueue(task)
    call('HSET', k, 'state', 'ready', 'error', reason)
    life.delay(task, now + tonumber(backoff))
    count('retried')
    event('attempt_failed', goal, task, attempt, { error = reason, backoff_ms = tonumber(backoff) })
  else
    life.give_up(task, attempt, 'failed', reason, now)
  end
end

-- A task succeeded: each of its dependents waits for one thing less.
local function count_down(goal, dependents)
  local now
  for number in string.gmatch(dependents, '%d+') do
    local dependent = goal .. '.' .. number
    if call('HINCRBY', task_key(dependent), 'pending', -1) == 0 then
      local f = queue.fields(dependent)
      if f.state == 'waiting' then
        now = now or now_ms()
        -- A queue that can't be written (somebody put another type there) must not keep half of a publish: the
        -- task is tried again later, as after a backoff.
        if not pcall(queue.enqueue, dependent, now, f) then
          call('HSET', task_key(dependent), 'state', 'ready')
          life.delay(dependent, now + 1000)
        end
        event('task_ready', goal, dependent)
      end
    end
  end
end

-- The last open task of a goal succeeded: of those that `succeeded` in this turn, the last is the goal's result.
local function end_goal(goal, succeeded)
  for at = #ARGV - 4, 8, -5 do
    if succeeded[ARGV[at]] and goal_of(ARGV[at]) == goal then
      local commit = string.match(ARGV[at + 3], '"commit":"(%w+)"')
      if commit then call('HSET', goal_key(goal), 'commit', commit) end
      break
    end
  end
  life.close_goal_if_done(goal, now_ms())
end

local function refuse(task, attempt)
  count('stale')
  event('publish_refused', goal_of(task), task, attempt, { agent = WHO })
end

-- Of these elements of a role's lists, those that say of a ready task where it stands, as `<entry> <task> <attempts>`;
-- their entries are gone then. What somebody deleted in the queue by hand is not missed.
local function sift(role, elements, goals_paused, taken)
  local sound, of = {}, {}
  for _, element in ipairs(elements) do
    local entry, task = string.match(element, '^(%d+%-%d+) ([^. ]+%.%d+)')
    local f = task and call('HMGET', task_key(task), 'state', 'entry', 'attempt')
    if not task or not f[1] then
      quarantine('ready:' .. role, element, task and 'there is no such task' or 'it names no task')
    elseif f[1] == 'ready' and f[2] == entry and not taken[task] and not of[task] then
      of[task] = true
      if goals_paused and call('HGET', goal_key(goal_of(task)), 'state') == 'paused' then
        life.park(goal_of(task), task, role, entry)
      else
        pcall(call, 'XDEL', P .. 'queue:' .. role, entry)
        sound[#sound + 1] = entry .. ' ' .. task .. ' ' .. f[3]
      end
    end
  end
  return sound
end

-- Whether somebody of these capabilities may take from the list of that name.
local function may_take(capabilities, name)
  return queue.covers(capabilities, string.match(name, '^%d+:%d+:(.+)$') or '')
end

-- The greatest name of those in an index that somebody of these capabilities may take from, and where it stands.
local function best_of(index, capabilities)
  local best, best_at = '', nil
  for i = 1, #index, 2 do
    local name = index[i]
    if name > best and name < '~' and may_take(capabilities, name) then best, best_at = name, i end
  end
  return best, best_at
end

-- What the caller's bell brought and it did not hear → task, attempt, JSON, goal, JSON, while that is its own.
local function still_held(brought)
  local fine, parts = pcall(cjson.decode, brought)
  if not fine or type(parts) ~= 'table' or #parts ~= 5 then return end
  for _, part in ipairs(parts) do if type(part) ~= 'string' then return end end
  local f = call('HMGET', task_key(parts[1]), 'state', 'attempt', 'agent')
  if f[1] == 'running' and f[2] == parts[2] and f[3] == WHO then return parts end
end

-- Does something; what went wrong, if anything.
local function try(what, ...)
  local fine, problem = pcall(what, ...)
  if fine then return end
  return type(problem) == 'table' and problem or { err = tostring(problem) }
end

return {
  try = try, still_held = still_held, end_otherwise = end_otherwise, count_down = count_down, end_goal = end_goal, refuse = refuse,
  now = now_ms, may_take = may_take, best_of = best_of, sift = sift, ring_all = queue.ring_all,
}
