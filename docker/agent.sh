# Sourced by up.sh and down.sh: where the agent is, and whether it runs.
# shellcheck shell=sh

state=${AZA_STATE_DIR:-/var/lib/aza-agent}
pid_file=$state/agent.pid
log_file=$state/agent.log

# Prints the agent's pid when it runs. A pid alone proves nothing: after a boot it may be anybody's.
agent_pid() {
    [ -s "$pid_file" ] || return 0
    pid=$(cat "$pid_file")
    case "$pid" in '' | *[!0-9]*) return 0 ;; esac
    case "$(readlink "/proc/$pid/exe" 2>/dev/null)" in
        */aza-agent | */aza-agent' (deleted)') ;;
        *) return 0 ;;
    esac
    tr '\0' '\n' <"/proc/$pid/cmdline" | grep -qxF "$state" && echo "$pid"
    return 0
}

# Stops it, and waits until the step in hand has ended. Killing it would be safe too, but is nobody's to decide here.
stop_agent() {
    pid=$(agent_pid)
    [ -n "$pid" ] || return 0
    kill -TERM "$pid"
    tries=1800
    while [ -n "$(agent_pid)" ]; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || {
            echo "the agent (pid $pid) is still at its step after 3 minutes; see $log_file" >&2
            exit 1
        }
        sleep 0.1
    done
    rm -f "$pid_file"
}
