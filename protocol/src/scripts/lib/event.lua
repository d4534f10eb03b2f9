-- Telling what happens, and giving a task to another than the caller.

-- Goals and tasks have no character that JSON would want escaped; who calls may.
local function event(kind, goal, task, attempt, data, who)
  local body = '{"kind":"' .. kind .. '","who":' .. cjson.encode(who or WHO)
  if task and not data then
    body = body .. ',"goal":"' .. goal .. '","task":"' .. task .. (attempt and '","attempt":' .. attempt .. '}' or '"}')
  else
    body = body .. (goal and ',"goal":"' .. goal .. '"' or '') .. (task and ',"task":"' .. task .. '"' or '')
      .. (attempt and ',"attempt":' .. attempt or '') .. (data and ',"data":' .. cjson.encode(data) or '') .. '}'
  end
  if told then
    told[#told + 1] = 'event'
    told[#told + 1] = body
  else
    call('XADD', P .. 'events', '*', 'event', body)
  end
end

-- Begins an attempt of an idle worker → what its bell brings: task, attempt, goal and the length of the task's JSON
-- in a line, then that JSON, and the goal's unless the worker knows it.
local function give(agent, role, f, known, now)
  local task, goal, attempt = f.task, f.goal, f.attempts == '0' and '1' or string.format('%d', f.attempts + 1)
  now = string.format('%d', now)
  call('HSET', P .. 'leases:' .. role, task, now .. ' ' .. attempt .. ' ' .. agent)
  call('HSET', P .. 'task:' .. task, 'state', 'running', 'attempt', attempt, 'agent', agent, 'started_ms', now)
  event('task_claimed', goal, task, attempt, nil, agent)
  local json = call('HGET', P .. 'plan:' .. goal, f.number) or ''
  return task .. ' ' .. attempt .. ' ' .. goal .. ' ' .. #json .. '\n' .. json
    .. (string.find(known, ' ' .. goal .. ' ', 1, true) and '' or call('HGET', P .. 'goal:' .. goal, 'goal') or '')
end
