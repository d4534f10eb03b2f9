-- Storing tasks of a plan. A task travels as nine arguments, so that no script has to read its JSON:
-- number, JSON, role, priority, capabilities ('a+b'), max_attempts, path, needs ('1 2'), dependents ('3 4').
local TASK_ARGS = 9

local function store_task(goal, at, pending, deadline)
  local number, needs, dependents = ARGV[at], ARGV[at + 7], ARGV[at + 8]
  call('HSET', P .. 'plan:' .. goal, number, ARGV[at + 1])
  local state = pending == 0 and 'ready' or 'waiting'
  -- `list` is what follows from priority, path and capabilities. What is read most comes first: it is found sooner.
  local list = bucket_of(tonumber(ARGV[at + 3]), tonumber(ARGV[at + 6]), ARGV[at + 4])
  local fields = { 'state', state, 'attempt', '0', 'pending', string.format('%d', pending), 'role', ARGV[at + 2],
    'list', list, 'max_attempts', ARGV[at + 5], 'priority', ARGV[at + 3], 'path', ARGV[at + 6],
    'capabilities', ARGV[at + 4] }
  local function put(name, value)
    if value and value ~= '' then fields[#fields + 1] = name; fields[#fields + 1] = value end
  end
  put('needs', needs)
  put('dependents', dependents)
  put('deadline_ms', deadline)
  call('HSET', task_key(goal .. '.' .. number), unpack(fields))
end
