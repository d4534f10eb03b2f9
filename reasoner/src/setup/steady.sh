# A request that gets no answer is made again soon.
export npm_config_fetch_timeout=30000 npm_config_fetch_retries=5 npm_config_fetch_retry_mintimeout=1000
# Runs a command. One that for most of a minute neither works nor receives anything hangs on a lost connection: it is
# ended and begun again, which costs little, for what was fetched is kept.
busy() {
  cat /proc/[0-9]*/stat 2>/dev/null | awk '{ sub(/.*\) /, ""); ticks += $12 + $13 + $14 + $15 } END { print int(ticks) }'
}
received() {
  awk -F: '/:/ { split($2, part, " "); bytes += part[1] } END { print int(bytes / 1024) }' /proc/net/dev
}
ended_when_quiet() {
  quiet=0 ticks=0 bytes=0
  while [ $quiet -lt 9 ]; do
    sleep 5
    now=$(busy) here=$(received)
    if [ $((now - ticks)) -lt 25 ] && [ $((here - bytes)) -lt 20 ]; then quiet=$((quiet + 1)); else quiet=0; fi
    ticks=$now bytes=$here
  done
  kill -9 "$1"
}
steady() {
  for try in 1 2 3 4 5 6; do
    "$@" &
    pid=$!
    ended_when_quiet $pid >/dev/null 2>&1 &
    watch=$!
    code=0
    wait $pid || code=$?
    kill $watch 2>/dev/null || true
    [ $code -eq 137 ] || return $code
    echo "[$1 hung; it is begun again]"
  done
  return $code
}
