# shellcheck shell=bash
# A Redis of codegod's own, for when REDIS_URL is not set: append-only file, loopback only, data and
# port kept below the state folder. Sourced.

# Seconds that it gets to read its append-only file.
readonly REDIS_PATIENCE=120

# ensure_redis: exports REDIS_URL of a Redis that answers. The caller's own is only tried.
ensure_redis() {
  local port code=0
  if [[ $OWN_REDIS == no ]]; then
    # codegod itself says what is wrong with it, and ends with the code for that.
    "$BIN/codegod" status >/dev/null || code=$?
    if ((code != 0)); then exit "$code"; fi
    return 0
  fi
  if ! redis_runs; then
    redis_start
    say "✓ Redis runs on 127.0.0.1:$(redis_port)"
  fi
  port=$(redis_port)
  export REDIS_URL=redis://127.0.0.1:$port
}

# redis_url_if_known: REDIS_URL for commands that only look.
redis_url_if_known() {
  local port
  if [[ $OWN_REDIS == yes ]] && port=$(redis_port); then export REDIS_URL=redis://127.0.0.1:$port; fi
}

redis_port() {
  local port
  { read -r port <"$STATE/run/redis.port"; } 2>/dev/null || return 1
  [[ $port =~ ^[0-9]{1,5}$ ]] || return 1
  printf '%s' "$port"
}

# redis_runs: our process lives and answers from our folder.
redis_runs() { pid_of redis >/dev/null && redis_ready; }

# redis_ready: what listens on the remembered port is the Redis of our folder. (Whatever else listens
# there is never taken for ours.)
redis_ready() {
  local port reply
  port=$(redis_port) || return 1
  reply=$(redis_ask "$port" CONFIG GET dir) || return 1
  [[ $reply == *"$(cd "$STATE/redis" && pwd -P)"* ]]
}

# redis_ask PORT WORD…: sends a command without arguments that hold spaces, prints the reply's lines.
redis_ask() {
  local port=$1 line
  shift
  (
    exec 3<>"/dev/tcp/127.0.0.1/$port" || exit 1
    printf '%s\r\nQUIT\r\n' "$*" >&3
    while IFS= read -r -t 3 -u 3 line; do printf '%s\n' "${line%$'\r'}"; done
  ) 2>/dev/null
}

redis_start() {
  local port pid tries
  if pid=$(redis_adrift); then
    # It lives though its pid file is gone or stale.
    remember redis "$pid"
    wait_for "$REDIS_PATIENCE" "Redis" redis_ready && return 0
  fi
  if pid=$(pid_of redis); then
    wait_for "$REDIS_PATIENCE" "Redis to read its data" redis_ready && return 0
    die "$EXIT_UNAVAILABLE" "Redis (pid $pid) does not answer" "look at $STATE/log/redis.log, end that process and try again"
  fi
  for tries in 1 2 3 4 5; do
    port=$(redis_free_port "$tries")
    printf '%s\n' "$port" >"$STATE/run/redis.port"
    redis_spawn "$port"
    if wait_for "$REDIS_PATIENCE" "Redis to read its data" redis_settled && redis_ready; then return 0; fi
    # Somebody may have taken the port in between: the next one.
  done
  show_log "$STATE/log/redis.log"
  die "$EXIT_UNAVAILABLE" "redis-server did not start" "its log above says why"
}

# redis_settled: it answers, or it has ended.
redis_settled() { redis_ready || ! pid_of redis >/dev/null; }

redis_spawn() {
  local port=$1
  setsid redis-server --bind 127.0.0.1 --port "$port" --dir "$STATE/redis" --save '' \
    --appendonly yes --appendfsync everysec --daemonize no --logfile "$STATE/log/redis.log" \
    >>"$STATE/log/redis.out" 2>&1 </dev/null 9>&- &
  remember redis "$!"
}

# redis_free_port TRY: the remembered port first, so that addresses in shells and tools stay true.
redis_free_port() {
  local port
  if (($1 == 1)) && port=$(redis_port); then
    # A killed Redis counts as gone while its last threads still hold the port.
    for _ in {1..10}; do
      if ! listens "$port"; then
        printf '%s' "$port"
        return 0
      fi
      sleep 0.1
    done
  fi
  for _ in {1..50}; do
    port=$((20000 + RANDOM % 10000))
    if ! listens "$port"; then
      printf '%s' "$port"
      return 0
    fi
  done
  die "$EXIT_UNAVAILABLE" "no free port was found for Redis" "set REDIS_URL to a Redis that runs"
}

listens() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# redis_adrift: pid of a redis-server that works in our folder.
redis_adrift() {
  local pid folder
  folder=$(cd "$STATE/redis" && pwd -P)
  for pid in $(daemons redis-server || true); do
    if [[ $(readlink "/proc/$pid/cwd" 2>/dev/null) == "$folder" ]]; then
      printf '%s' "$pid"
      return 0
    fi
  done
  return 1
}

# redis_stop: ends it with its data written down.
redis_stop() {
  local pid
  if [[ $OWN_REDIS == no ]]; then return 0; fi
  pid=$(pid_of redis) || pid=$(redis_adrift) || {
    forget redis
    return 0
  }
  if redis_ready; then redis_ask "$(redis_port)" SHUTDOWN >/dev/null || true; else kill -TERM "$pid" 2>/dev/null || true; fi
  if ! wait_for 30 "Redis to end" is_gone "$pid"; then
    kill -KILL "$pid" 2>/dev/null || true
    wait_for 5 "Redis to end" is_gone "$pid" || {
      SURVIVORS+=("process $pid (redis-server)")
      return 0
    }
  fi
  forget redis
  say "✓ Redis has ended; its data is kept in $STATE/redis"
}
