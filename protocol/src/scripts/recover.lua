-- agent id, role, why ('forgotten' | 'dead'), then the tasks that the agent knows of → how many it held besides.
-- Forgotten: the answer to a claim was lost on its way, so the agent never began: the attempts do not count.
-- Dead: its process is known to be gone; nobody has to wait until its leases run out. Its name goes from the
-- queue's group then, as each agent has another one.
local queue = make_queue()
local life = make_life(queue)
local agent, role, why = ARGV[3], ARGV[4], ARGV[5]
local stream, now = P .. 'queue:' .. role, now_ms()
local known, given = {}, 0
for at = 6, #ARGV do known[ARGV[at]] = true end
local pending = redis.pcall('XPENDING', stream, 'workers', '-', '+', 1000, agent)
-- Before the first claim there is no group; an agent that dies then may still wait to be rung for.
local leases = pending.err and {} or pending
for _, lease in ipairs(leases) do
  local found = call('XRANGE', stream, lease[1], lease[1])[1]
  local task = found and found[2][2]
  local f = task and call('HMGET', task_key(task), 'state', 'entry', 'agent', 'attempt', 'max_attempts')
  if f and f[1] == 'running' and f[2] == lease[1] and f[3] == agent then
    if not known[task] then
      given = given + 1
      if why == 'dead' then
        life.lose_attempt(task, f[4], f[5], agent, now)
      else
        call('HINCRBY', task_key(task), 'max_attempts', 1)
        queue.put_back(task, now)
        event('attempt_released', goal_of(task), task, f[4], { reason = 'the answer to its claim was lost' })
      end
    end
  elseif not f or not f[1] then
    call('XACK', stream, 'workers', lease[1])
  end
end
if why == 'dead' then
  call('DEL', P .. 'bell:' .. agent)
  call('HDEL', P .. 'idle:' .. role, agent)
  if not pending.err and #call('XPENDING', stream, 'workers', '-', '+', 1, agent) == 0 then
    call('XGROUP', 'DELCONSUMER', stream, 'workers', agent)
  end
end
queue.ring_all(now)
return given
