-- The steps of a task's and a goal's life that end something or put it off; `queue` as made by make_queue.

local function make_life(queue)
  -- A goal ends when nothing of it is open any more.
  local function close_goal_if_done(goal, now)
    local g = goal_key(goal)
    local f = call('HMGET', g, 'open', 'failed', 'blocked', 'state')
    if tonumber(f[1] or '1') > 0 or (f[4] ~= 'running' and f[4] ~= 'paused') then return end
    local state = 'succeeded'
    if tonumber(f[3] or '0') > 0 then state = 'blocked' end
    if tonumber(f[2] or '0') > 0 then state = 'failed' end
    call('HSET', g, 'state', state, 'ended_ms', now)
    call('RPUSH', P .. 'goals:ended', goal)
    call('HDEL', P .. 'deadlines', goal)
    call('HDEL', P .. 'goals:paused', goal)
    call('DEL', P .. 'parked:' .. goal)
    event('goal_' .. state, goal)
  end

  -- Ends a task without success.
  local function end_task(task, state, reason, now)
    local goal = goal_of(task)
    queue.unqueue(task)
    call('HSET', task_key(task), 'state', state, 'ended_ms', now, 'error', reason)
    call('HINCRBY', goal_key(goal), 'open', -1)
    call('HINCRBY', goal_key(goal), state, 1)
    count(state)
  end

  local function dependents_of(task)
    local goal, list = goal_of(task), {}
    for number in string.gmatch(call('HGET', task_key(task), 'dependents') or '', '%d+') do
      list[#list + 1] = goal .. '.' .. number
    end
    return list
  end

  -- What needs a task that failed or is blocked can't run: it is cancelled, and comes back when the
  -- task is retried.
  local function cancel_dependents(task, now)
    local todo = { task }
    while #todo > 0 do
      local current = table.remove(todo)
      for _, dependent in ipairs(dependents_of(current)) do
        local state = call('HGET', task_key(dependent), 'state')
        if state == 'waiting' or state == 'ready' then
          end_task(dependent, 'cancelled', 'it needs ' .. current .. ', which did not succeed', now)
          event('task_cancelled', goal_of(dependent), dependent)
          todo[#todo + 1] = dependent
        end
      end
    end
  end

  -- Ends a task without success (failed or blocked) and what follows from that.
  local function give_up(task, attempt, state, reason, now)
    end_task(task, state, reason, now)
    if state == 'failed' then
      local letter = call('XADD', P .. 'dead', '*', 'task', task, 'reason', reason)
      call('HSET', task_key(task), 'letter', letter)
    end
    event('task_' .. state, goal_of(task), task, attempt, { error = reason })
    cancel_dependents(task, now)
    close_goal_if_done(goal_of(task), now)
  end

  -- Lets a task become ready again later. Due times share a list for each second, so that looking for what
  -- is due costs the same however much waits.
  local function delay(task, due)
    local second = math.ceil(due / 1000)
    call('RPUSH', P .. 'delayed:' .. second, task)
    call('HSET', P .. 'delayed', second, 1)
  end

  -- Sets a goal's task aside until the goal is resumed.
  local function park(goal, task, role, entry)
    call('RPUSH', P .. 'parked:' .. goal, task)
    call('XDEL', P .. 'queue:' .. role, entry)
    call('HDEL', task_key(task), 'entry')
  end

  -- A lease ran out or its agent is known to be dead: the task is ready again, unless that was its last attempt.
  local function lose_attempt(task, attempt, max_attempts, agent, now)
    count('expired')
    event('lease_expired', goal_of(task), task, attempt, { agent = agent })
    if tonumber(attempt) >= tonumber(max_attempts) then
      local reason = 'its agent died in each of ' .. attempt .. ' attempts, the last was ' .. agent
      give_up(task, attempt, 'failed', reason, now)
    else
      queue.put_back(task, now)
    end
  end

  return {
    close_goal_if_done = close_goal_if_done, dependents_of = dependents_of, give_up = give_up, delay = delay,
    park = park, lose_attempt = lose_attempt,
  }
end
