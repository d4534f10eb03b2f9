# shellcheck shell=bash
# What may be left in Docker after the fleet has ended: found by the label `codegod`, removed, and
# named when it stays. Sourced.
#
# The label's value is the purpose. Sandboxes, builders and apps must not outlive the fleet. Caches,
# deployments, services of the Compose file, and containers that a person started from one of
# codegod's images stay, and are only listed.

# SURVIVORS: what should be gone and is not; filled here and by the parts that end processes.
SURVIVORS=()
KEPT=()

# known_goals: the goals of this fleet, while its Redis still answers.
known_goals() {
  "$BIN/codegod" goals --json -n 1000 2>/dev/null | grep -o '"g-[a-z0-9]*"' | tr -d '"' | sort -u || true
}

# list_labelled KIND: "id purpose goal name" of every labelled container, network or volume.
list_labelled() {
  local purpose='{{.Label "codegod"}}' goal='{{.Label "codegod.goal"}}'
  case $1 in
    container) docker ps -a --no-trunc --filter label=codegod --format "{{.ID}}|$purpose|$goal|{{.Names}}" ;;
    network) docker network ls --no-trunc --filter label=codegod --format "{{.ID}}|$purpose|$goal|{{.Name}}" ;;
    volume) docker volume ls --filter label=codegod --format "{{.Name}}|$purpose|$goal|{{.Name}}" ;;
  esac
}

# clear_leftovers GOALS: removes what nobody living can own. While another fleet, or a test, runs on
# this host, only what belongs to one of our GOALS (one on each line).
clear_leftovers() {
  local goals=$1 kind id purpose goal name others
  docker_answers || return 0
  others=$(others_at_work)
  for kind in container network volume; do
    while IFS='|' read -r id purpose goal name; do
      stays "$purpose" && continue
      if [[ -n $others ]] && ! { [[ -n $goal ]] && grep -qxF -- "$goal" <<<"$goals"; }; then continue; fi
      say "Removing the $kind $name, which was left behind."
      remove_object "$kind" "$id" || true
    done < <(list_labelled "$kind" || true)
  done
}

# stays PURPOSE: whether objects of the purpose may outlive the fleet.
stays() { [[ $1 == cache || $1 == deployment || $1 == service || $1 == env || $1 == image ]]; }

remove_object() {
  case $1 in
    container) timeout 60 docker rm -f -v "$2" ;;
    network) timeout 60 docker network rm "$2" ;;
    volume) timeout 60 docker volume rm "$2" ;;
  esac >/dev/null 2>>"$STATE/log/docker.err"
}

# others_at_work: names processes of another fleet, or of a test, that may own what is labelled.
others_at_work() {
  local pid kind name folder exe
  while read -r pid kind name; do
    if [[ $kind == other && $name != codegod ]]; then printf '%s (%s)\n' "$name" "$pid"; fi
  done < <(codegod_processes)
  for folder in /proc/[0-9]*; do
    exe=$(readlink "$folder/exe" 2>/dev/null) || continue
    case $exe in
      "$TARGET"/*/deps/*) is_gone "${folder#/proc/}" || printf '%s (%s)\n' "${exe##*/}" "${folder#/proc/}" ;;
    esac
  done
}

# find_survivors GOALS: fills SURVIVORS with what is still there, KEPT with what may be.
find_survivors() {
  local goals=$1 kind id purpose goal name pid others owner
  others=$(others_at_work)
  while read -r pid owner name; do
    if [[ $owner == ours ]]; then SURVIVORS+=("process $pid ($name)"); fi
  done < <(codegod_processes)
  docker_answers || return 0
  for kind in container network volume; do
    while IFS='|' read -r id purpose goal name; do
      if [[ $purpose == deployment || $purpose == service || ($purpose == cache && $kind == volume) ]]; then
        KEPT+=("$kind $name ($purpose)")
      elif stays "$purpose"; then
        KEPT+=("$kind $name (started from an image of codegod)")
      elif [[ -n $others ]] && ! { [[ -n $goal ]] && grep -qxF -- "$goal" <<<"$goals"; }; then
        KEPT+=("$kind $name (of another fleet that runs here: ${others%%$'\n'*})")
      else
        SURVIVORS+=("$kind $name")
      fi
    done < <(list_labelled "$kind" || true)
  done
}

# report_survivors: says what is kept; ends with 1, naming it, when something survived.
report_survivors() {
  local line
  if ((${#KEPT[@]})); then
    say "Kept:"
    for line in "${KEPT[@]}"; do say "    $line"; done
  fi
  if ((${#SURVIVORS[@]})); then
    say "error: this is still there:"
    for line in "${SURVIVORS[@]}"; do say "    $line"; done
    return 1
  fi
}
