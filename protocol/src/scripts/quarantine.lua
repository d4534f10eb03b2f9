-- from, what, reason → 'ok'. Says that something was put aside that stands in no stream.
quarantine(ARGV[3], ARGV[4], ARGV[5])
return 'ok'
