-- The order of a role's ready tasks, and what of a task's hash it follows from.

-- From so long before its goal's deadline on, a task has the highest priority.
local URGENT_MS = 900000
-- An idle worker that has not asked for so long is rung for, but gets no task in hand; they ask every second.
local FRESH_MS = 1500
-- Who is idle: since when, ' g-… ' the goals that it knows, '+a+b+' its capabilities.
local IDLE = '^(%d+)( [^+]*)(.*)$'

-- The name of the list that a task belongs to; of two, the greater is served first. Path lengths share lists:
-- exact up to 64, then sixteen classes for each doubling.
local function bucket_of(priority, path, capabilities)
  if path > 64 then
    local doubling = math.floor(math.log(path) / math.log(2))
    path = 65 + (doubling - 6) * 16 + math.floor((path / 2 ^ doubling - 1) * 16)
  end
  local bucket = string.format('%02d:%03d', priority, path)
  if capabilities and capabilities ~= '' then bucket = bucket .. ':' .. capabilities end
  return bucket
end

-- The list that a task is to stand in now.
local function rank(f, now)
  if f.deadline and now >= tonumber(f.deadline) - URGENT_MS then return '10' .. string.sub(f.list, 3) end
  return f.list
end

local function covers(capabilities, wanted)
  for capability in string.gmatch(wanted, '[^+]+') do
    if not string.find(capabilities, '+' .. capability .. '+', 1, true) then return false end
  end
  return true
end

-- Whether somebody of these capabilities may take from the list of that name.
local function may_take(capabilities, name)
  return covers(capabilities, string.match(name, '^%d+:%d+:(.+)$') or '')
end

-- The greatest name of those in an index that somebody of these capabilities may take from, and where it stands.
local function best_of(index, capabilities)
  local best, best_at = '', nil
  for i = 1, #index do
    local name = index[i]
    if name > best and name < '~' and may_take(capabilities, name) then best, best_at = name, i end
  end
  return best, best_at
end

-- What of a task's hash says where it belongs.
local function fields(task)
  local f = call('HMGET', P .. 'task:' .. task, 'state', 'attempt', 'role', 'list', 'entry', 'deadline_ms')
  local list = f[4] or '05:001'
  return {
    state = f[1], attempts = f[2], role = f[3], list = list, entry = f[5], deadline = f[6],
    capabilities = #list > 7 and string.sub(list, 8) or '',
  }
end
