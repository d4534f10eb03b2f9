-- prefix, then the roles → everything that the engine holds in Redis, as JSON made of objects that are never
-- empty arrays.
local P = ARGV[1]
local function each(pattern, read)
  local all = {}
  for _, key in ipairs(redis.call('KEYS', P .. pattern .. '*')) do
    all[string.sub(key, #P + #pattern + 1)] = read(key)
  end
  return all
end
local function hash(key)
  local fields, flat = {}, redis.call('HGETALL', key)
  for i = 1, #flat, 2 do fields[flat[i]] = flat[i + 1] end
  return fields
end
local function list(key) return redis.call('LRANGE', key, 0, -1) end
local function count_kinds()
  local kinds = {}
  for _, entry in ipairs(redis.call('XRANGE', P .. 'events', '-', '+')) do
    for i = 2, #entry[2], 2 do
      local kind = cjson.decode(entry[2][i]).kind
      kinds[kind] = (kinds[kind] or 0) + 1
    end
  end
  return kinds
end

local out = {
  lists = each('ready:', list), parked = each('parked:', list), delayed = each('delayed:', list),
  delayed_index = hash(P .. 'delayed'), goals_paused = hash(P .. 'goals:paused'), metrics = hash(P .. 'metrics:tasks'),
  tasks = each('task:', hash), goals = each('goal:', hash), deadlines = hash(P .. 'deadlines'), events = count_kinds(),
  streams = {}, leases = {}, index = {}, idle = {},
  follow_ups = redis.call('XLEN', P .. 'follow_ups'), quarantined = redis.call('XLEN', P .. 'quarantine'),
  dead = redis.call('XLEN', P .. 'dead'),
}
for at = 2, #ARGV do
  local role = ARGV[at]
  local stream, entries, leases = P .. 'queue:' .. role, {}, {}
  for _, entry in ipairs(redis.call('XRANGE', stream, '-', '+')) do entries[entry[1]] = entry[2][2] end
  for task, lease in pairs(hash(P .. 'leases:' .. role)) do leases[task] = string.match(lease, '^%d+ (%d+ %S+)$') end
  out.streams[role], out.leases[role], out.index[role] = entries, leases, hash(P .. 'queues:' .. role)
  out.idle[role] = hash(P .. 'idle:' .. role)
end
return cjson.encode(out)
