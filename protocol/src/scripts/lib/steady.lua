-- A turn in the steady state: one success is published for which nothing waits, and one task is claimed from a list.
-- It is what the engine costs, so it stands by itself in front of all else (turn.lua tells of the arguments): it does
-- just that, and makes no tables and no closures. Where anything is otherwise it breaks off, with nothing published,
-- and the whole turn is taken; `fence` is what is known of the first result's task by then, and `popped` what was taken
-- from a list.
-- Numbers that go to Redis are texts: Lua would write each as a floating-point number, which takes longer than most
-- commands.
local args, try, fence, popped = ARGV, redis.pcall, nil, nil

repeat
  if args[6] ~= 'steady' then break end
  local role, goal, attempt = args[3], args[8], args[10]
  local task = goal .. '.' .. args[9]
  local key, goal_hash, leases = P .. 'task:' .. task, P .. 'goal:' .. goal, P .. 'leases:' .. role
  -- A lease says what its task's hash says: that it runs, and who holds which attempt. To read it costs half as much.
  local lease = try('HGET', leases, task)
  if not lease or lease.err or string.sub(lease, 14) ~= ' ' .. attempt .. ' ' .. WHO then break end
  local dependents = try('HGET', key, 'dependents')
  if dependents then
    if not dependents.err then fence = { 'running', attempt, WHO, dependents } end
    break
  end

  -- The first list, when it is plain which that is: nothing is paused, and no task asks for capabilities.
  local index = try('HKEYS', P .. 'queues:' .. role)
  local list = index[1]
  for i = 1, #index do
    local name = index[i]
    if #name ~= 6 or name >= '~' then list = nil break end
    if name > list then list = name end
  end
  if not list then break end

  -- What can be told as not done is done first.
  local stored = try('HSET', P .. 'results:' .. goal, args[9], args[12])
  if stored ~= 0 and stored ~= 1 then break end
  popped = try('LPOP', P .. 'ready:' .. role .. ':' .. list) or nil
  if not popped or popped.err then popped = nil break end
  local entry, claimed, its_goal, number, attempts = string.match(popped, '^(%d+%-%d+) (([^. ]+)%.(%d+)) (%d+)$')
  -- A task is ready while its entry stands in the queue.
  if not entry or try('XDEL', P .. 'queue:' .. role, entry) ~= 1 then break end
  -- A claim that breaks off after this stands in no queue: what was popped goes on with the whole turn.
  if try('HDEL', leases, task) ~= 1 then break end
  local open = try('HINCRBY', goal_hash, 'open', '-1')
  if type(open) ~= 'number' then break end
  if open <= 0 then
    -- The goal ends: that is for the whole turn.
    call('HINCRBY', goal_hash, 'open', '1')
    break
  end

  local problem
  local succeeded = try('HINCRBY', KEYS[1], 'succeeded', '1')
  if type(succeeded) ~= 'number' then problem = succeeded end
  attempts = attempts == '0' and '1' or string.format('%d', attempts + 1)
  local json = try('HGET', P .. 'plan:' .. its_goal, number)
  if not json or json.err then json = '' end
  local now = try('XADD', P .. 'events', '*',
    'event', args[11],
    'event', '{"kind":"task_claimed","who":"' .. WHO .. '","goal":"' .. its_goal .. '","task":"' .. claimed
      .. '","attempt":' .. attempts .. '}')
  if now.err then
    problem = now
    now = call('TIME')
    now = now[1] .. string.format('%03d', now[2] / 1000)
  else
    now = string.sub(now, 1, 13)
  end
  call('HSET', key, 'state', 'succeeded', 'ended_ms', now)
  call('HSET', leases, claimed, now .. ' ' .. attempts .. ' ' .. WHO)
  call('HSET', P .. 'task:' .. claimed, 'state', 'running', 'attempt', attempts, 'agent', WHO, 'started_ms', now)
  if problem then return problem end
  now = now .. ' - 0 0 1 ok'
  -- The worker knows the goal of what it held.
  if its_goal == goal or string.find(args[7], ' ' .. its_goal .. ' ', 1, true) then
    return { now, claimed, attempts, json }
  end
  goal = try('HGET', P .. 'goal:' .. its_goal, 'goal')
  if not goal or goal.err then goal = '' end
  return { now, claimed, attempts, json, its_goal, goal }
until true
