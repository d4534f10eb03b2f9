-- Storing tasks of a plan. A task travels as nine arguments, so that no script has to read its JSON:
-- number, JSON, role, priority, capabilities ('a+b'), max_attempts, path, needs ('1 2'), dependents ('3 4').
local TASK_ARGS = 9

local function store_task(goal, at, pending, deadline)
  local number, needs, dependents = ARGV[at], ARGV[at + 7], ARGV[at + 8]
  call('HSET', P .. 'plan:' .. goal, number, ARGV[at + 1])
  local state = pending == 0 and 'ready' or 'waiting'
  local fields = { 'state', state, 'role', ARGV[at + 2], 'priority', ARGV[at + 3], 'capabilities', ARGV[at + 4],
    'attempt', 0, 'max_attempts', ARGV[at + 5], 'path', ARGV[at + 6], 'pending', pending }
  local function put(name, value)
    if value and value ~= '' then fields[#fields + 1] = name; fields[#fields + 1] = value end
  end
  put('needs', needs)
  put('dependents', dependents)
  put('deadline_ms', deadline)
  call('HSET', task_key(goal .. '.' .. number), unpack(fields))
end
