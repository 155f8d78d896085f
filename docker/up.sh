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

began=$(date +%s)
"$agent" status --state-dir "$state" --desired-state "$desired_state" --wait Ready --timeout "${limit}s" >/dev/null &
waiter=$!
# An agent that ended is not worth waiting for; whoever else waits may hope for another one.
while [ -d "/proc/$waiter" ]; do
    [ -d "/proc/$pid" ] || {
        kill "$waiter" 2>/dev/null || true
        fail "the agent ended; its last words follow"
    }
    sleep 0.2
done
wait "$waiter" || fail "not everything is Ready after $limit s"
say "Ready after $(($(date +%s) - began)) s"
echo
"$agent" status --state-dir "$state"
echo
"$agent" names --state-dir "$state" | while read -r name; do
    endpoint=$("$agent" status "$name" --state-dir "$state" -o json | sed -n 's/.*"endpoint": "\(.*\)".*/\1/p')
    echo "Connect to $name:"
    echo "  docker exec -it $name-postgres psql -U postgres"
    echo "  psql -h ${endpoint%:*} -p ${endpoint##*:} -U postgres     password: sudo cat $state/secrets/$name/superuser"
done
