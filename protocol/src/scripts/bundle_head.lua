-- goal id, commit → the head of its bundle, which names what it builds on, and its size.
local bundle = call('HGET', P .. 'blobs:' .. ARGV[3], ARGV[4])
if not bundle then return { '', 0 } end
local stop = string.find(bundle, '\n\n', 1, true)
return { string.sub(bundle, 1, math.min(stop or 0, 1048576)), #bundle }
