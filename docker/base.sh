#!/bin/sh
# Makes the base image from Debian's archive: base.sh IMAGE
#
# Signatures are always verified. Whether the archive's dates are checked too follows this machine's own
# apt configuration: a machine on a frozen mirror says so there, and this script does not second-guess it.
# Files left out must be excluded before the first package is unpacked, so they are named here.
set -eu

release=forky
image=${1:?usage: base.sh IMAGE}

command -v mmdebstrap >/dev/null || {
    echo "base.sh: installing mmdebstrap" >&2
    apt-get -qq install -y --no-install-recommends mmdebstrap >&2 || {
        echo "base.sh: mmdebstrap is missing: apt-get update && apt-get install mmdebstrap" >&2
        exit 1
    }
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The machine's date checks, word for word.
apt-config dump | grep -E '^Acquire::(Check-Valid-Until|Check-Date|Max-FutureTime) ' >"$work/dates" || true
set --
while read -r line; do
    set -- "$@" --aptopt="$line"
done <"$work/dates"

# mmdebstrap knows Debian's default mirror. Its option files are for the build, not for the image.
mmdebstrap --variant=minbase "$@" \
    --aptopt='APT::Install-Recommends "false"' \
    --dpkgopt='path-exclude=/usr/share/doc/*' \
    --dpkgopt='path-exclude=/usr/share/info/*' \
    --dpkgopt='path-exclude=/usr/share/lintian/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' \
    --dpkgopt='path-exclude=/usr/share/man/*' \
    --customize-hook='rm -f "$1"/etc/apt/apt.conf.d/99mmdebstrap "$1"/etc/dpkg/dpkg.cfg.d/99mmdebstrap' \
    "$release" "$work/root.tar" >&2
docker import --change 'CMD ["bash"]' "$work/root.tar" "$image" >&2
