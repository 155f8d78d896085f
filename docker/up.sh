#!/bin/sh
# Starts the agent in the background and waits until every stack is Ready: up.sh PATH/aza-agent. Needs root.
#
# An agent that runs already stays, unless its binary or its directory of manifests is another than the one asked for.
set -eu

agent=$(realpath "${1:?usage: up.sh PATH/aza-agent}")
desired_state=$(realpath "${AZA_DESIRED_STATE:-desired-state}")
# shellcheck source=docker/agent.sh
. "$(dirname "$0")/agent.sh"

# Enough for a first boot of every stack on a slow disk.
limit=${AZA_UP_LIMIT:-300}

say() { echo "== up: $*"; }

found=$("$agent" validate "$desired_state") || {
    printf '%s\nup: correct these, then make up again\n' "$found" >&2
    exit 1
}

pid=$(agent_pid)
if [ -n "$pid" ] && cmp -s "/proc/$pid/exe" "$agent" && tr '\0' '\n' <"/proc/$pid/cmdline" | grep -qxF "$desired_state"; then
    say "the agent runs (pid $pid)"
else
    [ -z "$pid" ] || say "the agent (pid $pid) is of another build or for another directory: restarting it"
    stop_agent
    mkdir -p "$state"
    # setsid: it belongs to no terminal, so that closing this one does not end it.
    setsid "$agent" run --desired-state "$desired_state" --state-dir "$state" </dev/null >>"$log_file" 2>&1 &
    pid=$!
    echo "$pid" >"$pid_file"
    say "started the agent (pid $pid), log $log_file"
fi

fail() {
    echo "up: $*" >&2
    "$agent" status --state-dir "$state" >&2 || true
    echo "--- the end of $log_file:" >&2
    tail -n 15 "$log_file" >&2
    exit 1
}

# Every stack's row of the table, without its head and what follows the first blank line.
rows() { "$agent" status --state-dir "$state" 2>/dev/null | sed -n '1d; /^$/q; p'; }

# Told by this very process, nothing unready, and no step left to do: an old status could be true of an older manifest.
all_ready() {
    "$agent" status --state-dir "$state" -o json 2>/dev/null | grep -q "\"pid\": $pid,\$" || return 1
    said=$(rows | awk '{ printf "%s%s Ready=%s", (NR > 1 ? ", " : ""), $1, $2 }')
    case "$said" in '' | *Ready=[!T]*) return 1 ;; esac
    steps=$("$agent" plan --state-dir "$state" --desired-state "$desired_state" -o json 2>/dev/null) || return 1
    ! echo "$steps" | grep -q '"steps": \[$'
}

began=$(date +%s)
shown=""
said=""
until all_ready; do
    [ -d "/proc/$pid" ] || fail "the agent ended; its last words follow"
    passed=$(($(date +%s) - began))
    [ "$passed" -lt "$limit" ] || fail "not everything is Ready after $limit s"
    now=${said:-waiting for the first look}
    [ "$now" = "$shown" ] || say "$passed s: $now"
    shown=$now
    sleep 0.5
done
say "Ready after $(($(date +%s) - began)) s"
echo
"$agent" status --state-dir "$state"
echo
rows | while read -r name _; do
    endpoint=$("$agent" status "$name" --state-dir "$state" -o json | sed -n 's/.*"endpoint": "\(.*\)".*/\1/p')
    echo "Connect to $name:"
    echo "  docker exec -it $name-postgres psql -U postgres"
    echo "  psql -h ${endpoint%:*} -p ${endpoint##*:} -U postgres     password: sudo cat $state/secrets/$name/superuser"
done
