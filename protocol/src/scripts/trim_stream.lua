-- stream (without the prefix), how many entries may stay or '', the oldest time that may stay in ms or '', the
-- group that has to be there or '' →
-- { entries that went, entries that are there, the group that holds the rest or '' }. Nothing goes that a group
-- has not read, or has read and not acknowledged.
local stream, most, oldest, reader = P .. ARGV[3], tonumber(ARGV[4]), ARGV[5], ARGV[6]
-- How many entries are read to find out where to cut, when groups forbid cutting by number alone.
local BATCH = 128
if call('EXISTS', stream) == 0 then return { 0, 0, '' } end

-- Ids are compared digit by digit: their parts may be larger than a Lua number holds.
local function less(a, b)
  if #a ~= #b then return #a < #b end
  return a < b
end
local function before(a, b)
  local a_ms, a_seq = string.match(a, '^(%d+)%-(%d+)$')
  local b_ms, b_seq = string.match(b, '^(%d+)%-(%d+)$')
  if a_ms ~= b_ms then return less(a_ms, b_ms) end
  return less(a_seq, b_seq)
end

-- The first entry that must stay, for all groups: the oldest pending one, else the last delivered one.
local safe, holder
local reads = reader == ''
for _, group in ipairs(call('XINFO', 'GROUPS', stream)) do
  local info = {}
  for i = 1, #group, 2 do info[group[i]] = group[i + 1] end
  local first = info['last-delivered-id']
  local pending = call('XPENDING', stream, info.name)
  if pending[1] > 0 and before(pending[2], first) then first = pending[2] end
  reads = reads or info.name == reader
  if not safe or before(first, safe) then safe, holder = first, info.name end
end
if not reads then
  local left = call('XLEN', stream)
  return { 0, left, (most and left > most and reader) or '' }
end

local gone = 0
if oldest ~= '' then
  local from = oldest .. '-0'
  if safe and before(safe, from) then from = safe end
  gone = gone + call('XTRIM', stream, 'MINID', '~', from)
end
if most and not safe then
  gone = gone + call('XTRIM', stream, 'MAXLEN', '~', most)
elseif most then
  local over = call('XLEN', stream) - most
  if over > 0 then
    local first = call('XRANGE', stream, '-', '+', 'COUNT', math.min(over, BATCH) + 1)
    local from = first[#first][1]
    -- Were nothing to stay, the last one read would be the last one there, and goes as well.
    if before(safe, from) then from = safe end
    gone = gone + call('XTRIM', stream, 'MINID', from)
  end
end
local left = call('XLEN', stream)
return { gone, left, (most and left > most and holder) or '' }
