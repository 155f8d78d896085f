#!/bin/sh
# Stops the agent, then the containers it looks after: down.sh. Keeps all data, and says where it is. Needs root.
set -eu

# shellcheck source=docker/agent.sh
. "$(dirname "$0")/agent.sh"

say() { echo "== down: $*"; }

pid=$(agent_pid)
if [ -n "$pid" ]; then
    stop_agent
    say "stopped the agent (pid $pid)"
else
    say "no agent runs on $state"
fi

# Only this host name's, and only the stacks that this state directory knows: another agent's are not ours to stop.
host=${AZA_HOST:-$(uname -n)}
for directory in "$state"/stacks/*/; do
    [ -d "$directory" ] || continue
    stack=$(basename "$directory")
    set -- --filter "label=aza.dev/stack=$stack" --filter "label=aza.dev/host=$host"
    for container in $(docker ps --quiet "$@"); do
        # Longer than a last checkpoint takes: beyond it Docker kills, and the next start is a crash recovery.
        docker stop --time 120 "$container" >/dev/null
        say "stopped $(docker inspect --format '{{.Name}}' "$container" | cut -c 2-)"
    done
    for container in $(docker ps --all --quiet "$@"); do
        docker inspect --format '{{range .Mounts}}{{if eq .Type "volume"}}{{.Name}} {{.Source}}{{"\n"}}{{end}}{{end}}' "$container" |
            while read -r volume path; do
                [ -z "$volume" ] || say "the data of $stack stays in volume $volume ($path)"
            done
    done
done
say "secrets and records stay in $state; make up starts everything again"
