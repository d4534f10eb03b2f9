# shellcheck shell=bash
# The binaries, the master and the agents: built, started, found and ended. Sourced.

# The processes of codegod. The command line is among them: one that follows a goal has nothing left
# to follow after down.
readonly AGENTS=(backend-agent frontend-agent devops-agent testing-agent)
# Seconds that the master gets to end with its agents, and an agent by itself.
readonly MASTER_PATIENCE=45 AGENT_PATIENCE=20
# Seconds in which started agents have to be heard of.
readonly FLEET_PATIENCE=60

# ensure_binaries: builds what is out of date; cargo decides. CODEGOD_BIN_DIR names ready-made ones.
ensure_binaries() {
  if [[ -n ${CODEGOD_BIN_DIR:-} ]]; then
    [[ -x $BIN/codegod ]] || die "$EXIT_UNAVAILABLE" "there is no codegod in CODEGOD_BIN_DIR=$CODEGOD_BIN_DIR" "unset it to build codegod here"
    return 0
  fi
  ensure_tools cc cargo
  local build=(cargo build --release --locked --manifest-path "$REPO/Cargo.toml" -p codegod -p codegod-master -p codegod-worker)
  if draws; then
    # cargo draws its own progress; where nothing is out of date it has nothing to say.
    "${build[@]}" 9>&-
  else
    step "building codegod" "${build[@]}"
  fi || die 1 "codegod could not be built" "the compiler's words above say why"
}

# ensure_master: one runs afterwards.
ensure_master() {
  local pid
  if pid=$(pid_of master); then
    if [[ $(readlink "/proc/$pid/exe" 2>/dev/null) == *' (deleted)' ]]; then
      say "The fleet runs an older build of codegod; ./start-agents.sh restart changes to the new one."
    fi
    return 0
  fi
  setsid "$BIN/codegod-master" >>"$STATE/log/master.log" 2>&1 </dev/null 9>&- &
  pid=$!
  remember master "$pid"
  # A master that can't work ends within its first moments.
  for _ in {1..10}; do
    sleep 0.1
    if is_gone "$pid"; then
      show_log "$STATE/log/master.log"
      die "$EXIT_UNAVAILABLE" "the master ended at once" "its log above says why"
    fi
  done
  say "✓ the master runs (pid $pid)"
}

# ensure_fleet: asks for a small fleet when nothing is asked for, and waits until as many are heard of as
# are wanted. Two testing agents: every lane of a plan ends with tests, and side by side they end sooner.
ensure_fleet() {
  local role count
  if fleet_is_there; then return 0; fi
  if [[ $(fleet_count desired) == 0 ]]; then
    for role in "${AGENTS[@]}"; do
      if [[ $role == testing-agent ]]; then count=2; else count=1; fi
      "$BIN/codegod" scale "${role%-agent}" "$count" >/dev/null || die "$EXIT_UNAVAILABLE" "the fleet could not be asked for"
    done
  fi
  if wait_for "$FLEET_PATIENCE" "the agents" fleet_is_there; then
    say "✓ $(fleet_count alive) agents are at work"
    return 0
  fi
  for role in "${AGENTS[@]}"; do show_log "$STATE/log/$role.log"; done
  die "$EXIT_UNAVAILABLE" "only $(fleet_count alive) of $(fleet_count desired) agents were heard of in $FLEET_PATIENCE s" \
    "the logs above say why; ./start-agents.sh doctor looks at what they need"
}

fleet_is_there() {
  local desired alive
  desired=$(fleet_count desired) && alive=$(fleet_count alive) && ((desired > 0 && alive >= desired))
}

# codegod_processes: "pid kind name" of every process of codegod on this host. `ours` belongs to this
# state folder, `other` to another fleet.
codegod_processes() {
  local folder pid exe name state
  for folder in /proc/[0-9]*; do
    pid=${folder#/proc/}
    exe=$(readlink "$folder/exe" 2>/dev/null) || continue
    exe=${exe% (deleted)}
    name=${exe##*/}
    case $name in
      codegod | codegod-master | backend-agent | frontend-agent | devops-agent | testing-agent) ;;
      *) continue ;;
    esac
    is_gone "$pid" && continue
    state=$(tr '\0' '\n' 2>/dev/null <"$folder/environ" | sed -n 's/^CODEGOD_STATE_DIR=//p' | head -n 1) || state=
    if [[ $state == "$STATE" || (-z $state && ${exe%/*} == "$BIN") ]]; then
      printf '%s ours %s\n' "$pid" "$name"
    else
      printf '%s other %s\n' "$pid" "$name"
    fi
  done
}

# fleet_stop: the master first, which ends its agents; then whatever of ours still lives.
fleet_stop() {
  local pid kind name master
  if master=$(pid_of master); then
    kill -TERM "$master" 2>/dev/null || true
    wait_for "$MASTER_PATIENCE" "the master and its agents to end" is_gone "$master" ||
      say "The master did not end in $MASTER_PATIENCE s and is killed."
  fi
  while read -r pid kind name; do
    if [[ $kind == ours ]]; then end_process "$pid" "$name"; fi
  done < <(codegod_processes)
  forget master
}

# end_process PID NAME: SIGTERM, patience, SIGKILL.
end_process() {
  local pid=$1 name=$2
  kill -TERM "$pid" 2>/dev/null || true
  if wait_for "$AGENT_PATIENCE" "$name ($pid) to end" is_gone "$pid"; then return 0; fi
  kill -KILL "$pid" 2>/dev/null || true
  wait_for 5 "$name ($pid) to end" is_gone "$pid" || true
  say "$name ($pid) did not end by itself in $AGENT_PATIENCE s and was killed."
}

# fleet_count desired|alive: how many agents are asked for, or heard of; nothing when Redis is silent.
fleet_count() {
  local status numbers
  status=$("$BIN/codegod" status --json 2>/dev/null | tail -n 1) || return 1
  case $1 in
    desired)
      numbers=$(sed -n 's/.*"desired":{\([^}]*\)}.*/\1/p' <<<"$status" | tr -c '0-9\n' ' ')
      # shellcheck disable=SC2086 # the numbers are to be split
      printf '%s\n' 0 $numbers | awk '{ sum += $1 } END { print sum }'
      ;;
    alive) { grep -o '"alive":true' <<<"$status" || true; } | wc -l ;;
  esac
}
