#!/bin/sh
# Installs what `make build` made: install-agent.sh RELEASE DESTDIR PREFIX. Needs root. Starts nothing, and keeps every manifest.
set -eu
cd "$(dirname "$0")/.."

release=$1 destdir=$2 prefix=$3
say() { echo "== install: $*"; }

for binary in aza-agent aza-entrypoint; do
    [ -x "$release/$binary" ] || {
        echo "install: $release/$binary is missing: make build" >&2
        exit 1
    }
    # Both in one place: `aza-agent image build` looks for the container door beside itself. Renamed into place, since the
    # old one may be running.
    install -D -m 0755 "$release/$binary" "$destdir$prefix/bin/.$binary.new"
    mv -f "$destdir$prefix/bin/.$binary.new" "$destdir$prefix/bin/$binary"
    say "$destdir$prefix/bin/$binary"
done

unit=$destdir/etc/systemd/system/aza-agent.service
mkdir -p "$(dirname "$unit")"
sed "s|^ExecStart=/usr/local/|ExecStart=$prefix/|" systemd/aza-agent.service >"$unit.new"
mv -f "$unit.new" "$unit"
say "$unit"
mkdir -p "$destdir/etc/aza-agent/desired-state"
install -d -m 0700 "$destdir/etc/aza-agent/credentials"
say "$destdir/etc/aza-agent/desired-state: put manifests here"

if [ -z "$destdir" ] && [ -d /run/systemd/system ]; then
    systemctl daemon-reload
    if systemctl --quiet is-active aza-agent; then
        say "the agent runs; for the new one: systemctl restart aza-agent"
    else
        say "to start it: systemctl enable --now aza-agent"
    fi
fi
