# shellcheck shell=bash
# What may be left in Docker after the fleet has ended: found by the label `codegod`, removed, and
# named when it stays. Sourced.
#
# The label's value is the purpose. Sandboxes, builders and apps must not outlive their fleet. Caches,
# deployments, services of the Compose file, and containers that a person started from one of
# codegod's images stay, and are only listed. Several fleets may share a Docker host: what carries
# another fleet's id, or none, goes only when no other fleet and no test is at work here.

# SURVIVORS: what should be gone and is not; filled here and by the parts that end processes.
SURVIVORS=()
KEPT=()

# fleet_id: the id that this fleet puts on its objects. Redis has it; it is remembered for when Redis
# no longer answers.
fleet_id() {
  local id=
  if [[ -n ${REDIS_URL:-} ]] && has redis-cli; then
    id=$(timeout 5 redis-cli -u "$REDIS_URL" --no-auth-warning hget "${CODEGOD_PREFIX:-codegod:}fleet" id 2>/dev/null) || id=
  fi
  if [[ $id =~ ^f-[a-z0-9]+$ ]]; then
    printf '%s\n' "$id" >"$STATE/run/fleet"
  else
    id=$(cat "$STATE/run/fleet" 2>/dev/null) || id=
  fi
  printf '%s' "$id"
}

# list_labelled KIND: "id|purpose|fleet|name" of every labelled container, network or volume.
list_labelled() {
  local facts='{{.Label "codegod"}}|{{.Label "codegod.fleet"}}'
  case $1 in
    container) docker ps -a --no-trunc --filter label=codegod --format "{{.ID}}|$facts|{{.Names}}" ;;
    network) docker network ls --no-trunc --filter label=codegod --format "{{.ID}}|$facts|{{.Name}}" ;;
    volume) docker volume ls --filter label=codegod --format "{{.Name}}|$facts|{{.Name}}" ;;
  esac
}

# judge KIND PURPOSE FLEET OURS OTHERS: remove, or why it is kept.
judge() {
  local kind=$1 purpose=$2 fleet=$3 ours=$4 others=$5
  case $purpose in
    cache) if [[ $kind == volume ]]; then echo cache; else echo remove; fi ;;
    deployment) echo 'left running by its goal' ;;
    service) echo 'of the Compose file' ;;
    env | image) echo "started from an image of codegod's" ;;
    *)
      if [[ -n $ours && $fleet == "$ours" ]] || [[ -z $others ]]; then
        echo remove
      else
        echo "not of this fleet; $others is at work here too"
      fi
      ;;
  esac
}

# clear_leftovers FLEET: removes what nobody living needs.
clear_leftovers() {
  local ours=$1 kind id purpose fleet name others
  docker_answers || return 0
  others=$(other_at_work)
  for kind in container network volume; do
    while IFS='|' read -r id purpose fleet name; do
      [[ $(judge "$kind" "$purpose" "$fleet" "$ours" "$others") == remove ]] || continue
      say "Removing the $kind $name, which was left behind."
      remove_object "$kind" "$id" || true
    done < <(list_labelled "$kind" || true)
  done
}

remove_object() {
  case $1 in
    container) timeout 60 docker rm -f -v "$2" ;;
    network) timeout 60 docker network rm "$2" ;;
    volume) timeout 60 docker volume rm "$2" ;;
  esac >/dev/null 2>>"$STATE/log/docker.err" </dev/null
}

# other_at_work: one process of another fleet, or of a test, that may own what is labelled; nothing when
# there is none. A daemon elsewhere may serve fleets that can't be seen from here.
other_at_work() {
  local pid kind name folder exe
  if [[ -n ${DOCKER_HOST:-} && $DOCKER_HOST != unix://* ]]; then
    printf 'perhaps another host'
    return 0
  fi
  while read -r pid kind name; do
    if [[ $kind == other && $name != codegod ]]; then
      printf '%s (%s)' "$name" "$pid"
      return 0
    fi
  done < <(codegod_processes)
  for folder in /proc/[0-9]*; do
    exe=$(readlink "$folder/exe" 2>/dev/null) || continue
    if [[ $exe == "$TARGET"/*/deps/* ]] && ! is_gone "${folder#/proc/}"; then
      printf '%s (%s)' "${exe##*/}" "${folder#/proc/}"
      return 0
    fi
  done
}

# find_survivors FLEET: fills SURVIVORS with what is still there, KEPT with what may be.
find_survivors() {
  local ours=$1 kind id purpose fleet name pid owner others verdict caches=()
  others=$(other_at_work)
  while read -r pid owner name; do
    if [[ $owner == ours ]]; then SURVIVORS+=("process $pid ($name)"); fi
  done < <(codegod_processes)
  if ! docker_answers; then
    if has docker; then KEPT+=("whatever Docker holds: its daemon does not answer, so nobody can look"); fi
    return 0
  fi
  for kind in container network volume; do
    while IFS='|' read -r id purpose fleet name; do
      verdict=$(judge "$kind" "$purpose" "$fleet" "$ours" "$others")
      case $verdict in
        remove) SURVIVORS+=("$kind $name ($id)") ;;
        cache) caches+=("$name") ;;
        *) KEPT+=("$kind $name ($verdict)") ;;
      esac
    done < <(list_labelled "$kind" || true)
  done
  if ((${#caches[@]})); then KEPT+=("download caches: ${caches[*]}"); fi
}

# report_survivors: says what is kept; fails, naming it, when something survived.
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
