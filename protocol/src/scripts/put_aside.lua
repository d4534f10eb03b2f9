-- stream (without the prefix), entry, reason → 1 | 0. Moves an entry that can't be read into the quarantine; of
-- several who try, one does.
local name, id, reason = ARGV[3], ARGV[4], ARGV[5]
local stream = P .. name
local found = call('XRANGE', stream, id, id)[1]
redis.pcall('XACK', stream, 'masters', id)
if not found then return 0 end
call('XDEL', stream, id)
quarantine(name, table.concat(found[2], ' '), reason)
return 1
