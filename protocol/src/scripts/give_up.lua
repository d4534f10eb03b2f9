-- task id, round, reason → 'ok' | 'stale'. Ends a held task whose follow-up can't be accepted.
local queue = make_queue()
local life = make_life(make_queue())
local task, round, reason = ARGV[3], ARGV[4], ARGV[5]
local f = call('HMGET', task_key(task), 'state', 'rounds', 'grown')
if f[1] ~= 'waiting' or f[2] ~= round or f[3] == round then return 'stale' end
life.give_up(task, nil, 'blocked', reason, now_ms())
return 'ok'
