-- What every script begins with. ARGV[1] is the key prefix, ARGV[2] who calls; a script's own arguments start at
-- ARGV[3]. All keys share the prefix, so that a hash-tagged prefix keeps a script on one cluster slot.
local P, WHO = ARGV[1], ARGV[2]
local call = redis.call
-- Events that are to be written in one entry at the end: 'event', JSON, 'event', JSON …; none while each is
-- written at once.
local told
