# shellcheck shell=bash
# The Docker daemon: found, or started where none answers. Sourced.

# Seconds that a daemon gets until it answers; with many images the first start takes long.
readonly DOCKER_PATIENCE=90
readonly DOCKER_SOCKET=/var/run/docker.sock

# docker_answers: where the agents look too: DOCKER_HOST, else the usual socket.
docker_answers() {
  has docker || return 1
  DOCKER_HOST=${DOCKER_HOST:-unix://$DOCKER_SOCKET} \
    timeout 20 docker version --format '{{.Server.Version}}' >/dev/null 2>"$STATE/log/docker.err"
}

# ensure_docker: a daemon answers afterwards.
ensure_docker() {
  docker_answers && return 0
  if [[ -n ${DOCKER_HOST:-} ]]; then
    say "$(<"$STATE/log/docker.err")"
    die "$EXIT_UNAVAILABLE" "no Docker daemon answers at DOCKER_HOST=$DOCKER_HOST" "start it, or unset DOCKER_HOST"
  fi
  if grep -qi 'permission denied' "$STATE/log/docker.err"; then
    die "$EXIT_UNAVAILABLE" "$(id -un) may not use the Docker daemon of this host" \
      "$(root_prefix)usermod -aG docker $(id -un), then log in again"
  fi
  if use_docker_context; then return 0; fi
  start_docker
}

# use_docker_context: a daemon that the docker command knows under another address (rootless, Desktop).
use_docker_context() {
  local address
  address=$(docker context inspect --format '{{.Endpoints.docker.Host}}' 2>/dev/null) || return 1
  [[ $address == unix://* && $address != "unix://$DOCKER_SOCKET" ]] || return 1
  DOCKER_HOST=$address docker_answers || return 1
  export DOCKER_HOST=$address
}

start_docker() {
  local sudo
  if daemons dockerd >/dev/null; then
    # Somebody is starting it; a second one would only fail.
    wait_for "$DOCKER_PATIENCE" "the Docker daemon that is starting" docker_answers && return 0
    die "$EXIT_UNAVAILABLE" "a Docker daemon runs (pid $(daemons dockerd | head -n 1)) and did not answer in $DOCKER_PATIENCE s" \
      "look at its log, or end it and call start-agents.sh again"
  fi
  has dockerd || die_missing docker
  sudo=$(root_prefix)
  if has_systemd; then
    allowed "The Docker daemon is not running. To start it, start-agents.sh runs:" "${sudo}systemctl start docker"
    need_root "starting the Docker daemon"
    step "starting the Docker daemon" as_root systemctl start docker || true
  else
    allowed "The Docker daemon is not running. To start it, start-agents.sh runs:" "${sudo}dockerd"
    need_root "starting the Docker daemon"
    clear_stale_pids
    start_dockerd
  fi
  wait_for "$DOCKER_PATIENCE" "the Docker daemon" docker_ready || {
    has_systemd || show_log "$STATE/log/dockerd.log"
    if grep -qi 'permission denied' "$STATE/log/docker.err"; then
      die "$EXIT_UNAVAILABLE" "the Docker daemon runs, and $(id -un) may not use it" \
        "${sudo}usermod -aG docker $(id -un), then log in again"
    fi
    die "$EXIT_UNAVAILABLE" "the Docker daemon did not come up" "its log says why; start it by hand and call start-agents.sh again"
  }
  say "✓ the Docker daemon runs"
}

has_systemd() { [[ -d /run/systemd/system ]]; }

# start_dockerd: detached from this terminal and its signals.
start_dockerd() {
  local log=$STATE/log/dockerd.log
  : >>"$log"
  exec_as_root setsid dockerd >>"$log" 2>&1 </dev/null 9>&- &
  DOCKERD_STARTER=$!
}

# docker_ready: it answers, or its starter has ended and waiting is over.
docker_ready() {
  local pid
  if docker_answers; then
    # Remembered as ours only when it is the one started here.
    if [[ -n ${DOCKERD_STARTER:-} ]] && pid=$(daemons dockerd | head -n 1) && [[ -n $pid ]]; then remember dockerd "$pid"; fi
    return 0
  fi
  if [[ -n ${DOCKERD_STARTER:-} ]] && is_gone "$DOCKERD_STARTER"; then
    show_log "$STATE/log/dockerd.log"
    die "$EXIT_UNAVAILABLE" "dockerd ended at once" "its log above says why"
  fi
  return 1
}

# daemons NAME: pids of the living processes of that name.
daemons() {
  local folder name found=1
  for folder in /proc/[0-9]*; do
    { read -r name <"$folder/comm"; } 2>/dev/null || continue
    if [[ $name == "$1" ]] && ! is_gone "${folder#/proc/}"; then
      printf '%s\n' "${folder#/proc/}"
      found=0
    fi
  done
  return "$found"
}

# clear_stale_pids: a killed daemon leaves pid files. Once their number belongs to another process,
# dockerd refuses to start, or waits for (and then kills) a containerd that is none.
clear_stale_pids() {
  clear_stale_pid /var/run/docker.pid dockerd
  clear_stale_pid /var/run/docker/containerd/containerd.pid containerd
  clear_stale_pid /var/run/docker/containerd/docker-containerd.pid containerd
}

clear_stale_pid() {
  local file=$1 name=$2 pid comm
  pid=$(as_root cat "$file" 2>/dev/null | tr -cd '0-9') || return 0
  comm=$(cat "/proc/$pid/comm" 2>/dev/null) || comm=
  if [[ -e $file && $comm != "$name" ]]; then
    as_root rm -f "$file"
    say "Removed $file, which a killed $name left behind."
  fi
}

# stop_docker: the daemon that start-agents.sh started; nobody else's.
stop_docker() {
  local pid
  if ! pid=$(pid_of dockerd); then
    say "The Docker daemon was not started by start-agents.sh; it is left alone."
    return 0
  fi
  need_root "stopping the Docker daemon"
  as_root kill -TERM "$pid" 2>/dev/null || true
  wait_for 60 "the Docker daemon to end" is_gone "$pid" || {
    SURVIVORS+=("process $pid (dockerd)")
    return 0
  }
  forget dockerd
  say "✓ the Docker daemon has ended"
}
