-- goal id, then numbers of tasks → how many of them came into their queues. Goes on where submit_plan.lua stopped;
-- what meanwhile came into its queue otherwise, or was cancelled, stays as it is.
local queue = make_queue()
local goal, now, begun = ARGV[3], now_ms(), 0
for at = 4, #ARGV do
  local task = goal .. '.' .. ARGV[at]
  local f = queue.fields(task)
  if f.state == 'ready' and not f.entry then
    queue.enqueue(task, now, f)
    begun = begun + 1
  end
end
queue.ring_all(now)
return begun
