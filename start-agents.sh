#!/usr/bin/env bash
# Starts, stops and uses codegod on this machine: finds or installs what it needs, then hands over to
# the codegod binary. Works from any folder. `./start-agents.sh help` lists the commands.
#
# Exit codes are codegod's: 0 done, 1 failed, 2 blocked, 64 bad usage, 69 something needed is missing.
set -euo pipefail

REPO=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd -P)
TARGET=${CARGO_TARGET_DIR:-$REPO/target}
BIN=${CODEGOD_BIN_DIR:-$TARGET/release}
STATE=${CODEGOD_STATE_DIR:-$REPO/.codegod}
[[ $STATE == /* ]] || STATE=$PWD/$STATE
[[ $BIN == /* ]] || BIN=$PWD/$BIN
[[ $TARGET == /* ]] || TARGET=$PWD/$TARGET
OWN_REDIS=$([[ -n ${REDIS_URL:-} ]] && echo no || echo yes)
ASSUME_YES=no JSON=no QUIET=no
export CODEGOD_STATE_DIR=$STATE

# shellcheck source=deploy/sh/common.sh
source "$REPO/deploy/sh/common.sh"
# shellcheck source=deploy/sh/install.sh
source "$REPO/deploy/sh/install.sh"
# shellcheck source=deploy/sh/docker.sh
source "$REPO/deploy/sh/docker.sh"
# shellcheck source=deploy/sh/redis.sh
source "$REPO/deploy/sh/redis.sh"
# shellcheck source=deploy/sh/fleet.sh
source "$REPO/deploy/sh/fleet.sh"
# shellcheck source=deploy/sh/leftovers.sh
source "$REPO/deploy/sh/leftovers.sh"
# shellcheck source=deploy/sh/test.sh
source "$REPO/deploy/sh/test.sh"

usage() {
  cat <<'TEXT'
start-agents.sh: a fleet of coding agents on this machine

  ./start-agents.sh build "Build a Flask + React app"

Commands
  build GOAL         start what is needed, hand the goal over and follow it (options: build --help)
  setup DIR          the same for "set up this project and run its tests" of a folder
  up                 start Redis, the master and a small fleet; what runs already is left alone
  down [--all]       end them, clear up in Docker and check that nothing is left; data is kept
                     (--all: end the Docker daemon too, when it was started from here)
  restart            down and up again; goals go on where they were
  status             the fleet, its queues and the newest goals
  logs [AGENT|ROLE]  what agents did (-f goes on); logs master, logs redis, logs dockerd
  scale ROLE N       ask for N agents of a role (scale backend-agent 4)
  wipe [AGENT|ROLE]  let agents forget
  pause, resume      hand out nothing, and go on (of one goal: pause GOAL)
  gc [--dry-run]     clear up in Redis and Docker, and say what everything takes
  goals, show, memory, cancel, retry, verify, apply, drain, dead, quarantine
                     as `codegod` has them (COMMAND --help)
  doctor             what is set, what is reachable, what to do about what is not
  test [--full]      check and test codegod itself; --full adds the slow whole-system cases

Options
  --yes              run what has to be run as root (installing packages, starting Docker) without
                     asking; CI=true does the same

Settings are environment variables: REDIS_URL (a Redis of codegod's own is started when it is not set),
DOCKER_HOST, CODEGOD_STATE_DIR (default: .codegod beside this script), LOG_LEVEL, VLLM_API_URL.
TEXT
}

# prepare_state: the folders of the state.
prepare_state() {
  if ! mkdir -p "$STATE/run" "$STATE/log" "$STATE/redis" 2>/dev/null || [[ ! -w $STATE/run ]]; then
    die "$EXIT_UNAVAILABLE" "the state folder $STATE can't be written" "set CODEGOD_STATE_DIR to a folder of yours"
  fi
  find "$STATE/log" -maxdepth 1 -name 'step.*' -mmin +1440 -delete 2>/dev/null || true
}

# lock: keeps two of these scripts from starting or ending things at once.
lock() {
  exec 9>"$STATE/run/lock"
  flock -n 9 || wait_for 1800 "another start-agents.sh to finish" flock -n 9 ||
    die "$EXIT_UNAVAILABLE" "another start-agents.sh has been at work for half an hour" "end it and try again"
}

unlock() { exec 9>&-; }

# up_and_say COMMAND ARGUMENT…: `up` and `restart` take no arguments.
up_and_say() {
  if (($# > 1)); then die "$EXIT_USAGE" "$1 knows no $2" "./start-agents.sh $1"; fi
  if [[ $1 == restart ]]; then down; fi
  up
  say "✓ codegod is up"
}

up() {
  lock
  ensure_tools git docker
  if [[ $OWN_REDIS == yes ]]; then ensure_tools redis; fi
  ensure_binaries
  ensure_docker
  ensure_base_image
  ensure_redis
  ensure_master
  ensure_fleet
  unlock
}

down() {
  local all=no fleet
  case ${1-} in
    '') ;;
    --all) all=yes ;;
    *) die "$EXIT_USAGE" "down knows no $1" "./start-agents.sh down [--all]" ;;
  esac
  lock
  redis_url_if_known
  fleet=$(fleet_id)
  fleet_stop
  clear_leftovers "$fleet"
  redis_stop
  find_survivors "$fleet"
  if [[ $all == yes ]]; then stop_docker; fi
  unlock
  report_survivors || exit 1
  say "✓ codegod is down"
}

# hand_over COMMAND…: the codegod binary, in this process and in the caller's folder.
hand_over() {
  if [[ ! -x $BIN/codegod ]]; then ensure_binaries; fi
  exec "$BIN/codegod" "$@"
}

# look COMMAND…: a command that needs the Redis of a fleet that is up.
look() {
  redis_url_if_known
  if [[ $OWN_REDIS == yes ]] && ! redis_runs; then
    die "$EXIT_UNAVAILABLE" "codegod is not up here" "./start-agents.sh up starts it"
  fi
  hand_over "$@"
}

# logs of what is no agent lie in files.
logs() {
  local file
  case ${1-} in
    master | redis | dockerd) file=$STATE/log/$1.log ;;
    *) look logs "$@" ;;
  esac
  [[ -f $file ]] || die "$EXIT_USAGE" "there is no log of $1 yet" "./start-agents.sh up starts it"
  case ${2-} in
    -f | --follow) exec tail -n 50 -f "$file" ;;
    *) exec tail -n 50 "$file" ;;
  esac
}

console() {
  local argument
  for argument in "$@"; do
    if [[ $argument == -h || $argument == --help ]]; then hand_over console --help; fi
  done
  QUIET=yes up
  exec "$BIN/codegod" console "$@"
}

# give build|setup ARGUMENT…: starts what is needed and hands a goal over. Usage is settled before.
give() {
  local command=$1 argument
  shift
  for argument in "$@"; do
    if [[ $argument == -h || $argument == --help ]]; then hand_over "$command" --help; fi
  done
  case $command/$# in
    build/0) die "$EXIT_USAGE" "build needs a goal" "./start-agents.sh build \"Build a Flask + React app\"" ;;
    setup/0) die "$EXIT_USAGE" "setup needs a folder" "./start-agents.sh setup ." ;;
  esac
  QUIET=yes up
  exec "$BIN/codegod" "$command" "$@"
}

main() {
  local arguments=() argument verbatim=no command
  for argument in "$@"; do
    if [[ $argument == -- ]]; then verbatim=yes; fi
    if [[ $argument == --yes && $verbatim == no ]]; then
      ASSUME_YES=yes
      continue
    fi
    if [[ $argument == --json && $verbatim == no ]]; then JSON=yes; fi
    arguments+=("$argument")
  done
  command=${arguments[0]-}
  arguments=("${arguments[@]:1}")
  find_tools
  case $command in
    '' | help | -h | --help)
      usage
      if [[ -z $command ]]; then exit "$EXIT_USAGE"; fi
      exit 0
      ;;
  esac
  prepare_state
  case $command in
    up | restart) up_and_say "$command" "${arguments[@]}" ;;
    down) down "${arguments[@]}" ;;
    build | setup) give "$command" "${arguments[@]}" ;;
    console) console "${arguments[@]}" ;;
    logs) logs "${arguments[@]}" ;;
    doctor) redis_url_if_known && hand_over doctor "${arguments[@]}" ;;
    wipe | pause | resume | retry | quarantine)
      if [[ $ASSUME_YES == yes ]]; then arguments+=(--yes); fi
      look "$command" "${arguments[@]}"
      ;;
    status | scale | goals | show | memory | cancel | verify | apply | drain | dead | gc)
      look "$command" "${arguments[@]}"
      ;;
    test) run_tests "${arguments[@]}" ;;
    *) die "$EXIT_USAGE" "there is no command $command" "./start-agents.sh help lists the commands" ;;
  esac
}

main "$@"
