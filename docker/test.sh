#!/usr/bin/env bash
# Everything that CI checks, cheapest first: format, lints, fences, tests without Docker, then the image and the live tests.
#
# One profile and one set of features (`--features sim`) for lints and tests alike, so that nothing is built twice. Tests call
# what they make `aza-test-…`; what is left of it at the end is removed, and fails the run.
set -euo pipefail
cd "$(dirname "$0")/.."

# A snapshot that differs is a failure here, not a file to review.
export INSTA_UPDATE=no
began=$SECONDS
target=${CARGO_TARGET_DIR:-target}
summaries=$(mktemp)
trap 'rm -f "$summaries"' EXIT
sudo=$([ "$(id -u)" = 0 ] || echo sudo)
[ -n "${CI:-}" ] && profile=ci || profile=default
# The targets that need Docker and the image.
live='binary(/^(bench|entrypoint|live|conformance)$/)'

phase() { printf '== %s (%dm%02ds)\n' "$*" $(((SECONDS - began) / 60)) $(((SECONDS - began) % 60)); }

failed() {
    local status=$?
    printf 'make test: FAILED in %dm%02ds, see above\n' $(((SECONDS - began) / 60)) $(((SECONDS - began) % 60)) >&2
    exit "$status"
}
trap failed ERR

# Containers, volumes and networks with the tests' prefix, one `kind name` a line. A name with the pid of a living process in
# it is a test's that still runs, in another terminal or checkout.
leftovers() {
    {
        $sudo docker ps --all --format 'container {{.Names}}'
        $sudo docker volume ls --format 'volume {{.Name}}'
        $sudo docker network ls --format 'network {{.Name}}'
    } | sort | while read -r kind name; do
        local pid
        case $name in aza-test-*) ;; *) continue ;; esac
        pid=$(grep -oE '[0-9]+' <<<"$name" | tail -n 1 || true)
        [ -n "$pid" ] && [ -d "/proc/$pid" ] || echo "$kind $name"
    done
}

remove() {
    local kind name
    while read -r kind name; do
        case $kind in
            container) $sudo docker rm --force --volumes "$name" ;;
            volume) $sudo docker volume rm "$name" ;;
            network) $sudo docker network rm "$name" ;;
        esac >/dev/null || true
    done
}

nextest() {
    cargo nextest run --locked --features sim --profile "$profile" --no-tests fail "$@" 9>&- \
        2> >(tee >(grep -E '^ *Summary ' >>"$summaries") >&2)
}

phase setup
docker/check-rust.sh
if ! cargo clippy --version >/dev/null 2>&1 || ! cargo fmt --version >/dev/null 2>&1; then
    rustup component add clippy rustfmt
fi
$sudo docker/setup.sh
if ! cargo nextest --version >/dev/null 2>&1; then
    echo "== setup: installing cargo-nextest"
    cargo install --locked cargo-nextest
fi

phase format
cargo fmt --check

phase clippy
cargo clippy --locked --all-targets --all-features -- -D warnings
cargo clippy --locked --no-default-features --lib --bin aza-entrypoint -- -D warnings

phase fences
cargo check --locked --no-default-features --lib --bin aza-entrypoint
if cargo tree --locked --no-default-features -e normal | grep -w tokio; then
    echo "the pure core and the container door must build without tokio: see the feature \`agent\` in Cargo.toml" >&2
    false
fi

phase "tests that need no Docker"
nextest -E "not $live"

phase image
cargo build --locked --release --no-default-features --bin aza-entrypoint
$sudo docker/progress.sh "$target/debug/aza-agent" image build --entrypoint "$target/release/aza-entrypoint"

phase "live tests"
# Names of stacks are fixed: two runs on one machine would remove each other's containers.
exec 9>>/run/lock/aza-agent-test
flock --nonblock 9 || {
    echo "another make test is at its live tests on this machine: waiting for its end"
    flock 9
}
# What is there now is a run's that was interrupted.
before=$(leftovers)
[ -z "$before" ] || printf 'not of this run, left alone:\n%s\n' "$before"
# They need root, as the agent does: cargo stays who it is, each test is started through sudo.
if [ -n "$sudo" ]; then
    triple=$(rustc -vV | sed -n 's/^host: //p' | tr 'a-z-' 'A-Z_')
    export "CARGO_TARGET_${triple}_RUNNER=sudo --preserve-env"
fi
nextest -E "$live" && lived=0 || lived=$?

phase cleaning
left=$(comm -13 <(echo "$before") <(leftovers) | sed '/^$/d')
if [ -n "$left" ]; then
    printf 'a test left behind (now removed):\n%s\n' "$left" >&2
    remove <<<"$left"
    false
fi
[ "$lived" = 0 ] || (exit "$lived")

# nextest's own words, so that this line cannot say more than it did.
sleep 0.2
runs=$(wc -l <"$summaries")
passed=$(grep -oE '[0-9]+ passed' "$summaries" | awk '{ n += $1 } END { print n + 0 }')
live_passed=$(tail -n 1 "$summaries" | grep -oE '[0-9]+ passed' | cut -d ' ' -f 1)
if [ "$runs" != 2 ] || [ "${live_passed:-0}" = 0 ] || grep -qE 'failed|timed out' "$summaries"; then
    echo "nextest's summaries do not add up:" >&2
    cat "$summaries" >&2
    false
fi
printf 'make test: passed in %dm%02ds: format, clippy, fences, %d tests (%d of them on Docker)\n' \
    $(((SECONDS - began) / 60)) $(((SECONDS - began) % 60)) "$passed" "$live_passed"
