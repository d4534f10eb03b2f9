-- after which id ('-' for the first), n → { id of the last that was looked at or '', put aside }. Dead letters
-- that name no task are put aside.
local from, n = ARGV[3], tonumber(ARGV[4])
local stream, aside, last = P .. 'dead', 0, ''
for _, entry in ipairs(call('XRANGE', stream, from, '+', 'COUNT', n)) do
  local f, task = entry[2], nil
  for i = 1, #f, 2 do if f[i] == 'task' then task = f[i + 1] end end
  local reason
  if not task then
    reason = 'it names no task'
  elseif call('EXISTS', task_key(task)) == 0 then
    reason = 'there is no such task'
  elseif call('HGET', task_key(task), 'letter') ~= entry[1] then
    reason = 'its task has another letter'
  end
  if reason then
    call('XDEL', stream, entry[1])
    quarantine('dead', table.concat(f, ' '), reason)
    aside = aside + 1
  end
  last = entry[1]
end
return { last, aside }
