#!/bin/sh
# Installs what the agent needs and this machine lacks; says first what that is. Needs root. A second run changes nothing.
#
# Debian with and without systemd. What is there is left alone, whoever installed it.
set -eu
cd "$(dirname "$0")"

say() { echo "== setup: $*"; }

has() { command -v "$1" >/dev/null; }

known() { [ -n "$(apt-cache show "$1" 2>/dev/null)" ]; }

[ "$(id -u)" = 0 ] || {
    echo "setup: needs root: run it with sudo" >&2
    exit 1
}

missing=""
has dockerd || missing="$missing docker.io"
has docker || missing="$missing docker-cli"
has mmdebstrap || missing="$missing mmdebstrap"
# Rust's linker.
has cc || missing="$missing gcc libc6-dev"

if [ -n "$missing" ]; then
    has apt-get || {
        echo "setup: no apt here. Install these by other means, then try again:$missing" >&2
        exit 1
    }
    apt-get -qq update
    # An older Debian has the client inside docker.io.
    known docker-cli || missing=$(echo "$missing" | sed 's/ docker-cli/ docker.io/')
    # A kernel with AppArmor on makes Docker ask for its parser, which the package only recommends.
    case "$missing" in *docker.io*) missing="$missing apparmor" ;; esac
    say "installing with apt:$missing"
    # shellcheck disable=SC2086 # one package a word
    DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends $missing >&2
fi

if ! docker version >/dev/null 2>&1; then
    say "starting Docker"
    if [ -d /run/systemd/system ]; then
        systemctl enable --now docker
    else
        service docker start
    fi
    tries=30
    until docker version >/dev/null 2>&1; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || {
            docker version >&2 || true
            echo "setup: Docker does not answer after 30 s. Its log says why: journalctl -u docker, or /var/log/docker.log" >&2
            exit 1
        }
        sleep 1
    done
fi

./install-plugins.sh
say "everything is there"
