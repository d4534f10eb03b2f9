-- agent id, role, then task and attempt of each lease → for each 'held' | 'lost' | 'paused'.
-- Renews leases, only for their holder: XCLAIM alone would hand an entry back to a former one.
-- A lease whose goal (or the whole fleet) was paused is renewed all the same: its holder hands it back.
local agent, role = ARGV[3], ARGV[4]
local answers, entries, goal_states = {}, {}, {}
local paused = call('HEXISTS', P .. 'queues:' .. role, '~paused') == 1
for at = 5, #ARGV, 2 do
  local task = ARGV[at]
  local f = call('HMGET', task_key(task), 'state', 'attempt', 'agent', 'entry')
  if f[1] == 'running' and f[2] == ARGV[at + 1] and f[3] == agent then
    entries[#entries + 1] = f[4]
    local goal = goal_of(task)
    goal_states[goal] = goal_states[goal] or call('HGET', goal_key(goal), 'state') or 'unknown'
    answers[#answers + 1] = (paused or goal_states[goal] == 'paused') and 'paused' or 'held'
  else
    answers[#answers + 1] = 'lost'
  end
end
if #entries > 0 then
  entries[#entries + 1] = 'FORCE'
  entries[#entries + 1] = 'JUSTID'
  call('XCLAIM', P .. 'queue:' .. role, 'workers', agent, 0, unpack(entries))
end
return answers
