-- What a turn does seldom. Stands in a function with the shared parts (client/scripts.rs), so that a turn that
-- needs none of it makes none of it.
local queue = make_queue()
local life = make_life(queue)

-- The endings of an attempt that are no success.
local function end_otherwise(task, attempt, detail)
  local k, goal, now = task_key(task), goal_of(task), now_ms()
  local status, backoff, reason = string.match(detail, '^(%S+) (%d+) (.*)$')
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

-- Puts what has become ready and was not handed over into its queue; `index` tells then of new lists of the role.
-- A queue that can't be written (somebody put another type there) must not keep half of a publish: the task is tried
-- again later, as after a backoff.
local function enqueue(fresh, role, index)
  local now = now_ms()
  for _, f in ipairs(fresh) do
    if not f.placed then
      if not pcall(queue.enqueue, f.task, now, f) then
        call('HSET', task_key(f.task), 'state', 'ready')
        life.delay(f.task, now + 1000)
      elseif f.role == role then
        index[#index + 1] = queue.rank(f, now)
      end
    end
  end
end

-- Of tasks that were to begin, when their leases could not be written: they are ready again.
local function take_back(tasks)
  for _, task in ipairs(tasks) do queue.enqueue(task, now_ms()) end
end

-- The last open task of a goal succeeded: of those that `succeeded` in this turn, the last is the goal's result.
local function end_goal(goal, succeeded)
  for at = #ARGV - 4, 8, -5 do
    if ARGV[at] == goal and succeeded[goal .. '.' .. ARGV[at + 1]] then
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

-- What a turn has claimed so far, by its answer.
local function taken_by(answer)
  local taken = {}
  for at = 2, #answer, 3 do taken[answer[at]] = true end
  return taken
end

local function ring_all(answer) queue.ring_all(now_ms(), taken_by(answer)) end

-- Of these elements of a role's lists, those that say of a ready task where it stands, as `<entry> <task> <attempts>`;
-- their entries are gone then. What somebody deleted in the queue by hand is not missed.
local function sift(role, elements, goals_paused, answer)
  local sound, taken = {}, taken_by(answer)
  for _, element in ipairs(elements) do
    local entry, task = string.match(element, '^(%d+%-%d+) ([^. ]+%.%d+)')
    local f = task and call('HMGET', task_key(task), 'state', 'entry', 'attempt')
    if not task or not f[1] then
      quarantine('ready:' .. role, element, task and 'there is no such task' or 'it names no task')
    elseif f[1] == 'ready' and f[2] == entry and not taken[task] then
      taken[task] = true
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

-- What the caller's bell brought and it did not hear → task, attempt, JSON, goal, JSON, while that is its own.
local function still_held(brought)
  local task, attempt, goal, length, at = string.match(brought, '^(%S+) (%d+) (%S+) (%d+)\n()')
  if not task then return end
  local f = call('HMGET', task_key(task), 'state', 'attempt', 'agent')
  if f[1] ~= 'running' or f[2] ~= attempt or f[3] ~= WHO then return end
  local rest = at + length
  return { task, attempt, string.sub(brought, at, rest - 1), goal, string.sub(brought, rest) }
end

-- Does something; what went wrong, if anything.
local function try(what, ...)
  local fine, problem = pcall(what, ...)
  if fine then return end
  return type(problem) == 'table' and problem or { err = tostring(problem) }
end

return {
  try = try, still_held = still_held, end_otherwise = end_otherwise, enqueue = enqueue, take_back = take_back,
  end_goal = end_goal, refuse = refuse, sift = sift, ring_all = ring_all,
}
