-- agent as it stands in agents:status, the value that can't be read, reason → 1 | 0. Puts an agent's status
-- aside, unless it has said something else meanwhile.
local agent, value, reason = ARGV[3], ARGV[4], ARGV[5]
if call('HGET', P .. 'agents:status', agent) ~= value then return 0 end
call('HDEL', P .. 'agents:status', agent)
quarantine('agents:status', agent .. ' ' .. value, reason)
return 1
