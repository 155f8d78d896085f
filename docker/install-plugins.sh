#!/bin/sh
# Installs Docker's compose and buildx plugins for every user, from Debian's archive.
#
# Not by `apt-get install`: the plugins wanted are newer than a stable Debian's, and nothing else of the
# machine should move to a newer release. So apt gets lists of its own, verifies their signatures as
# always, and the one file of each package is copied out. A second run changes nothing.
set -eu

release=forky
plugins=${DOCKER_PLUGINS_DIR:-/usr/local/lib/docker/cli-plugins}
work=

say() { echo "install-plugins: $*" >&2; }
die() { say "$*"; exit 1; }

# Prints a plugin's version as 2.40.3, or nothing where docker cannot run it.
version() { docker "$1" version 2>/dev/null | sed -n 's/^[^0-9]*\([0-9][0-9.]*\).*/\1/p' | head -n 1; }

# Whether version $1 is at least $2.
at_least() { [ -n "$1" ] && dpkg --compare-versions "$1" ge "$2"; }

# The archive that this machine already trusts: its own mirror counts, whichever that is.
mirror() {
    # shellcheck disable=SC2016 # apt fills the placeholder in, not the shell
    apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' 'Label: Debian' | head -n 1
}

own_apt() {
    apt-get -qq \
        -o Dir::Etc::sourcelist="$work/sources.list" -o Dir::Etc::sourceparts=- \
        -o Dir::State::lists="$work/lists" -o Dir::State::status=/dev/null \
        -o Dir::Cache="$work/cache" -o APT::Sandbox::User=root "$@"
}

prepare_lists() {
    [ -z "$work" ] || return 0
    [ "$(id -u)" = 0 ] || die "needs root to write $plugins: run it with sudo"
    command -v apt-get >/dev/null || die "needs apt: on another system install the plugins as Docker's manual says"
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    uri=$(mirror)
    if [ -z "$uri" ]; then
        apt-get -qq update
        uri=$(mirror)
    fi
    [ -n "$uri" ] || die "no Debian archive among this machine's apt sources: add one, then run this again"
    mkdir -p "$work/lists/partial" "$work/cache/archives/partial"
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $uri $release main" >"$work/sources.list"
    own_apt update
}

# install COMMAND PACKAGE LEAST-VERSION
install_plugin() {
    if at_least "$(version "$1")" "$3"; then
        say "docker $1 $(version "$1") is there"
        return 0
    fi
    prepare_lists
    say "fetching $2"
    (cd "$work" && own_apt download "$2")
    dpkg-deb -x "$work/$2"_*.deb "$work/$2"
    mkdir -p "$plugins"
    found=$(find "$work/$2" -type f -path "*/cli-plugins/docker-$1" | head -n 1)
    [ -n "$found" ] || die "package $2 holds no docker-$1"
    install -m 0755 "$found" "$plugins/docker-$1"
    at_least "$(version "$1")" "$3" || die "docker $1 still says '$(version "$1")', wanted $3 or newer"
    say "docker $1 $(version "$1") installed in $plugins"
}

command -v docker >/dev/null || die "docker is not installed: apt-get install docker.io docker-cli"
install_plugin compose docker-compose 2.20
install_plugin buildx docker-buildx 0.11
