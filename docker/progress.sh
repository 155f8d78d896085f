#!/bin/sh
# Runs a command whose standard error is long: shows it live on a terminal, and elsewhere only when it failed.
set -eu

if [ -t 2 ]; then
    exec "$@"
fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT
"$@" 2>"$log" || {
    cat "$log" >&2
    exit 1
}
