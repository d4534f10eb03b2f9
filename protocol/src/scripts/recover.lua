-- agent id, role, why ('forgotten' | 'dead'), then the tasks that the agent knows of → how many it held besides.
-- Forgotten: the answer to a claim was lost on its way, or its bell was not heard, so the agent never began: the attempts do not count.
-- Dead: its process is known to be gone; nobody has to wait until its leases run out.
local queue = make_queue()
local life = make_life(queue)
local agent, role, why = ARGV[3], ARGV[4], ARGV[5]
local now = now_ms()
local known, its = {}, {}
for at = 6, #ARGV do known[ARGV[at]] = true end
local leases = call('HGETALL', P .. 'leases:' .. role)
for i = 1, #leases, 2 do
  if string.match(leases[i + 1], '%S+$') == agent and not known[leases[i]] then its[#its + 1] = leases[i] end
end
local given = 0
for _, one in ipairs(queue.running(role, its)) do
  if one.agent == agent then
    given = given + 1
    if why == 'dead' then
      life.lose_attempt(one.task, one.attempt, one.max_attempts, agent, now)
    else
      call('HINCRBY', task_key(one.task), 'max_attempts', 1)
      queue.put_back(one.task, now)
      event('attempt_released', goal_of(one.task), one.task, one.attempt,
        { reason = 'the answer to its claim was lost' })
    end
  end
end
-- What its bell brought is among what was handed back; it is given nothing more until it asks.
call('DEL', P .. 'bell:' .. agent)
call('HDEL', P .. 'idle:' .. role, agent)
queue.ring_all(now)
return given
