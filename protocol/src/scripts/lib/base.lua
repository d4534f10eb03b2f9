-- Shared by every script: keys, time, counts, quarantine.
-- A script's body runs from its top at every call, so what is defined here is paid for by each of them:
-- what only the rare ways need stands inside functions.

local function task_key(task) return P .. 'task:' .. task end
local function goal_key(goal) return P .. 'goal:' .. goal end
local function goal_of(task) return string.match(task, '^(.-)%.%d+$') end
local function number_of(task) return string.match(task, '%.(%d+)$') end

local function now_ms()
  local t = call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end

local function count(what, by) call('HINCRBY', P .. 'metrics:tasks', what, by or 1) end

-- Puts what can't be read aside with the reason. Huge fields are cut: the reason matters, not the bulk.
local function quarantine(from, what, reason)
  if #what > 2048 then what = string.sub(what, 1, 2048) .. '…' end
  call('XADD', P .. 'quarantine', 'MAXLEN', '~', 200000, '*', 'from', from, 'entry', what, 'reason', reason)
  count('quarantined')
end
