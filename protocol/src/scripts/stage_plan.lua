-- goal id, token, then tasks (lib/plan.lua) → 'ok' | the goal's state, when it is not being planned under that
-- token. Lays tasks of a plan beside the goal; nobody sees them before submit_plan.lua. Large plans come in
-- parts, so that no call is long.
local goal, token = ARGV[3], ARGV[4]
local f = call('HMGET', goal_key(goal), 'state', 'planning', 'deadline_ms')
if f[1] ~= 'planning' then return f[1] or 'unknown' end
if f[2] ~= token then return 'planned by another master' end
for at = 5, #ARGV, TASK_ARGS do
  local _, needs = string.gsub(ARGV[at + 7], '%d+', '')
  store_task(goal, at, needs, f[3])
end
return 'ok'
