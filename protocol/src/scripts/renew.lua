-- agent id, role, then task and attempt of each lease → for each 'held' | 'lost' | 'paused'.
-- Renews leases, only for their holder. A lease whose goal (or the whole fleet) was paused is renewed all the same:
-- its holder hands it back.
local agent, role = ARGV[3], ARGV[4]
local answers, leases, goal_states, now = {}, {}, {}, string.format('%d', now_ms())
local paused = call('HEXISTS', P .. 'queues:' .. role, '~paused') == 1
for at = 5, #ARGV, 2 do
  local task, attempt = ARGV[at], ARGV[at + 1]
  local f = call('HMGET', task_key(task), 'state', 'attempt', 'agent')
  if f[1] == 'running' and f[2] == attempt and f[3] == agent then
    leases[#leases + 1] = task
    leases[#leases + 1] = now .. ' ' .. attempt .. ' ' .. agent
    local goal = goal_of(task)
    goal_states[goal] = goal_states[goal] or call('HGET', goal_key(goal), 'state') or 'unknown'
    answers[#answers + 1] = (paused or goal_states[goal] == 'paused') and 'paused' or 'held'
  else
    answers[#answers + 1] = 'lost'
  end
end
if #leases > 0 then call('HSET', P .. 'leases:' .. role, unpack(leases)) end
return answers
