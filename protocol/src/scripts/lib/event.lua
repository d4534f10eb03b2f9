-- Telling what happens, and giving a task to another than the caller.

-- Goals and tasks have no character that JSON would want escaped; who calls may.
local function event(kind, goal, task, attempt, data, who)
  local body = '{"kind":"' .. kind .. '","who":' .. cjson.encode(who or WHO)
    .. (goal and ',"goal":"' .. goal .. '"' or '') .. (task and ',"task":"' .. task .. '"' or '')
    .. (attempt and ',"attempt":' .. attempt or '')
    .. (data and ',"data":' .. cjson.encode(data) or '') .. '}'
  if told then
    told[#told + 1] = 'event'
    told[#told + 1] = body
  else
    call('XADD', P .. 'events', '*', 'event', body)
  end
end

-- Begins an attempt of an idle worker → what its bell brings: task, attempt, goal and the length of the task's JSON
-- in a line, then the JSON of both.
local function give(agent, role, f, now)
  local attempt, at = string.format('%d', f.attempts + 1), string.format('%d', now)
  call('HSET', P .. 'leases:' .. role, f.task, at .. ' ' .. attempt .. ' ' .. agent)
  call('HSET', P .. 'task:' .. f.task, 'state', 'running', 'attempt', attempt, 'agent', agent, 'started_ms', at)
  event('task_claimed', f.goal, f.task, attempt, nil, agent)
  local json = call('HGET', P .. 'plan:' .. f.goal, f.number) or ''
  return f.task .. ' ' .. attempt .. ' ' .. f.goal .. ' ' .. #json .. '\n' .. json
    .. (call('HGET', P .. 'goal:' .. f.goal, 'goal') or '')
end
