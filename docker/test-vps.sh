#!/usr/bin/env bash
# The trip on a fresh VPS (e2e/vps): installs QEMU where it is missing, builds what people would install, makes the machine's disk at
# the first run (kept in target/vps), and boots it. No KVM is needed, nor used.
set -euo pipefail
cd "$(dirname "$0")/.."

began=$SECONDS
sudo=$([ "$(id -u)" = 0 ] || echo sudo)
[ -n "${CI:-}" ] && profile=ci || profile=default

phase() { printf '== %s (%dm%02ds)\n' "$*" $(((SECONDS - began) / 60)) $(((SECONDS - began) % 60)); }

phase setup
docker/check-rust.sh
missing=""
command -v qemu-system-x86_64 >/dev/null || missing="$missing qemu-system-x86"
command -v mmdebstrap >/dev/null || missing="$missing mmdebstrap"
[ -x /sbin/mke2fs ] || missing="$missing e2fsprogs"
if [ -n "$missing" ]; then
    echo "== setup: installing with apt:$missing"
    $sudo apt-get -qq update
    # shellcheck disable=SC2086 # one package a word
    DEBIAN_FRONTEND=noninteractive $sudo apt-get -qq install -y --no-install-recommends $missing >&2
fi
if ! cargo nextest --version >/dev/null 2>&1; then
    echo "== setup: installing cargo-nextest"
    cargo install --locked cargo-nextest
fi

make --no-print-directory image

phase "the machine's disk"
$sudo docker/progress.sh docker/vps-root.sh "${CARGO_TARGET_DIR:-target}/vps" >/dev/null

phase "a fresh VPS"
if [ -n "$sudo" ]; then
    triple=$(rustc -vV | sed -n 's/^host: //p' | tr 'a-z-' 'A-Z_')
    export "CARGO_TARGET_${triple}_RUNNER=sudo --preserve-env"
fi
cargo nextest run --locked --features sim --profile "$profile" --no-tests fail --run-ignored only --no-capture -E 'binary(vps)'
printf 'make test-vps: passed in %dm%02ds\n' $(((SECONDS - began) / 60)) $(((SECONDS - began) % 60))
