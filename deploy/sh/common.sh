# shellcheck shell=bash
# What every part of start-agents.sh uses: words for the user, progress of long steps, consent, and
# processes remembered by pid and start time. Sourced, never run.
#
# stdout is data and belongs to the codegod binary; everything said here goes to stderr.

# Exit codes of codegod: bad usage; something needed is missing or not reachable.
readonly EXIT_USAGE=64 EXIT_UNAVAILABLE=69
# Seconds between progress lines where there is no terminal to draw in.
readonly REPORT_EVERY=15

# say TEXT: a line for the person in front of it.
say() { printf '%s\n' "$*" >&2; }

# die CODE SENTENCE [WHAT TO DO]: ends the script.
die() {
  say "error: $2"
  if [[ -n ${3-} ]]; then say "  $3"; fi
  if [[ $JSON == yes ]]; then
    printf '{"error":"%s","hint":"%s"}\n' "$(json_text "$2")" "$(json_text "${3-}")"
  fi
  exit "$1"
}

# json_text TEXT: the text as the inside of a JSON string.
json_text() {
  local text=${1//\\/\\\\}
  text=${text//\"/\\\"}
  text=${text//$'\n'/ }
  printf '%s' "${text//[[:cntrl:]]/ }"
}

has() { command -v "$1" >/dev/null 2>&1; }

# Whether progress can be drawn in place.
draws() { [[ -t 2 && ${TERM:-dumb} != dumb ]]; }

# Whether there is somebody to ask.
can_ask() { [[ -t 0 && -t 2 ]]; }

# Background commands of a script do not hear ctrl-C: whatever step is under way is ended with us.
STEP_PID=
interrupted() {
  trap - INT TERM
  if draws; then printf '\r\033[K' >&2; fi
  if [[ -n $STEP_PID ]]; then kill -TERM "$STEP_PID" 2>/dev/null || true; fi
  say "Stopped. What runs already goes on; ./start-agents.sh down ends it."
  exit "$1"
}
trap 'interrupted 130' INT
trap 'interrupted 143' TERM

# step NAME COMMAND…: runs a long command with its output in a log file and shows name and elapsed
# seconds; when it fails, shows the end of the output. Quick commands leave one line or, with
# QUIET=yes, none. Returns the command's exit code.
step() {
  local name=$1 log started pid code=0
  shift
  log=$(mktemp "$STATE/log/step.XXXXXX")
  started=$SECONDS
  "$@" >"$log" 2>&1 </dev/null 9>&- &
  pid=$!
  STEP_PID=$pid
  step_watch "$name" "$pid" "$started" "$log"
  wait "$pid" || code=$?
  STEP_PID=
  step_end "$name" "$code" "$((SECONDS - started))"
  if ((code != 0)); then tail -n 25 "$log" | sed 's/^/    /' >&2; fi
  rm -f "$log"
  return "$code"
}

step_watch() {
  local name=$1 pid=$2 started=$3 log=$4 elapsed next=$REPORT_EVERY
  STEP_SHOWN=no
  for _ in 1 2 3; do
    kill -0 "$pid" 2>/dev/null || return 0
    sleep 0.1
  done
  STEP_SHOWN=yes
  draws || say "… $name"
  while kill -0 "$pid" 2>/dev/null; do
    elapsed=$((SECONDS - started))
    if draws; then
      printf '\r\033[K… %s  %s s' "$name" "$elapsed" >&2
    elif ((elapsed >= next)); then
      say "… $name: $elapsed s  $(tail -n 1 "$log" | tr -d '[:cntrl:]' | cut -c1-100)"
      next=$((elapsed + REPORT_EVERY))
    fi
    sleep 0.3
  done
}

step_end() {
  local name=$1 code=$2 elapsed=$3
  if draws && [[ $STEP_SHOWN == yes ]]; then printf '\r\033[K' >&2; fi
  if ((code != 0)); then
    say "✗ $name failed after $elapsed s (exit code $code); the end of its output:"
  elif [[ $STEP_SHOWN == yes || $QUIET == no ]]; then
    say "✓ $name ($elapsed s)"
  fi
}

# wait_for SECONDS WHAT COMMAND…: until the command succeeds; shows what is waited for.
wait_for() {
  local limit=$1 what=$2 started=$SECONDS next=$REPORT_EVERY shown=no elapsed
  shift 2
  until "$@"; do
    elapsed=$((SECONDS - started))
    if ((elapsed >= limit)); then
      if [[ $shown == yes ]]; then printf '\r\033[K' >&2; fi
      return 1
    fi
    if draws && ((elapsed >= 1)); then
      shown=yes
      printf '\r\033[K… waiting for %s  %s s' "$what" "$elapsed" >&2
    elif ((elapsed >= next)); then
      say "… waiting for $what: $elapsed s"
      next=$((elapsed + REPORT_EVERY))
    fi
    sleep 0.2
  done
  if [[ $shown == yes ]]; then printf '\r\033[K' >&2; fi
}

# allowed QUESTION WHAT…: whether the commands named in WHAT may be run on this system. Asks in a
# terminal; --yes and CI=true say yes; with neither, says what it would run and ends.
allowed() {
  local question=$1 answer line
  shift
  say "$question"
  for line in "$@"; do say "    $line"; done
  if [[ $ASSUME_YES == yes || ${CI:-} == true ]]; then return 0; fi
  if ! can_ask; then
    die "$EXIT_UNAVAILABLE" "this needs your consent, and there is no terminal to ask in" \
      "run the lines above yourself, or call start-agents.sh again with --yes"
  fi
  read -r -p 'Run this now? [y/N] ' answer || answer=
  [[ $answer == [yY] || $answer == [yY][eE][sS] ]] ||
    die "$EXIT_UNAVAILABLE" "nothing was changed" "run the lines above yourself, then call start-agents.sh again"
}

# as_root COMMAND…: with sudo when that is needed and there.
as_root() {
  if ((EUID == 0)); then "$@"; else sudo "$@"; fi
}

# exec_as_root COMMAND…: in place of the (sub)shell that calls it, so that none stays behind to wait.
exec_as_root() {
  if ((EUID == 0)); then exec "$@"; else exec sudo "$@"; fi
}

# root_prefix: how as_root looks in a message.
root_prefix() { if ((EUID != 0)); then printf 'sudo '; fi; }

# need_root WHAT FOR: ends when nobody here can become root.
need_root() {
  if ((EUID == 0)); then return 0; fi
  has sudo || die "$EXIT_UNAVAILABLE" "$1 needs root, and there is no sudo" "ask somebody with root access, or run this as root"
  # Asked in the open, so that no password prompt hides behind a progress line.
  sudo -n true 2>/dev/null || { can_ask && sudo -v; } ||
    die "$EXIT_UNAVAILABLE" "$1 needs root, and sudo asks for a password that nobody can type here" "run it in a terminal, or as root"
}

# start_time PID: when a process was started, in ticks since boot; tells a recycled pid.
start_time() {
  local stat
  { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
  # The name in parentheses may hold anything: count fields after the last parenthesis.
  read -r -a stat <<<"${stat##*) }"
  [[ ${stat[0]} != Z ]] || return 1
  printf '%s' "${stat[19]}"
}

# remember NAME PID: writes down a process that was started here.
remember() { printf '%s %s\n' "$2" "$(start_time "$2" || echo gone)" >"$STATE/run/$1.pid"; }

# pid_of NAME: the remembered process when it is still that process.
pid_of() {
  local pid started
  { read -r pid started <"$STATE/run/$1.pid"; } 2>/dev/null || return 1
  [[ $pid =~ ^[0-9]+$ && $started == "$(start_time "$pid")" ]] || return 1
  printf '%s' "$pid"
}

forget() { rm -f "$STATE/run/$1.pid"; }

# is_gone PID: whether the process has ended (a zombie has).
is_gone() { ! start_time "$1" >/dev/null; }

# show_log FILE: the end of a log, indented.
show_log() {
  if [[ -s $1 ]]; then
    say "  the end of $1:"
    tail -n 15 "$1" | sed 's/^/    /' >&2
  fi
}
